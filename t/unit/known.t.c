/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * Domains this site had a good exchange with: what makes them known, which
 * rejections are optional, and that neither depends on the way of a record
 * into the store.
 */
#include "lib/store/known.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

#include "lib/base/clock.h"
#include "lib/store/evaluation.h"
#include "lib/store/recorder.h"
#include "lib/store/ring.h"
#include "t/tap.h"
#include "t/unit/tmpdir.h"

#define HOUR 3600
#define DAY (24 * HOUR)

static void
encode(struct buf *b, const char *domain, const char *from,
    enum eval_disposition disposition, bool dkim, bool spf)
{
	const struct evaluation ev = {.policy_domain = str_from_z(domain),
	    .header_from = str_from_z(from),
	    .p = DMARC_POLICY_REJECT,
	    .disposition = disposition,
	    .dkim_aligned = dkim,
	    .spf_aligned = spf};

	evaluation_encode(b, &ev);
}

/* --- what a row says */

static const struct {
	const char *name;
	enum eval_disposition disposition;
	bool dkim, spf;
	const char *domain, *from;
	const char *news; /* names, each with a space */
	bool if_known;
} rules[] = {
    {"DKIM passes", EVAL_DISP_PASS, true, false, "d.example", "d.example",
	"d.example ", false},
    {"SPF passes", EVAL_DISP_PASS, false, true, "d.example", "d.example",
	"d.example ", false},
    {"both, under p=none", EVAL_DISP_NONE, true, true, "d.example", "d.example",
	"d.example ", false},
    {"of a subdomain", EVAL_DISP_PASS, true, false, "d.example", "a.d.example",
	"d.example a.d.example ", false},
    {"no author domain", EVAL_DISP_PASS, true, false, "d.example", "",
	"d.example ", false},
    {"no policy domain", EVAL_DISP_PASS, true, false, "", "d.example",
	"d.example ", false},
    {"fails under p=none", EVAL_DISP_NONE, false, false, "d.example",
	"d.example", "", false},
    {"fails, called pass", EVAL_DISP_PASS, false, false, "d.example",
	"d.example", "", false},
    {"rejected", EVAL_DISP_REJECT, false, false, "d.example", "d.example", "",
	true},
    {"quarantined", EVAL_DISP_QUARANTINE, false, false, "d.example",
	"d.example", "", true},
    {"rejected although DKIM passes", EVAL_DISP_REJECT, true, false,
	"d.example", "d.example", "", false},
    {"quarantined although SPF passes", EVAL_DISP_QUARANTINE, false, true,
	"d.example", "d.example", "", false},
};

static void
print_news(struct buf *b, const struct known *k)
{
	buf_clear(b);
	for (size_t i = 0; i < k->n_news; i++)
		buf_addf(b, "%.*s ", STRF(k->news[i].domain));
}

static void
each_rule(struct known *k)
{
	struct buf octets, news;

	buf_init(&octets, NULL, 65536);
	buf_init(&news, NULL, 65536);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++) {
		struct store_evaluation row = {.hour = 5 * DAY + HOUR,
		    .policy_domain = str_from_z(rules[i].domain),
		    .if_known = !rules[i].if_known};

		buf_clear(&octets);
		encode(&octets, rules[i].domain, rules[i].from,
		    rules[i].disposition, rules[i].dkim, rules[i].spf);
		row.octets = buf_str(&octets);
		known_forget(k);
		known_read(k, &row, 1);
		print_news(&news, k);
		is_str(
		    buf_str(&news), str_from_z(rules[i].news), rules[i].name);
		is_int(row.if_known, rules[i].if_known, rules[i].name);
		/* what cannot be read says nothing */
		row.octets.n--;
		known_forget(k);
		known_read(k, &row, 1);
		is_int(k->n_news + row.if_known, 0, "cut short");
	}
	buf_fini(&octets);
	buf_fini(&news);
}

/* Reads one passing row; how many names it tells the store. */
static size_t
tell(struct known *k, const char *domain, int64_t hour)
{
	struct store_evaluation row = {
	    .hour = hour, .policy_domain = str_from_z(domain)};
	struct buf b;

	buf_init(&b, NULL, 65536);
	encode(&b, domain, domain, EVAL_DISP_PASS, true, true);
	row.octets = buf_str(&b);
	known_read(k, &row, 1);
	buf_fini(&b);
	return k->n_news;
}

