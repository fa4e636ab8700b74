/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * The server over a socket file, with clients of all kinds. A request is a
 * word and an argument: "now X" is answered by the poller, "work X" by a
 * worker, "slow N" after N milliseconds, "big N" with N octets, "close" never.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "lib/base/clock.h"
#include "lib/net/attrline.h"
#include "lib/net/netstring.h"
#include "lib/net/serve.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define MAX_REQUEST 1000
#define MANY 400

#define POLLERS 3

struct fixture;

/* What one poller uses alone. */
struct side {
	struct fixture *f;
	struct buf reply; /* of now() */
	unsigned asked;
};

struct fixture {
	struct tmpdir dir;
	struct listeners listeners;
	struct serve_protocol protocols[2 * POLLERS];
	struct side sides[POLLERS];
	struct serve *serve;
	atomic_uint worked, after, trouble[SERVE_TROUBLE_COUNT];
};

static void
sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&ts, NULL);
}

static uint64_t
argument(struct str request, const char *word)
{
	struct str rest = str_from(request, strlen(word) + 1);
	uint64_t n = 0;

	str_to_u64(rest, 1u << 30, &n);
	return n;
}

static void
echo(struct buf *out, const char *how, struct str request)
{
	struct buf text;

	buf_init(&text, NULL, (size_t)1 << 21);
	buf_addf(&text, "%s %.*s", how, STRF(request));
	netstring_add(out, buf_str(&text));
	buf_fini(&text);
}

static bool
starts_netstring(char c)
{
	return c >= '0' && c <= '9';
}

static bool
starts_attr(char c)
{
	return c >= 'a' && c <= 'z';
}

static enum serve_verdict
now_net(void *arg, struct str request, int64_t now, struct str *reply)
{
	struct side *f = arg;

	(void)now;
	f->asked++;
	if (str_starts(request, STR("close")))
		return SERVE_CLOSE;
	if (!str_starts(request, STR("now")) &&
	    !str_starts(request, STR("big")))
		return SERVE_WORK;
	buf_clear(&f->reply);
	echo(&f->reply, "poller", request);
	if (str_starts(request, STR("big"))) {
		struct buf fill;

		buf_clear(&f->reply);
		buf_init(&fill, NULL, (size_t)1 << 21);
		for (uint64_t n = argument(request, "big"); n >= 100; n -= 100)
			buf_addf(&fill, "%0100d", 0);
		netstring_add(&f->reply, buf_str(&fill));
		buf_fini(&fill);
	}
	*reply = buf_str(&f->reply);
	return SERVE_REPLY;
}

static void
work(void *arg, struct str request, struct serve_answer *out)
{
	struct fixture *f = ((struct side *)arg)->f;

	atomic_fetch_add(&f->worked, 1);
	if (str_starts(request, STR("slow")))
		sleep_ms((long)argument(request, "slow"));
	out->close = str_starts(request, STR("drop"));
	out->mark = 7;
	echo(&out->reply, "worker", request);
}

static void
late(void *arg, struct str request, struct serve_answer *out)
{
	(void)arg;
	echo(&out->reply, "late", request);
}

static void
after(void *arg, struct str request, const struct serve_answer *a)
{
	struct fixture *f = ((struct side *)arg)->f;

	/* the request and the reply of the same connection */
	if (a->mark == 7 &&
	    str_ends_ci(str_head(buf_str(&a->reply), a->reply.n - 1), request))
		atomic_fetch_add(&f->after, 1);
}

static void
trouble(void *arg, enum serve_trouble what, const struct ip *peer)
{
	struct fixture *f = arg;

	if (peer->family == IP_NONE)
		atomic_fetch_add(&f->trouble[what], 1);
}

