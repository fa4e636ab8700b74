/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/* The framers, and sockets that listen. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "lib/base/err.h"
#include "lib/net/attrline.h"
#include "lib/net/listen.h"
#include "lib/net/netstring.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

struct frame_case {
	const char *name;
	struct str in;
	enum frame_result want;
	struct str body;
	size_t used;
};

static const struct frame_case netstrings[] = {
    {"empty", STR_INIT("0:,"), FRAME_READY, STR_INIT(""), 3},
    {"one", STR_INIT("3:abc,"), FRAME_READY, STR_INIT("abc"), 6},
    {"with more behind", STR_INIT("1:a,1:b,"), FRAME_READY, STR_INIT("a"), 4},
    {"the limit", STR_INIT("12:abcdefghijkl,"), FRAME_READY,
	STR_INIT("abcdefghijkl"), 16},
    {"any octets", STR_INIT("4:\0\n,:,"), FRAME_READY, STR_INIT("\0\n,:"), 7},
    {"nothing", STR_INIT(""), FRAME_MORE, STR_INIT(""), 0},
    {"half a length", STR_INIT("1"), FRAME_MORE, STR_INIT(""), 0},
    {"a length", STR_INIT("3:"), FRAME_MORE, STR_INIT(""), 0},
    {"half", STR_INIT("3:ab"), FRAME_MORE, STR_INIT(""), 0},
    {"without its comma", STR_INIT("3:abc"), FRAME_MORE, STR_INIT(""), 0},
};

static const struct frame_case bad_netstrings[] = {
    {"too long", STR_INIT("13:"), FRAME_LONG, STR_INIT(""), 0},
    {"too long, by its first digits", STR_INIT("130"), FRAME_LONG, STR_INIT(""),
	0},
    {"ten megabytes", STR_INIT("10485760:x"), FRAME_LONG, STR_INIT(""), 0},
    {"beyond any integer", STR_INIT("99999999999999999999999999"), FRAME_LONG,
	STR_INIT(""), 0},
    {"leading zero", STR_INIT("03:abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"two zeros", STR_INIT("00:,"), FRAME_BAD, STR_INIT(""), 0},
    {"no length", STR_INIT(":abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"negative", STR_INIT("-1:"), FRAME_BAD, STR_INIT(""), 0},
    {"space", STR_INIT(" 3:abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"plus", STR_INIT("+3:abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"no colon", STR_INIT("3;abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"no comma", STR_INIT("3:abcd"), FRAME_BAD, STR_INIT(""), 0},
    {"length too short", STR_INIT("2:abc,"), FRAME_BAD, STR_INIT(""), 0},
    {"NUL", STR_INIT("\0"), FRAME_BAD, STR_INIT(""), 0},
};

static const struct frame_case attrs[] = {
    {"one line", STR_INIT("a=b\n\n"), FRAME_READY, STR_INIT("a=b\n"), 5},
    {"two lines", STR_INIT("a=b\nc=d\n\nx"), FRAME_READY,
	STR_INIT("a=b\nc=d\n"), 9},
    {"none", STR_INIT("\n"), FRAME_READY, STR_INIT(""), 1},
    {"half", STR_INIT("a=b"), FRAME_MORE, STR_INIT(""), 0},
    {"without the empty line", STR_INIT("a=b\n"), FRAME_MORE, STR_INIT(""), 0},
    {"up to the limit", STR_INIT("abcdefghij\n\n"), FRAME_READY,
	STR_INIT("abcdefghij\n"), 12},
    {"over the limit", STR_INIT("abcdefghijk\n\n"), FRAME_LONG, STR_INIT(""),
	0},
    {"without end", STR_INIT("abcdefghijklmnop"), FRAME_LONG, STR_INIT(""), 0},
    {"lines without end", STR_INIT("a\na\na\na\na\na\na\na\n"), FRAME_LONG,
	STR_INIT(""), 0},
};

#define LIMIT 12

typedef enum frame_result framer(struct str, size_t, struct frame *);

/* All at once, and an octet at a time: the same. */
static void
check_frame(framer *fn, const struct frame_case *c)
{
	struct frame f = {0}, slow = {0};
	enum frame_result r = fn(c->in, LIMIT, &f), s = FRAME_MORE;

	ok(r == c->want, "%s", c->name);
	if (c->want == FRAME_READY) {
		is_str(f.body, c->body, c->name);
		is_int(f.used, c->used, c->name);
	}
	for (size_t n = 0; n <= c->in.n && s == FRAME_MORE; n++)
		s = fn(str_head(c->in, n), LIMIT, &slow);
	ok(s == c->want, "%s, octet by octet", c->name);
	if (c->want == FRAME_READY)
		is_str(slow.body, c->body, c->name);
}

