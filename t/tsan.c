/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Part of aver-milter where it is built with ThreadSanitizer: what that would
 * tell of libmilter and we cannot help.
 *
 * smfi_stop() sets a flag and then wants the lock of the listener, which
 * destroys that lock and ends when it sees the flag; whichever thread calls it.
 * smfi_main() makes the lock of the flag, and exit(3) destroys it. The late one
 * gets an error from the lock, finds the socket closed and goes.
 *
 * Workers that find their pool closed are told of still, rarely: their
 * functions have no names, and the whole library would be our callbacks too.
 */
const char *__tsan_default_suppressions(void);

const char *
__tsan_default_suppressions(void)
{
	return "race:^mi_closener$\n"
	       "race:^mi_stop_milters$\n"
	       "race:^smfi_stop$\n" /* jumps into the one above */
	       "race:^mi_control_startup$\n"
	       "mutex:^mi_closener$\n"
	       "mutex:^mi_stop_milters$\n"
	       "mutex:^smfi_stop$\n";
}