static void
once_a_day(struct known *k)
{
	char longest[KNOWN_NAME_MAX + 2];
	unsigned told = 0;

	known_forget(k);
	is_int(tell(k, "d.example", 7 * DAY), 1, "told");
	is_int(k->news[0].seen, 7 * DAY, "with the day");
	is_int(tell(k, "d.example", 8 * DAY - HOUR), 0, "once a day");
	is_int(tell(k, "d.exampl", 7 * DAY), 1, "another name");
	is_int(tell(k, "d.example", 8 * DAY + HOUR), 1, "the next day");
	is_int(k->news[0].seen, 8 * DAY, "with that day");
	is_int(tell(k, "d.example", 7 * DAY), 0, "an earlier day: old news");
	known_forget(k);
	is_int(tell(k, "d.example", 8 * DAY), 1, "forgotten: told again");
	/* more names than slots */
	for (unsigned i = 0; i < 3 * KNOWN_SLOTS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "n%u.example", i);
		told += tell(k, name, 8 * DAY) == 1;
	}
	is_int(told, 3 * KNOWN_SLOTS, "none is missed when slots are few");
	memset(longest, 'x', sizeof(longest));
	longest[KNOWN_NAME_MAX] = '\0';
	is_int(tell(k, longest, DAY), 1, "the longest name");
	is_int(tell(k, longest, DAY), 0, "once");
}

/* A full batch of rows with two names each. */
static void
full_batch(struct known *k)
{
	struct batch *batch = batch_new();
	struct buf *octets = calloc(BATCH_ROWS, sizeof(*octets));
	struct store_known *last = &k->news[2 * BATCH_ROWS - 1];

	known_forget(k);
	for (unsigned i = 0; i < BATCH_ROWS; i++) {
		char from[32];

		snprintf(from, sizeof(from), "f%u.example", i);
		buf_init(&octets[i], NULL, 65536);
		encode(&octets[i], from + 1, from, EVAL_DISP_PASS, true, false);
		batch->rows[i] =
		    (struct store_evaluation){.policy_domain = STR("p.example"),
			.hour = (int64_t)i * DAY,
			.octets = buf_str(&octets[i])};
	}
	known_read(k, batch->rows, BATCH_ROWS);
	is_int(k->n_news, 2 * BATCH_ROWS, "as many names as there is room for");
	is_str(last->domain, STR("f4095.example"), "the last one of them");
	for (unsigned i = 0; i < BATCH_ROWS; i++)
		buf_fini(&octets[i]);
	free(octets);
	free(batch);
}

/* --- through the recorder */

struct site {
	struct tmpdir dir;
	struct tmppath spec;
	struct recorder *r;
	unsigned next; /* fingerprint */
};

static void
site_open(struct site *s, unsigned known_days)
{
	const struct recorder_config c = {.store = s->spec.z,
	    .directory = s->dir.path,
	    .ring_size = RING_SIZE_MIN,
	    .batch_ms = 2,
	    .spool_max = 1 << 20,
	    .close_ms = 60000, /* it ends when all is in the store */
	    .known_days = known_days};
	struct diag d = {.text = ""};

	ok(recorder_open(&c, &s->r, &d) == 0, "a recorder %s", d.text);
}

static void
site_close(struct site *s)
{
	recorder_close(s->r);
	s->r = NULL;
}

static struct site
site_new(void)
{
	struct site s = {.dir = tmpdir_new()};

	mkdir(tmp_in(s.dir.path, "db").z, 0755);
	snprintf(s.spec.z, sizeof(s.spec.z), "sqlite:%s/db/store", s.dir.path);
	return s;
}

static void
store_away(const struct site *s)
{
	rename(tmp_in(s->dir.path, "db").z, tmp_in(s->dir.path, "away").z);
}

static void
store_back(const struct site *s)
{
	rename(tmp_in(s->dir.path, "away").z, tmp_in(s->dir.path, "db").z);
}