static void
start(struct fixture *f, struct serve_config c)
{
	static const struct listen_access access = {0600, ""};
	struct diag d = {{0}, 0};
	char where[1100];

	memset(f, 0, sizeof(*f));
	f->dir = tmpdir_new();
	for (size_t i = 0; i < POLLERS; i++) {
		struct side *side = &f->sides[i];

		side->f = f;
		buf_init(&side->reply, NULL, (size_t)1 << 22);
		f->protocols[2 * i] =
		    (struct serve_protocol){starts_netstring, netstring_frame,
			MAX_REQUEST, true, now_net, work, late, after, side};
		f->protocols[2 * i + 1] =
		    (struct serve_protocol){starts_attr, attrline_frame,
			MAX_REQUEST, false, now_net, work, late, NULL, side};
	}
	c.protocols = f->protocols;
	c.n_protocols = 2;
	c.trouble = trouble;
	c.arg = f;
	snprintf(where, sizeof(where), "unix:%s/s", f->dir.path);
	if (listen_add(&f->listeners, where, &access, &d) ||
	    serve_start(&c, &f->listeners, &f->serve, &d)) {
		printf("Bail out! %s\n", d.text);
		exit(99);
	}
}

static struct serve_config
config(void)
{
	return (struct serve_config){.workers = 4,
	    .max_connections = 2000,
	    .idle_ms = 60000,
	    .stall_ms = 60000,
	    .wait_ms = 60000};
}

static void
clean(struct fixture *f)
{
	for (size_t i = 0; i < POLLERS; i++)
		buf_fini(&f->sides[i].reply);
	tmpdir_remove(f->dir.path);
}

static void
stop(struct fixture *f, int64_t patience)
{
	serve_stop(f->serve, patience);
	is_int(f->listeners.n, 0, "the listeners are closed");
	clean(f);
}

/* ---- clients ------------------------------------------------------------ */

static int
dial(struct fixture *f)
{
	struct sockaddr_un sa = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sa.sun_path, sizeof(sa.sun_path), "%.90s/s", f->dir.path);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&sa, sizeof(sa)) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool
put(int fd, const void *p, size_t n)
{
	return send(fd, p, n, MSG_NOSIGNAL) == (ssize_t)n;
}

static bool
ask(int fd, const char *request)
{
	char text[256];
	int n =
	    snprintf(text, sizeof(text), "%zu:%s,", strlen(request), request);

	return put(fd, text, (size_t)n);
}

/* One netstring; "" at the end of the stream, "?" after ten seconds. */
static const char *
take(int fd, char *out, size_t size)
{
	char c, page[4096];
	size_t n = 0, have = 0;

	for (;;) {
		struct pollfd p = {.fd = fd, .events = POLLIN};

		if (poll(&p, 1, 60000) <= 0)
			return "?";
		if (recv(fd, &c, 1, 0) != 1)
			return "";
		if (c == ':')
			break;
		n = n * 10 + (size_t)(c - '0');
	}
	while (have < n + 1) {
		size_t want =
		    n + 1 - have < sizeof(page) ? n + 1 - have : sizeof(page);
		ssize_t got = recv(fd, page, want, 0);

		if (got <= 0)
			return "";
		for (ssize_t i = 0; i < got && have + (size_t)i < size; i++)
			out[have + (size_t)i] = page[i];
		have += (size_t)got;
	}
	out[n < size ? n : size - 1] = '\0';
	return out;
}

static void
expect(int fd, const char *want, const char *name)
{
	char text[512];

	is_str(
	    str_from_z(take(fd, text, sizeof(text))), str_from_z(want), name);
}

static void
expect_end(int fd, const char *name)
{
	expect(fd, "", name);
	close(fd);
}

static struct serve_stats
stats(struct fixture *f)
{
	struct serve_stats st;

	serve_get_stats(f->serve, &st);
	return st;
}

/* Until the count is reached, or never will be. */
#define await(cond)                                    \
	for (int i_ = 0; i_ < 6000 && !(cond); i_++) { \
		sleep_ms(10);                          \
	}

/* ---- tests -------------------------------------------------------------- */