static void
test_attrs(void)
{
	struct str rest = STR("request=x\nempty=\nv=a=b\nlast=1"), n, v;

	ok(attrline_next(&rest, &n, &v) == ATTRLINE_OK, "a first attribute");
	is_str(n, STR("request"), "its name");
	is_str(v, STR("x"), "its value");
	ok(attrline_next(&rest, &n, &v) == ATTRLINE_OK && v.n == 0,
	    "an empty value");
	ok(attrline_next(&rest, &n, &v) == ATTRLINE_OK, "two equal signs");
	is_str(v, STR("a=b"), "the first one counts");
	ok(attrline_next(&rest, &n, &v) == ATTRLINE_OK, "no line end");
	is_str(v, STR("1"), "its value");
	ok(attrline_next(&rest, &n, &v) == ATTRLINE_END, "the end");
	ok(attrline_next(&rest, &n, &v) == ATTRLINE_END, "the end again");
}

static void
test_bad_attrs(void)
{
	static const struct str bad[] = {STR_INIT("novalue\n"),
	    STR_INIT("=x\n"), STR_INIT("\n"), STR_INIT("a=\0b\n"),
	    STR_INIT("a\0=b\n")};
	struct str n, v;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct str rest = bad[i];

		ok(attrline_next(&rest, &n, &v) == ATTRLINE_BAD,
		    "malformed attribute %zu", i);
	}
}

static void
test_print(void)
{
	struct buf b;
	struct frame f = {0};

	buf_init(&b, NULL, 100);
	netstring_add(&b, STR("OK secure match=a"));
	is_str(buf_str(&b), STR("17:OK secure match=a,"), "a netstring");
	ok(netstring_frame(buf_str(&b), 50, &f) == FRAME_READY,
	    "which is read again");
	is_str(f.body, STR("OK secure match=a"), "with the same octets");
	buf_fini(&b);
}

/* ---- listeners ---------------------------------------------------------- */

static int
dial(const char *path)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%s", path);
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static const struct listen_access access_640 = {0640, ""};

static void
test_file(const char *dir)
{
	struct tmppath p = tmp_in(dir, "s");
	struct listeners l = {.n = 0}, m = {.n = 0};
	struct diag d = {{0}, 0};
	struct stat st;
	char where[1100];
	int fd;

	snprintf(where, sizeof(where), "unix:%s", p.z);
	is_int(listen_add(&l, where, &access_640, &d), 0, "a socket file");
	is_int(l.n, 1, "is one listener");
	ok(stat(p.z, &st) == 0 && (st.st_mode & 0777) == 0640, "with its mode");
	fd = dial(p.z);
	ok(fd >= 0, "one can connect");
	close(fd);
	is_int(listen_add(&m, where, &access_640, &d), AVER_CONF,
	    "one that is in use is not taken away");
	ok(strstr(d.text, "in use"), "and that is said: %s", d.text);
	fd = dial(p.z);
	ok(fd >= 0, "one can still connect");
	close(fd);
	/* as after a crash: the file stays, nobody listens */
	close(l.v[0].fd);
	l.n = 0;
	is_int(listen_add(&l, where, &access_640, &d), 0,
	    "a stale one is replaced");
	/* another process has put its own there: it stays */
	unlink(p.z);
	tmp_write(p.z, "x", 1);
	listen_close(&l);
	ok(stat(p.z, &st) == 0, "a file that is not ours stays at the end");
	is_int(listen_add(&l, where, &access_640, &d), AVER_CONF,
	    "no file but a socket is replaced");
	ok(stat(p.z, &st) == 0 && S_ISREG(st.st_mode), "it stays");
	unlink(p.z);
	is_int(listen_add(&l, where, &access_640, &d), 0, "and again");
	listen_close(&l);
	ok(stat(p.z, &st) < 0, "our own is removed at the end");
	is_int(listen_add(&l, where,
		   &(struct listen_access){0600, "no-such-group-here"}, &d),
	    AVER_CONF, "an unknown group");
	ok(stat(p.z, &st) < 0, "leaves no file");
}

static void
test_link(const char *dir)
{
	struct tmppath p = tmp_in(dir, "link"), to = tmp_in(dir, "to");
	struct listeners l = {.n = 0};
	struct diag d = {{0}, 0};
	struct stat st;
	char where[1100];

	snprintf(where, sizeof(where), "unix:%s", p.z);
	tmp_write(to.z, "x", 1);
	ok(symlink(to.z, p.z) == 0, "a link");
	is_int(listen_add(&l, where, &access_640, &d), AVER_CONF,
	    "a link is not followed");
	ok(lstat(p.z, &st) == 0 && S_ISLNK(st.st_mode) && stat(to.z, &st) == 0,
	    "nor removed");
	unlink(p.z);
	unlink(to.z);
}

