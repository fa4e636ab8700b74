/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "policyd/log_state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"

#define FILE_OCTETS ((size_t)4096)
#define PATH_OCTETS 1200
#define FIRST_LINE "aver tls-log 1"

int
log_state_new(struct log_state *out)
{
	static const char hex[] = "0123456789abcdef";
	unsigned char r[8];

	if (getentropy(r, sizeof(r)) != 0)
		return AVER_IO;
	memset(out, 0, sizeof(*out));
	memcpy(out->source, "tls-log-", 8);
	for (size_t i = 0; i < sizeof(r); i++) {
		out->source[8 + 2 * i] = hex[r[i] >> 4];
		out->source[9 + 2 * i] = hex[r[i] & 15];
	}
	return 0;
}

void
log_state_print(struct buf *b, const struct log_state *s)
{
	const struct log_mark *v[] = {&s->look, &s->begin, &s->end};

	buf_addf(b, FIRST_LINE "\nsource %s\nseq ", s->source);
	buf_add_u64(b, s->seq);
	for (size_t i = 0; i < 3; i++) {
		buf_add_c(b, '\n');
		log_mark_print(b, v[i]);
	}
	buf_add_z(b, "\nend\n");
}

static bool
parse_source(struct str line, struct log_state *out)
{
	struct str rest;

	if (!str_eq(str_cut(line, ' ', &rest), STR("source")) || rest.n == 0 ||
	    rest.n >= sizeof(out->source))
		return false;
	for (size_t i = 0; i < rest.n; i++)
		if (!chars_is(rest.p[i], CH_LDH))
			return false;
	memcpy(out->source, rest.p, rest.n);
	return true;
}

bool
log_state_parse(struct str text, struct log_state *out)
{
	struct log_state s;
	struct log_mark *v[] = {&s.look, &s.begin, &s.end};
	struct str rest = text, line, word;

	memset(&s, 0, sizeof(s));
	if (!str_eq(str_cut(rest, '\n', &rest), STR(FIRST_LINE)) ||
	    !parse_source(str_cut(rest, '\n', &rest), &s))
		return false;
	line = str_cut(rest, '\n', &rest);
	word = str_cut(line, ' ', &line);
	if (!str_eq(word, STR("seq")) || !str_to_u64(line, INT64_MAX, &s.seq))
		return false;
	for (size_t i = 0; i < 3; i++)
		if (!log_mark_parse(str_cut(rest, '\n', &rest), v[i]))
			return false;
	if (!str_eq(rest, STR("end\n")))
		return false;
	*out = s;
	return true;
}

static int
io_error(struct diag *d, const char *path)
{
	return diag_set(d, AVER_IO, 0, "%s: %s", path, strerror(errno));
}

int
log_state_load(const char *path, struct log_state *out, struct diag *d)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[FILE_OCTETS];
	ssize_t n;

	if (fd < 0)
		return errno == ENOENT ? AVER_NOTFOUND : io_error(d, path);
	n = read(fd, text, sizeof(text));
	close(fd);
	if (n < 0)
		return io_error(d, path);
	if (!log_state_parse((struct str){text, (size_t)n}, out))
		return diag_set(d, AVER_SYNTAX, 0, "%s is damaged", path);
	return 0;
}

static int
write_file(const char *path, struct str s)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool done;

	if (fd < 0)
		return -1;
	/* it is smaller than any file system's block */
	done = write(fd, s.p, s.n) == (ssize_t)s.n && fsync(fd) == 0;
	return close(fd) == 0 && done ? 0 : -1;
}

/* Else a power failure might bring the older file back. */
static void
sync_folder(const char *path)
{
	const char *slash = strrchr(path, '/');
	char folder[PATH_OCTETS];
	int fd;

	snprintf(folder, sizeof(folder), "%.*s",
	    slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	(void)fsync(fd);
	close(fd);
}

int
log_state_save(const char *path, const struct log_state *s, struct diag *d)
{
	char fresh[PATH_OCTETS];
	struct buf b;
	int err = 0;

	if ((size_t)snprintf(fresh, sizeof(fresh), "%s.new", path) >=
	    sizeof(fresh))
		return diag_set(d, AVER_IO, 0, "%s: too long", path);
	buf_init(&b, NULL, FILE_OCTETS);
	log_state_print(&b, s);
	if (!buf_ok(&b) || write_file(fresh, buf_str(&b)) ||
	    rename(fresh, path))
		err = io_error(d, path);
	else
		sync_folder(path);
	buf_fini(&b);
	return err;
}