static void
test_plain(void)
{
	struct fixture f;
	int fd, other;

	start(&f, config());
	fd = dial(&f);
	ask(fd, "now a");
	expect(fd, "poller now a", "an answer at once");
	ask(fd, "work b");
	expect(fd, "worker work b", "an answer of a worker");
	ask(fd, "now c");
	expect(fd, "poller now c", "and again");
	other = dial(&f);
	put(other, "work x\n\nnow y\n\n", 15);
	expect(other, "worker work x\n", "the other protocol");
	expect(other, "poller now y\n", "and in order");
	is_int(stats(&f).connections, 2, "two connections");
	close(other);
	await(stats(&f).connections == 1);
	is_int(stats(&f).connections, 1, "then one");
	ask(fd, "close");
	expect_end(fd, "no answer but the end");
	fd = dial(&f);
	ask(fd, "drop");
	expect_end(fd, "a worker ends it too");
	await(stats(&f).worked == 3);
	is_int(atomic_load(&f.after), 1, "after() saw the one that it is for");
	is_int(stats(&f).at_once, 3, "what was answered at once");
	is_int(stats(&f).worked, 3, "what was not");
	stop(&f, 1000);
}

static void
test_pipelined(void)
{
	struct fixture f;
	struct buf all;
	char want[64], text[64];
	int fd, wrong = 0;

	start(&f, config());
	fd = dial(&f);
	buf_init(&all, NULL, (size_t)1 << 20);
	for (int i = 0; i < 3000; i++) {
		int n = snprintf(
		    text, sizeof(text), "%s %d", i % 7 ? "now" : "work", i);

		buf_addf(&all, "%d:%s,", n, text);
	}
	put(fd, all.p, all.n);
	for (int i = 0; i < 3000; i++) {
		snprintf(want, sizeof(want), "%s %d",
		    i % 7 ? "poller now" : "worker work", i);
		wrong += strcmp(take(fd, text, sizeof(text)), want) != 0;
	}
	is_int(wrong, 0, "3000 requests in one piece: in order");
	for (size_t i = 0; i < 700; i++) {
		put(fd, all.p + i, 1);
		if (i % 50 == 0)
			sleep_ms(1);
	}
	wrong = 0;
	for (int i = 0; i < 60; i++) {
		snprintf(want, sizeof(want), "%s %d",
		    i % 7 ? "poller now" : "worker work", i);
		wrong += strcmp(take(fd, text, sizeof(text)), want) != 0;
	}
	is_int(wrong, 0, "the same octet by octet");
	close(fd);
	buf_fini(&all);
	stop(&f, 1000);
}

static void
test_ends_with_request(void)
{
	struct fixture f;
	int fd;

	start(&f, config());
	fd = dial(&f);
	put(fd, "5:now a,6:work b,", 17);
	shutdown(fd, SHUT_WR);
	expect(fd, "poller now a", "a client that says no more");
	expect(fd, "worker work b", "gets all its answers");
	expect_end(fd, "and the end");
	fd = dial(&f);
	put(fd, "9:now a,", 8);
	shutdown(fd, SHUT_WR);
	expect_end(fd, "half a request");
	await(atomic_load(&f.trouble[SERVE_HALF_REQUEST]) == 1);
	is_int(atomic_load(&f.trouble[SERVE_HALF_REQUEST]), 1, "is told");
	stop(&f, 1000);
}

static void
test_hostile(void)
{
	static const struct {
		const char *octets, *name;
		enum serve_trouble want;
	} cases[] = {
	    {"10485760:aaaa", "ten megabytes announced", SERVE_LONG_REQUEST},
	    {"999999999999999999999", "a length without end",
		SERVE_LONG_REQUEST},
	    {"3:abcd,", "a wrong length", SERVE_BAD_REQUEST},
	    {"03:abc,", "a leading zero", SERVE_BAD_REQUEST},
	    {"GET / HTTP/1.0\r\n\r\n", "another protocol", SERVE_BAD_REQUEST},
	    {"\x16\x03\x01", "TLS", SERVE_BAD_REQUEST},
	};
	struct fixture f;
	char page[4096];
	int fd;

	start(&f, config());
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		unsigned before = atomic_load(&f.trouble[cases[i].want]);

		fd = dial(&f);
		put(fd, "5:now a,", i < 4 ? 8 : 0);
		put(fd, cases[i].octets, strlen(cases[i].octets));
		if (i < 4)
			expect(fd, "poller now a", "what came before");
		expect_end(fd, cases[i].name);
		is_int(atomic_load(&f.trouble[cases[i].want]), before + 1,
		    "is told");
	}
	memset(page, 'a', sizeof(page));
	fd = dial(&f);
	for (int i = 0; i < 100 && put(fd, page, sizeof(page)); i++)
		continue;
	expect_end(fd, "lines without end");
	await(stats(&f).connections == 0);
	is_int(stats(&f).connections, 0, "nothing is left");
	stop(&f, 1000);
}