static void
nap(long ms)
{
	nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* Until all is committed or, with the store away, spooled. */
static void
settle(struct site *s)
{
	struct recorder_stats st = {.queued = 1};

	for (int i = 0; i < 30000 && st.queued; i++) {
		nap(2);
		recorder_stats(s->r, &st);
	}
	if (st.queued)
		ok(false, "records wait for ever");
}

/* Until all is in the store. */
static void
settle_in_store(struct site *s)
{
	struct recorder_stats st = {.queued = 1};

	for (int i = 0; i < 30000 && (st.queued || st.spooled); i++) {
		nap(2);
		recorder_stats(s->r, &st);
	}
	if (st.queued || st.spooled)
		ok(false, "the store does not get it all");
}

static void
add(struct site *s, int64_t now, const char *domain, const char *from,
    enum eval_disposition disposition, bool aligned)
{
	uint8_t fp[RECORDER_FINGERPRINT] = {1};
	struct recorder_ticket t;
	struct buf b;

	s->next++;
	memcpy(fp + 4, &s->next, sizeof(s->next));
	buf_init(&b, NULL, 65536);
	encode(&b, domain, from, disposition, aligned, false);
	if (recorder_add(
		s->r, now, str_from_z(domain), buf_str(&b), false, fp, &t))
		ok(false, "a record is lost");
	recorder_confirm(s->r, &t);
	buf_fini(&b);
}

static void
add_pass(struct site *s, int64_t now, const char *domain, const char *from)
{
	add(s, now, domain, from, EVAL_DISP_PASS, true);
}

static void
add_reject(struct site *s, int64_t now, const char *domain)
{
	add(s, now, domain, domain, EVAL_DISP_REJECT, false);
}

static int
print_domain(void *arg, const struct store_domain *d)
{
	buf_addf(arg, "%.*s %llu/%llu, ", STRF(d->policy_domain),
	    (unsigned long long)d->optional_messages,
	    (unsigned long long)d->messages);
	return 0;
}

static int
print_known(void *arg, const struct store_known *k)
{
	buf_addf(arg, "%.*s ", STRF(k->domain));
	return 0;
}

/* Prints "domain optional/all, ...; known ..." into b. */
static void
print_site(const struct site *s, struct buf *b)
{
	struct store *st = NULL;
	struct diag d;

	buf_clear(b);
	if (store_open(s->spec.z, STORE_READ, &st, &d)) {
		buf_add_z(b, d.text);
		return;
	}
	store_each_domain(st, print_domain, b, NULL);
	buf_add_z(b, "; ");
	store_each_known(st, print_known, b, NULL);
	store_close(st);
}

static void
is_site(const struct site *s, const char *want, const char *name)
{
	struct buf b;

	buf_init(&b, NULL, 65536);
	print_site(s, &b);
	is_str(buf_str(&b), str_from_z(want), name);
	buf_fini(&b);
}

/*
 * The same traffic; each step ends when its records have left the ring, so
 * that steps do not meet in one batch.
 */
static void
traffic(struct site *s)
{
	int64_t now = clock_now();

	add_reject(s, now, "a.example");
	add_reject(s, now, "b.example");
	add(s, now, "c.example", "c.example", EVAL_DISP_NONE, false);
	settle(s);
	add_pass(s, now, "a.example", "www.a.example");
	settle(s);
	add_reject(s, now, "a.example");
	add_reject(s, now, "www.a.example");
	add_reject(s, now, "b.example");
	add(s, now, "c.example", "c.example", EVAL_DISP_QUARANTINE, false);
	add(s, now, "d.example", "d.example", EVAL_DISP_REJECT, true);
	settle(s);
	add_reject(s, now, "d.example");
	settle(s);
}

/* Of 3: the rejection before the pass is optional, the one after it not. */
#define AFTER_TRAFFIC                                   \
	"a.example 1/3, b.example 2/2, c.example 1/2, " \
	"d.example 1/2, www.a.example 0/1, ; "          \
	"a.example www.a.example "

static void
direct(void)
{
	struct site s = site_new();

	site_open(&s, 10);
	traffic(&s);
	site_close(&s);
	is_site(&s, AFTER_TRAFFIC, "directly into the store");
	site_open(&s, 10);
	add_reject(&s, clock_now(), "a.example");
	site_close(&s);
	is_site(&s,
	    "a.example 1/4, b.example 2/2, c.example 1/2, d.example 1/2, "
	    "www.a.example 0/1, ; a.example www.a.example ",
	    "known to the next process too");
	tmpdir_remove(s.dir.path);
}

static void
spooled(void)
{
	struct site s = site_new();
	struct recorder_stats st;

	store_away(&s);
	site_open(&s, 10);
	traffic(&s);
	recorder_stats(s.r, &st);
	ok(st.spooled > 0 && st.committed == 0, "all is in the spool");
	store_back(&s);
	settle_in_store(&s);
	site_close(&s);
	is_site(&s, AFTER_TRAFFIC, "by way of the spool it is the same");
	tmpdir_remove(s.dir.path);
}

static void
turned_off(void)
{
	struct site s = site_new();

	site_open(&s, 0);
	traffic(&s);
	site_close(&s);
	is_site(&s,
	    "a.example 0/3, b.example 0/2, c.example 0/2, d.example 0/2, "
	    "www.a.example 0/1, ; ",
	    "without days nothing is optional and nobody known");
	tmpdir_remove(s.dir.path);
}

/*
 * Five days late, three count: what was known then counts for what was
 * recorded then, and is forgotten now.
 */
static void
late(void)
{
	struct site s = site_new();
	int64_t now = clock_now();
	struct buf b;

	store_away(&s);
	site_open(&s, 3);
	add_pass(&s, now - 5 * DAY, "l.example", "l.example");
	add_pass(&s, now, "new.example", "new.example");
	settle(&s);
	add_reject(&s, now - 5 * DAY, "l.example");
	add_reject(&s, now - 2 * DAY, "l.example");
	settle(&s);
	add_reject(&s, now, "l.example");
	settle(&s);
	store_back(&s);
	settle_in_store(&s);
	buf_init(&b, NULL, 65536);
	for (int i = 0; i < 10000; i++) {
		print_site(&s, &b);
		if (!str_contains_ci(buf_str(&b), STR("; l.example")))
			break;
		nap(5);
	}
	is_str(buf_str(&b),
	    STR("l.example 1/4, new.example 0/1, ; new.example "),
	    "late rows are judged as of their day; the old is forgotten");
	buf_fini(&b);
	site_close(&s);
	tmpdir_remove(s.dir.path);
}

static void
replaced(void)
{
	struct site s = site_new();

	site_open(&s, 10);
	add_pass(&s, clock_now(), "a.example", "a.example");
	settle_in_store(&s);
	unlink(s.spec.z + strlen("sqlite:"));
	add_pass(&s, clock_now(), "a.example", "a.example");
	settle_in_store(&s);
	site_close(&s);
	is_site(&s, "a.example 0/1, ; a.example ",
	    "a store that was replaced is told again");
	tmpdir_remove(s.dir.path);
}

/* Holds SQLite's lock of the one writer, in a child, until it is killed. */
static pid_t
hold_lock(const struct site *s)
{
	struct flock l = {.l_type = F_WRLCK,
	    .l_whence = SEEK_SET,
	    .l_start = 120,
	    .l_len = 1};
	struct tmppath shm = tmp_beside(s->spec.z + strlen("sqlite:"), "-shm");
	int ready[2], fd;
	char c = '-';
	pid_t pid;

	if (pipe(ready) < 0)
		return -1;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		fd = open(shm.z, O_RDWR);
		for (int i = 0; i < 60000 && c == '-'; i++) {
			if (fd >= 0 && fcntl(fd, F_SETLK, &l) == 0)
				c = '+';
			else
				nap(1);
		}
		(void)!write(ready[1], &c, 1);
		pause();
		_exit(0);
	}
	(void)!read(ready[0], &c, 1);
	close(ready[0]);
	close(ready[1]);
	ok(c == '+', "another process has the store's lock");
	return pid;
}

static void
failed_commit(void)
{
	struct site s = site_new();
	struct recorder_stats st = {0};
	pid_t pid;

	site_open(&s, 10);
	add_reject(&s, clock_now(), "x.example");
	settle_in_store(&s);
	pid = hold_lock(&s);
	add_pass(&s, clock_now(), "a.example", "a.example");
	for (int i = 0; i < 30000 && st.commit_failures < 1; i++) {
		nap(2);
		recorder_stats(s.r, &st);
	}
	ok(st.commit_failures >= 1, "a commit fails");
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	settle_in_store(&s);
	add_reject(&s, clock_now(), "a.example");
	site_close(&s);
	is_site(&s, "a.example 0/2, x.example 1/1, ; a.example ",
	    "what it had to tell is told by the next one");
	tmpdir_remove(s.dir.path);
}

int
main(void)
{
	struct known *k = known_new();

	each_rule(k);
	once_a_day(k);
	full_batch(k);
	free(k);
	direct();
	spooled();
	turned_off();
	late();
	replaced();
	failed_commit();
	return tap_done();
}