static uint16_t
port_of(int fd)
{
	struct sockaddr_storage sa;
	socklen_t n = sizeof(sa);

	if (getsockname(fd, (struct sockaddr *)&sa, &n))
		return 0;
	if (sa.ss_family == AF_INET)
		return ntohs(((struct sockaddr_in *)(void *)&sa)->sin_port);
	return ntohs(((struct sockaddr_in6 *)(void *)&sa)->sin6_port);
}

static void
test_inet(void)
{
	struct listeners l = {.n = 0};
	struct ip ip = {.family = IP_V4, .a = {127, 0, 0, 1}};
	struct diag d = {{0}, 0};
	char where[64];
	uint16_t port;
	int fd = listen_inet(&ip, 0, 5), again;

	ok(fd >= 0, "a port of the system's choice");
	port = port_of(fd);
	ok(port > 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC &&
		(fcntl(fd, F_GETFL) & O_NONBLOCK),
	    "closed on exec, not blocking");
	snprintf(where, sizeof(where), "inet:127.0.0.1:%u", port);
	is_int(listen_add(&l, where, &access_640, &d), AVER_IO,
	    "a port in use is an error");
	ok(strstr(d.text, where), "which names it: %s", d.text);
	close(fd);
	is_int(listen_add(&l, where, &access_640, &d), 0, "a free one is not");
	again = listen_add(&l, "inet:[::1]:0", &access_640, &d);
	ok(again == 0 || again == AVER_IO, "IPv6, where there is any");
	again = listen_add(&l, "inet:localhost:0", &access_640, &d);
	ok(again == 0 && l.n >= 2, "a name");
	listen_close(&l);
	is_int(l.n, 0, "closed");
}

static void
test_bad_addresses(void)
{
	static const char *const bad[] = {"",
	    "unix:", "inet:", "inet:127.0.0.1", "inet::25",
	    "inet:127.0.0.1:", "inet:127.0.0.1:x", "inet:[::1:25", "file:/x",
	    "inet:no.such.host.invalid:25",
	    "unix:/0123456789012345678901234567890123456789012345678901234567"
	    "89012345678901234567890123456789012345678901234567890123456789"};
	struct listeners l = {.n = 0};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct diag d = {{0}, 0};

		ok(listen_add(&l, bad[i], &access_640, &d) == AVER_CONF &&
			l.n == 0 && d.text[0],
		    "\"%.30s\": %s", bad[i], d.text);
	}
}

static void
test_inherit(void)
{
	struct ip ip = {.family = IP_V4, .a = {127, 0, 0, 1}};
	struct listeners l = {.n = 0};
	struct diag d = {{0}, 0};
	char pid[32];
	int fd;

	is_int(listen_inherit(&l, &d), 0, "nothing to inherit");
	is_int(l.n, 0, "is nothing");
	fd = listen_inet(&ip, 0, 5);
	if (fd != 3) {
		dup2(fd, 3);
		close(fd);
	}
	setenv("LISTEN_PID", "1", 1);
	setenv("LISTEN_FDS", "1", 1);
	is_int(listen_inherit(&l, &d), 0, "for another process");
	is_int(l.n, 0, "is nothing");
	ok(!getenv("LISTEN_FDS"), "and is forgotten");
	snprintf(pid, sizeof(pid), "%ld", (long)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	is_int(listen_inherit(&l, &d), 0, "one of ours");
	ok(l.n == 1 && l.v[0].fd == 3 && (fcntl(3, F_GETFL) & O_NONBLOCK),
	    "is taken over");
	listen_close(&l);
	ok(open("/dev/null", O_RDONLY) == 3, "no socket at all");
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	is_int(listen_inherit(&l, &d), AVER_CONF, "is refused");
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "4000", 1);
	is_int(listen_inherit(&l, &d), AVER_LIMIT, "too many");
	close(3);
}

int
main(void)
{
	struct tmpdir t = tmpdir_new();

	/* before anything else has a descriptor */
	test_inherit();
	for (size_t i = 0; i < sizeof(netstrings) / sizeof(netstrings[0]); i++)
		check_frame(netstring_frame, &netstrings[i]);
	for (size_t i = 0;
	     i < sizeof(bad_netstrings) / sizeof(bad_netstrings[0]); i++)
		check_frame(netstring_frame, &bad_netstrings[i]);
	for (size_t i = 0; i < sizeof(attrs) / sizeof(attrs[0]); i++)
		check_frame(attrline_frame, &attrs[i]);
	test_attrs();
	test_bad_attrs();
	test_print();
	test_file(t.path);
	test_link(t.path);
	test_inet();
	test_bad_addresses();
	tmpdir_remove(t.path);
	return tap_done();
}