/* A client that asks and asks and never reads. */
static void
test_slow_reader(void)
{
	struct fixture f;
	int fd, other;
	size_t asked = 0, got = 0;
	char text[64];

	start(&f, config());
	fd = dial(&f);
	for (; asked < 100000; asked++) {
		if (send(fd, "9:big 60000,", 12, MSG_DONTWAIT | MSG_NOSIGNAL) !=
		    12)
			break;
	}
	ok(asked < 100000, "it is not read any more after %zu", asked);
	other = dial(&f);
	ask(other, "work b");
	expect(other, "worker work b", "others are not kept waiting");
	close(other);
	/* what it was promised comes when it reads */
	for (; got < asked; got++) {
		const char *a = take(fd, text, sizeof(text));

		if (a[0] != '0')
			break;
	}
	is_int(got, asked, "it has all its answers when it reads");
	close(fd);
	stop(&f, 1000);
}

static void
test_timeouts(void)
{
	struct serve_config c = config();
	struct fixture f;
	int idle, half, deaf, good, n;
	int64_t begin = clock_mono_ms();

	c.idle_ms = 2000;
	c.stall_ms = 300;
	start(&f, c);
	idle = dial(&f);
	half = dial(&f);
	deaf = dial(&f);
	good = dial(&f);
	for (int i = 0; i < 50000; i++)
		if (send(deaf, "9:big 60000,", 12,
			MSG_DONTWAIT | MSG_NOSIGNAL) != 12)
			break;
	/* octets that make no request do not extend its time */
	put(half, "900:", 4);
	for (n = 0; n < 890 && put(half, "x", 1); n++)
		sleep_ms(20);
	ok(n < 890, "half a request ends");
	close(half);
	expect_end(idle, "an idle connection ends");
	ok(clock_mono_ms() - begin >= 2000, "not before its time");
	await(atomic_load(&f.trouble[SERVE_STALLED]) >= 2);
	is_int(atomic_load(&f.trouble[SERVE_STALLED]), 2,
	    "one stalled in writing, one in reading");
	ask(good, "now a");
	close(deaf);
	close(good);
	good = dial(&f);
	for (int i = 0; i < 25; i++) {
		char text[64];

		ask(good, "now a");
		if (strcmp(take(good, text, sizeof(text)), "poller now a"))
			break;
		sleep_ms(100);
	}
	ask(good, "now b");
	expect(good, "poller now b", "a busy one goes on");
	ok(stats(&f).idle >= 1, "idle ones are counted");
	close(good);
	stop(&f, 1000);
}

static void
test_share(void)
{
	struct fixture f;
	int fd[20], wrong = 0;
	char text[64];

	start(&f, config());
	for (int i = 0; i < 20; i++) {
		fd[i] = dial(&f);
		ask(fd[i], "slow 300");
		put(fd[i], "5:now z,", 8);
	}
	for (int i = 0; i < 20; i++) {
		wrong += strcmp(take(fd[i], text, sizeof(text)),
			     "worker slow 300") != 0;
		wrong += strcmp(take(fd[i], text, sizeof(text)),
			     "poller now z") != 0;
		close(fd[i]);
	}
	is_int(wrong, 0, "20 clients with one question have its answer");
	is_int(atomic_load(&f.worked), 1, "which was worked out once");
	is_int(stats(&f).shared, 19, "and shared");
	is_int(atomic_load(&f.after), 1, "after() is called once");
	stop(&f, 1000);
}

static void
test_late(void)
{
	struct serve_config c = config();
	struct fixture f;
	int one, two;

	c.workers = 1;
	c.wait_ms = 100;
	start(&f, c);
	one = dial(&f);
	ask(one, "slow 2000");
	await(stats(&f).working == 1);
	sleep_ms(20);
	two = dial(&f);
	ask(two, "work x");
	expect(two, "late work x", "who has waited too long is told so");
	expect(one, "worker slow 2000", "who made it wait has its answer");
	await(stats(&f).late == 1);
	is_int(stats(&f).late, 1, "counted");
	/* the client goes away while a worker has its request */
	ask(one, "slow 100");
	close(one);
	ask(two, "now y");
	expect(two, "poller now y", "and nothing happens");
	await(stats(&f).connections == 1);
	is_int(stats(&f).connections, 1, "but its end");
	close(two);
	stop(&f, 1000);
}

static void
test_crowd(void)
{
	struct serve_config c = config();
	struct fixture f;
	static int silent[MANY];
	int busy[4], fd, there = 0;

	c.max_connections = MANY;
	start(&f, c);
	for (int i = 0; i < 4; i++) {
		busy[i] = dial(&f);
		ask(busy[i], "slow 1000");
	}
	await(stats(&f).connections == 4);
	for (int i = 0; i < MANY; i++)
		silent[i] = dial(&f);
	await(stats(&f).accepted == MANY + 4);
	is_int(stats(&f).connections, MANY, "no more than the limit");
	is_int(atomic_load(&f.trouble[SERVE_CROWDED]), 4,
	    "the oldest silent ones made place");
	fd = dial(&f);
	ask(fd, "work a");
	expect(fd, "worker work a", "a new client has its answer");
	for (int i = 0; i < 4; i++) {
		expect(
		    busy[i], "worker slow 1000", "who waits keeps its place");
		close(busy[i]);
	}
	for (int i = 0; i < MANY; i++) {
		char text[64];

		if (i >= 5 && ask(silent[i], "now a") &&
		    !strcmp(
			take(silent[i], text, sizeof(text)), "poller now a"))
			there++;
		close(silent[i]);
	}
	is_int(there, MANY - 5, "all others are still there");
	close(fd);
	stop(&f, 1000);
}

/* All are at workers: nobody can make place, and nobody is lost. */
static void
test_full(void)
{
	struct serve_config c = config();
	struct fixture f;
	int a, b, third;

	c.max_connections = 2;
	start(&f, c);
	a = dial(&f);
	b = dial(&f);
	ask(a, "slow 300");
	ask(b, "slow 301");
	await(stats(&f).working == 2);
	third = dial(&f);
	ask(third, "now c");
	expect(third, "poller now c", "the third waits in the queue");
	is_int(stats(&f).connections, 2, "and takes an idle place");
	close(a);
	close(b);
	close(third);
	stop(&f, 1000);
}

struct stopper {
	struct fixture *f;
	int64_t patience;
};

static void *
stop_it(void *arg)
{
	struct stopper *k = arg;

	serve_stop(k->f->serve, k->patience);
	return NULL;
}

static void
test_stop(unsigned pollers)
{
	struct serve_config c = config();
	struct fixture f;
	struct stopper k = {&f, 5000};
	pthread_t t;
	int working, asked, idle, half, wrong = 0;
	char text[64];

	c.pollers = pollers;
	start(&f, c);
	working = dial(&f);
	idle = dial(&f);
	half = dial(&f);
	put(half, "5:n", 3);
	ask(working, "slow 500");
	put(working, "6:work b,", 9);
	await(stats(&f).connections == 3 && stats(&f).working == 1);
	/* in the queue of the listener, or not yet read */
	asked = dial(&f);
	ask(asked, "now a");
	pthread_create(&t, NULL, stop_it, &k);
	expect(asked, "poller now a", "who came in time is answered");
	expect_end(asked, "and goes");
	expect_end(idle, "who is idle goes");
	wrong += strcmp(take(working, text, sizeof(text)), "worker slow 500");
	wrong += strcmp(take(working, text, sizeof(text)), "worker work b");
	is_int(wrong, 0, "what was asked is answered");
	put(half, "ow c,", 5);
	expect(half, "poller now c", "half a request may be ended");
	pthread_join(t, NULL);
	expect_end(working, "then it goes");
	expect_end(half, "and so does that");
	clean(&f);
}

static void
test_stop_forced(void)
{
	struct fixture f;
	int half;
	int64_t begin;

	start(&f, config());
	half = dial(&f);
	put(half, "5:n", 3);
	await(stats(&f).connections == 1);
	sleep_ms(20);
	begin = clock_mono_ms();
	stop(&f, 200);
	ok(clock_mono_ms() - begin >= 190, "a stop has patience");
	expect_end(half, "and ends all");
}

/* ---- load --------------------------------------------------------------- */

struct client {
	struct fixture *f;
	int id, answered, wrong;
};

static void *
run_client(void *arg)
{
	struct client *k = arg;
	int fd = dial(k->f);
	char want[96], request[64], text[96];

	for (int i = 0; i < 500; i++) {
		bool at_once = (i * 7 + k->id) % 5 != 0;

		snprintf(request, sizeof(request), "%s %d.%d",
		    at_once ? "now" : "work", k->id, i);
		snprintf(want, sizeof(want), "%s %s",
		    at_once ? "poller" : "worker", request);
		if (!ask(fd, request))
			break;
		if (strcmp(take(fd, text, sizeof(text)), want) != 0)
			k->wrong++;
		k->answered++;
		if (i % 100 == 99) {
			close(fd);
			fd = dial(k->f);
		}
	}
	close(fd);
	return NULL;
}

static void
test_load(unsigned pollers)
{
	struct serve_config c = config();
	struct fixture f;
	struct client clients[16];
	pthread_t t[16];
	int answered = 0, wrong = 0;

	c.pollers = pollers;
	start(&f, c);
	for (int i = 0; i < 16; i++) {
		clients[i] = (struct client){&f, i, 0, 0};
		pthread_create(&t[i], NULL, run_client, &clients[i]);
	}
	for (int i = 0; i < 16; i++) {
		pthread_join(t[i], NULL);
		answered += clients[i].answered;
		wrong += clients[i].wrong;
	}
	is_int(answered, 16 * 500, "16 clients at once: all are answered");
	is_int(wrong, 0, "each with its own answer");
	await(stats(&f).connections == 0);
	is_int(stats(&f).connections, 0, "no connection is left");
	stop(&f, 1000);
	for (unsigned i = 0; i < POLLERS; i++)
		ok((f.sides[i].asked > 500) == (i < pollers),
		    "poller %u had its share: %u requests", i,
		    f.sides[i].asked);
}

/* The limit holds for all together; a new client finds a place. */
static void
test_many_pollers(void)
{
	struct serve_config c = config();
	struct fixture f;
	static int silent[MANY];
	int fd;

	c.max_connections = 90;
	c.pollers = 3;
	start(&f, c);
	for (int i = 0; i < MANY; i++)
		silent[i] = dial(&f);
	await(stats(&f).accepted == MANY);
	await(stats(&f).connections == 90);
	is_int(stats(&f).connections, 90, "three pollers keep the limit");
	is_int(atomic_load(&f.trouble[SERVE_CROWDED]), MANY - 90,
	    "the others made place");
	fd = dial(&f);
	ask(fd, "work a");
	expect(fd, "worker work a", "a new client has its answer");
	ask(silent[MANY - 1], "now b");
	expect(silent[MANY - 1], "poller now b", "the newest are still there");
	for (int i = 0; i < MANY; i++)
		close(silent[i]);
	close(fd);
	stop(&f, 1000);
}

int
main(void)
{
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	test_plain();
	test_pipelined();
	test_ends_with_request();
	test_hostile();
	test_slow_reader();
	test_timeouts();
	test_share();
	test_late();
	test_crowd();
	test_full();
	test_stop(1);
	test_stop(3);
	test_stop_forced();
	test_load(1);
	test_load(3);
	test_many_pollers();
	for (int t = 0; t < SERVE_TROUBLE_COUNT; t++)
		ok(serve_trouble_name((enum serve_trouble)t)[0],
		    "trouble %d has a name", t);
	return tap_done();
}
