/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

/*
 * A store as lines of JSON, and a store of them: what was in the one is in the
 * other, whatever the back ends; what is damaged adds nothing; and an import
 * that is killed again and again counts once.
 */
#include "ctl/store_export.h"
#include "ctl/store_import.h"

#include <pthread.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "lib/base/clock.h"
#include "ctl/portable_file.h"
#include "lib/store/take.h"
#include "t/unit/store_backend.h"
#include "t/unit/store_fill.h"

#define KILLS 20
#define ROWS 9000
#define TEXT_MAX ((size_t)64 << 20)

/* --- helpers */

static struct store_spec
sqlite_in(const struct tmpdir *dir, const char *name)
{
	struct store_spec s;

	snprintf(s.z, sizeof(s.z), "sqlite:%.400s/%s", dir->path, name);
	return s;
}

/* The export of a store as it is now, in a file that has no name. */
static FILE *
exported(const char *spec, const char *name)
{
	struct store *s = store_now(spec, STORE_READ);
	struct store_exported n;
	struct diag d = {.text = ""};
	FILE *f = tmpfile();
	int err = f ? store_export(s, f, &n, &d) : AVER_IO;

	ok(err == 0, "%s: exported %s", name, d.text);
	store_close(s);
	return f;
}

static struct buf
text_of(FILE *f)
{
	char chunk[65536];
	struct buf b;
	size_t n;

	buf_init(&b, NULL, TEXT_MAX);
	rewind(f);
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&b, (struct str){chunk, n});
	return b;
}

static FILE *
file_of(struct str text)
{
	FILE *f = tmpfile();

	if (!f || fwrite(text.p, 1, text.n, f) != text.n || fflush(f) != 0)
		exit(99);
	return f;
}

static int
by_text(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

static bool
same_everywhere(struct str line)
{
	return !str_starts(line, STR("{\"kind\":\"store\"")) &&
	       !str_starts(line, STR("{\"kind\":\"end\"")) &&
	       !str_starts(
		   line, STR("{\"kind\":\"source\",\"name\":\"export-"));
}

/*
 * The lines in order but the first, the last and what an import leaves: rows of
 * an hour have no order that both back ends share.
 */
static struct buf
content(FILE *f)
{
	struct buf b = text_of(f), out;
	struct str rest = buf_str(&b), *lines;
	size_t n = 0, room = 1;

	for (size_t i = 0; i < b.n; i++)
		room += b.p[i] == '\n';
	lines = calloc(room, sizeof(*lines));
	while (lines && rest.n) {
		struct str line = str_cut(rest, '\n', &rest);

		if (same_everywhere(line))
			lines[n++] = line;
	}
	if (n)
		qsort(lines, n, sizeof(*lines), by_text);
	buf_init(&out, NULL, TEXT_MAX);
	for (size_t i = 0; i < n; i++) {
		buf_add(&out, lines[i]);
		buf_add_c(&out, '\n');
	}
	free(lines);
	buf_fini(&b);
	return out;
}

static int
import(const char *spec, FILE *f, bool add, struct store_imported *n,
    struct diag *d)
{
	struct store *s = store_now(spec, STORE_WRITE);
	int err = store_import(s, f, "file", add, n, d);

	store_close(s);
	return err;
}

static bool
empty(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_stats st = {.reports = 1};
	uint8_t secret[STORE_SECRET];

	store_stats(s, &st, NULL);
	store_close(s);
	s = store_now(spec, STORE_READ);
	st.reports +=
	    store_secret(s, STR("verp"), secret, NULL) != AVER_NOTFOUND;
	store_close(s);
	return st.evaluations + st.known_domains + st.tls_results +
		   st.incidents + st.destinations + st.sts_policies +
		   st.suppressions + st.reports + st.bad_datagrams ==
	       0;
}

/* What store_fill() has not. */
static void
fill_more(struct store *s)
{
	static char body[3 * PORTABLE_BODY_PART + 1];
	const struct store_bad_datagram bad[] = {
	    {5, STR("why"), STR("\xff\0")}, {6, STR(""), STR("{}")}};
	const struct ledger_submission sub = {.number = 7,
	    .uri = STR("https://r.example/x"),
	    .destination = STR("r.example"),
	    .state = LEDGER_FAILED,
	    .attempts = 3,
	    .last_try = 1234,
	    .next_try = 1300,
	    .detail = STR("550 \xc3\xa9 \xff")};
	struct ledger_report r = {.id = STR("r2"),
	    .policy_domain = STR("a.example"),
	    .begin = HOUR,
	    .end = 2 * HOUR,
	    .created = 200,
	    .file_name = STR("f.gz"),
	    .record = STR("v=DMARC1; p=none")};
	/* the last of each stands before the other where rows are in order */
	const struct store_evaluation rows[] = {
	    {HOUR, STR("z.example"), STR("b"), 1, true, false},
	    {HOUR, STR("z.example"), STR("a"), 1, false, false}};
	const struct store_tls_result tls[] = {
	    {DAY, STR("z.example"), STR("s.example"), STR("p"), STR(""), 1, 0,
		true},
	    {DAY, STR("z.example"), STR("r.example"), STR("p"), STR(""), 1, 0,
		true}};
	uint8_t secret[STORE_SECRET];
	struct diag d = {.text = ""};

	ok(store_add_evaluations(s, STR("m"), 1, rows, 2, &d) == 0 &&
		store_add_tls_results(s, STR("m"), 2, tls, 2, &d) == 0,
	    "rows that are not last %s", d.text);
	for (size_t i = 0; i < sizeof(body); i++)
		body[i] = (char)(i * 31 >> 3);
	r.body = (struct str){body, sizeof(body)};
	ok(store_put_report(s, &r, &sub, 1, &d) == 0 &&
		store_add_bad_datagrams(s, bad, 2, 5, &d) == 0 &&
		store_secret(s, STR("report-id"), secret, &d) == 0,
	    "and what else there is %s", d.text);
}

/* Which row was counted last decides the policy that a report shows. */
static void
is_last(struct store *s, enum ledger_kind kind, const char *domain,
    struct str octets, struct str recipient)
{
	struct store_take_row last = {.octets = STR("none")};
	struct store_take *t;
	struct arena a;

	arena_init(&a, 1 << 20);
	if (store_take_begin(
		s, kind, str_from_z(domain), 0, 9 * DAY, 0, &t, NULL) == 0) {
		store_take_last(t, &a, &last, NULL);
		store_take_abort(t);
	}
	is_str(last.octets, octets, "the row that was last is last");
	is_str(last.recipient_domain, recipient, "and its recipient");
	arena_fini(&a);
}

static void
check_last(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);

	is_last(s, LEDGER_DMARC, "a.example", STR("last"), STR_NONE);
	is_last(s, LEDGER_DMARC, "z.example", STR("a"), STR_NONE);
	is_last(s, LEDGER_TLS, "z.example", STR("p"), STR("r.example"));
	store_close(s);
}

static int
note_finding(void *arg, bool fault, struct str text)
{
	printf("# %s: %.*s\n", fault ? "fault" : "note", STRF(text));
	*(int *)arg += fault;
	return 0;
}

/* Everything that programs leave is known to a check, takes included. */
static void
inspected(const char *spec)
{
	const struct ledger_report r = {
	    .id = STR("r3"), .policy_domain = STR("a.example"), .created = 300};
	struct store *s = store_now(spec, STORE_WRITE);
	struct store_take *t = NULL;
	uint64_t looked = 0, fence;
	struct diag d = {.text = ""};
	int faults = 0;

	ok(store_claim_submission(s, STR("r1"), 1, 100, 60, &fence, &d) == 0 &&
		store_take_begin(s, LEDGER_DMARC, STR("a.example"), 0, 2 * HOUR,
		    clock_now(), &t, &d) == 0 &&
		store_take_report(t, &r, NULL, 0, &d) == 0,
	    "while somebody works %s", d.text);
	ok(store_inspect(s, &looked, note_finding, &faults, &d) == 0 &&
		looked > 0,
	    "inspected %s", d.text);
	is_int(faults, 0, "and nothing is wrong");
	store_take_abort(t);
	store_close(s);
}

/* One that connects once and never again leaves nothing behind for good. */
static void
abandoned(const char *spec)
{
	const struct store_known known = {STR("n.example"), DAY};
	struct store *s = store_now(spec, STORE_WRITE), *reader;
	struct store_take *t = NULL;
	struct diag d = {.text = ""};
	uint64_t looked = 0, fence;
	int faults = 0;

	ok(store_know_domains(s, &known, 1, &d) == 0, "the first %s", d.text);
	store_fill(s);
	fill_more(s);
	ok(store_claim_submission(s, STR("r1"), 1, 100, 60, &fence, &d) == 0,
	    "a claim %s", d.text);
	/* an index of which the last is taken is made again */
	ok(store_take_begin(
	       s, LEDGER_DMARC, STR("b.example"), 0, INT64_MAX, 0, &t, &d) == 0,
	    "a take %s", d.text);
	store_take_abort(t);
	reader = store_now(spec, STORE_READ);
	ok(store_inspect(reader, &looked, note_finding, &faults, &d) == 0 &&
		looked > 30,
	    "%d keys %s", (int)looked, d.text);
	is_int(faults, 0, "and each of them expires");
	store_close(reader);
	store_close(s);
}

/* --- there and back */

static void
there_and_back(const char *spec)
{
	struct tmpdir dir = tmpdir_new();
	struct store_spec one = sqlite_in(&dir, "1"),
			  two = sqlite_in(&dir, "2");
	struct store *s = store_now(one.z, STORE_WRITE);
	struct store_imported n;
	struct buf first, second, third;
	struct diag d = {.text = ""};
	FILE *a, *b, *c;
	uint64_t tried = 0;

	store_fill(s);
	fill_more(s);
	store_close(s);
	a = exported(one.z, "SQLite");
	first = content(a);
	ok(first.n > 200000, "there is something in it: %zu", first.n);
	ok(import(spec, a, false, &n, &d) == 0, "imported %s", d.text);
	ok(n.messages == 16 && n.sessions == 12 && n.there == 0 && !n.again &&
		n.lines[PORTABLE_INCIDENT] == 2 &&
		n.lines[PORTABLE_REPORT] == 2 && n.lines[PORTABLE_KNOWN] == 2,
	    "and what is told");
	b = exported(spec, "the other");
	second = content(b);
	ok(str_eq(buf_str(&second), buf_str(&first)), "the same is there");
	check_last(spec);
	s = store_now(spec, STORE_READ);
	store_count_submissions(s, 1000, STR("r.example"), &tried, NULL);
	is_int(tried, 1, "caps know what was tried");
	store_close(s);
	ok(import(spec, a, false, &n, &d) == 0 && n.again && n.there == 2,
	    "once more %s", d.text);
	fclose(b);
	b = exported(spec, "the other");
	buf_fini(&second);
	second = content(b);
	ok(str_eq(buf_str(&second), buf_str(&first)), "changes nothing");
	ok(import(two.z, b, false, &n, &d) == 0, "and back %s", d.text);
	c = exported(two.z, "SQLite again");
	third = content(c);
	ok(str_eq(buf_str(&third), buf_str(&first)), "the same is there again");
	check_last(two.z);
	inspected(spec);
	buf_fini(&first);
	buf_fini(&second);
	buf_fini(&third);
	fclose(a);
	fclose(b);
	fclose(c);
	tmpdir_remove(dir.path);
}

/* --- what an import refuses */

static void
refused(const char *spec, struct str text, const char *want, const char *name)
{
	struct store_imported n;
	struct diag d = {.text = ""};
	FILE *f = file_of(text);

	is_int(import(spec, f, false, &n, &d), AVER_SYNTAX, name);
	ok(strstr(d.text, want) != NULL, "says so: %s", d.text);
	fclose(f);
}

/* The text with one line changed, and a right sum. */
static struct buf
changed(struct str text, const char *from, const char *to)
{
	struct buf b, out;
	struct portable end = {.kind = PORTABLE_END};
	struct sha256 *sum = sha256_new();
	struct buf hex;
	const char *at;
	uint64_t lines = 0;

	buf_init(&b, NULL, TEXT_MAX);
	buf_init(&out, NULL, TEXT_MAX);
	buf_init(&hex, NULL, 64);
	buf_add(&b, text);
	at = strstr(buf_z(&b), from);
	if (!at)
		exit(99);
	buf_add(&out, str_head(text, (size_t)(at - b.p)));
	buf_add_z(&out, to);
	buf_add(&out, str_from(text, (size_t)(at - b.p) + strlen(from)));
	buf_cut(
	    &out, (size_t)(strstr(buf_z(&out), "{\"kind\":\"end\"") - out.p));
	for (size_t i = 0; i < out.n; i++)
		lines += out.p[i] == '\n';
	sha256_add(sum, buf_str(&out));
	sha256_end(sum, &hex);
	sha256_free(sum);
	end.u.end.lines = lines;
	end.u.end.sha256 = buf_str(&hex);
	portable_put(&out, &end);
	buf_fini(&hex);
	buf_fini(&b);
	return out;
}

/* Each count is within its bound, and all together are not. */
static void
overflow(const char *spec)
{
	struct buf b;

	buf_init(&b, NULL, TEXT_MAX);
	buf_add_z(&b, "{\"kind\":\"store\",\"version\":1,\"created\":1}\n");
	for (int i = 0; i < 40; i++)
		buf_add_z(&b,
		    "{\"kind\":\"evaluation\",\"policy_domain\":\"a.example\","
		    "\"hour\":3600,\"count\":281474976710656,\"optional\":false"
		    ",\"last\":false,\"octets\":\"\"}\n");
	refused(spec, buf_str(&b), "more than a store can", "a sum too large");
	buf_fini(&b);
}

static void
bad_files(const char *spec)
{
	static const struct {
		const char *name, *from, *to, *want;
	} changes[] = {
	    {"another version", "\"version\":1", "\"version\":2",
		"file:1: this is an export of "},
	    {"another first line", "{\"kind\":\"store\"", "{\"kind\":\"shop\"",
		"file:1: \"kind\""},
	    {"a kind without its members", "\"kind\":\"known\"",
		"\"kind\":\"incident\"", "is missing"},
	    {"a number with a point", "\"hour\":3600", "\"hour\":3600.0",
		"no whole number"},
	    {"a time far off", "\"hour\":3600", "\"hour\":2305843009213693952",
		"out of range"},
	    {"a time that Redis has not", "\"seen\":432000",
		"\"seen\":1152921504606846975", "out of range"},
	    {"an id of two lines", "\"id\":\"r2\"", "\"id\":\"r\\u000a2\"",
		"a control character"},
	    {"an id with a DEL", "\"id\":\"r2\"", "\"id\":\"r\\u007f2\"",
		"a control character"},
	    {"a negative count", "\"count\":3", "\"count\":-3", "out of range"},
	    {"a count above all bounds", "\"count\":3",
		"\"count\":99999999999999999999", "no JSON"},
	    {"a number for a flag", "\"optional\":false", "\"optional\":0",
		"neither true nor"},
	    {"one member more", "\"optional\":false",
		"\"optional\":false,\"x\":1", "do not be"},
	    {"a member twice", "\"optional\":false",
		"\"optional\":false,\"count\":1", "no JSON"},
	    {"an empty name", "\"policy_domain\":\"a.example\"",
		"\"policy_domain\":\"\"", "is too long, or empty"},
	    {"no base64", "{\"b64\":\"", "{\"b64\":\"!", "no base64"},
	    {"no text", "{\"b64\":\"", "{\"b65\":\"", "is no text"},
	    {"no state", "\"state\":\"failed\"", "\"state\":\"fail\"",
		"no word"},
	    {"a number twice", "\"number\":2", "\"number\":1", "there twice"},
	    {"a number too high", "\"number\":2", "\"number\":65",
		"out of range"},
	    {"a body too short", "\"body_size\":147457", "\"body_size\":147458",
		"is cut short"},
	    {"a body too long", "\"body_size\":147457", "\"body_size\":1",
		"longer than it says"},
	    {"a body without a report", "{\"kind\":\"known\"",
		"{\"kind\":\"body\",\"octets\":\"x\"}\n{"
		"\"kind\":\"known\"",
		"longer than it says"},
	    {"another order", "{\"kind\":\"known\"",
		"{\"kind\":\"bad_datagrams\",\"total\":1}\n{"
		"\"kind\":\"known\"",
		"belongs before"},
	    {"an empty line", "{\"kind\":\"known\"", "\n{\"kind\":\"known\"",
		"no JSON"},
	    {"an array", "{\"kind\":\"known\"", "[]\n{\"kind\":\"known\"",
		"no object"},
	    {"octets that are no UTF-8", "\"seen\":432000", "\"seen\":\"\xff\"",
		"no JSON"},
	};
	struct tmpdir dir = tmpdir_new();
	struct store_spec one = sqlite_in(&dir, "1");
	struct store *s = store_now(one.z, STORE_WRITE);
	struct buf good, b;
	FILE *f;

	store_fill(s);
	fill_more(s);
	store_close(s);
	f = exported(one.z, "what is damaged");
	good = text_of(f);
	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++) {
		b = changed(buf_str(&good), changes[i].from, changes[i].to);
		refused(spec, buf_str(&b), changes[i].want, changes[i].name);
		buf_fini(&b);
	}
	overflow(spec);
	buf_init(&b, NULL, TEXT_MAX);
	buf_add(&b, buf_str(&good));
	buf_add(&b, STR("x"));
	refused(spec, buf_str(&b), "cut off", "an octet more");
	buf_add(&b, STR("\n"));
	refused(spec, buf_str(&b), "behind the end", "a line more");
	refused(spec, STR_NONE, "cut short", "nothing");
	refused(spec, str_head(buf_str(&good), good.n - 1), "cut off",
	    "an octet less");
	b.p[good.n / 2] = (char)(b.p[good.n / 2] == 'A' ? 'B' : 'A');
	refused(spec, str_head(buf_str(&b), good.n), "", "an octet changed");
	for (size_t i = 1; i < 40; i++) {
		FILE *cut = file_of(str_head(buf_str(&good), good.n * i / 40));
		struct store_imported n;

		if (import(spec, cut, false, &n, NULL) != AVER_SYNTAX)
			ok(false, "cut at %zu of 40", i);
		fclose(cut);
	}
	ok(empty(spec), "nothing of all that is in the store");
	buf_fini(&b);
	buf_fini(&good);
	fclose(f);
	tmpdir_remove(dir.path);
}

/* A store that is not empty, and one with a secret of its own. */
static void
not_empty(const char *spec)
{
	const struct store_evaluation row = {
	    HOUR, STR("a.example"), STR("x\0\n"), 4, false, false};
	struct tmpdir dir = tmpdir_new();
	struct store_spec one = sqlite_in(&dir, "1"),
			  two = sqlite_in(&dir, "2");
	struct store *s = store_now(one.z, STORE_WRITE);
	uint8_t secret[STORE_SECRET];
	struct store_stats st = {.evaluations = 0};
	struct store_imported n;
	struct store_due due = {.messages = 0};
	struct diag d = {.text = ""};
	struct arena a;
	FILE *f;

	arena_init(&a, 1 << 16);
	store_fill(s);
	fill_more(s);
	store_close(s);
	f = exported(one.z, "what is added");
	s = store_now(spec, STORE_WRITE);
	store_add_evaluations(s, STR("t"), 1, &row, 1, NULL);
	store_close(s);
	is_int(import(spec, f, false, &n, &d), AVER_CONF, "is not empty");
	is_int(import(spec, f, true, &n, &d), 0, "unless that is wanted");
	is_int(import(spec, f, true, &n, &d), 0, "twice");
	s = store_now(spec, STORE_WRITE);
	store_get_due(
	    s, LEDGER_DMARC, STR("a.example"), INT64_MAX, &a, &due, NULL);
	is_int(due.messages, 13 + 4, "is added once");
	store_close(s);
	s = store_now(two.z, STORE_WRITE);
	store_secret(s, STR("report-id"), secret, NULL);
	store_close(s);
	is_int(import(two.z, f, false, &n, &d), AVER_LIMIT, "another's secret");
	s = store_now(two.z, STORE_READ);
	store_stats(s, &st, NULL);
	ok(st.evaluations + st.reports + st.known_domains == 0,
	    "keeps everything out");
	store_close(s);
	arena_fini(&a);
	fclose(f);
	tmpdir_remove(dir.path);
}

/* --- while others work */

static void
fill_rows(struct store *s, unsigned seed)
{
	struct store_evaluation rows[300];
	char domains[300][32], octets[300][32];

	for (unsigned k = 0; k < ROWS / 300; k++) {
		for (unsigned i = 0; i < 300; i++) {
			unsigned x = k * 300 + i;

			snprintf(domains[i], 32, "d%u.example", x % 97);
			snprintf(octets[i], 32, "o%u", x ^ seed % 1000);
			rows[i] = (struct store_evaluation){
			    .hour = HOUR * (int64_t)(x % 7),
			    .policy_domain = str_from_z(domains[i]),
			    .octets = str_from_z(octets[i]),
			    .count = 1 + x % 5,
			    .optional = x % 3 == 0};
		}
		store_add_evaluations(s, STR("f"), k + 1, rows, 300, NULL);
	}
}

static int
note_line(void *arg, struct str name, uint64_t seq)
{
	if (str_starts(name, STR("export-")))
		*(uint64_t *)arg = seq;
	return 0;
}

/* How far imports have come: the line of the last row. */
static uint64_t
line_reached(const char *spec)
{
	struct store *s = NULL;
	uint64_t line = 0;

	if (store_open(spec, STORE_READ, &s, NULL) == 0)
		store_each_source(s, note_line, &line, NULL);
	store_close(s);
	return line;
}

/* Microseconds: longer and longer where a machine is slow. */
static unsigned
longest(int i)
{
	return i < KILLS ? 1000u << i % 9 : 512000u << (i - KILLS) / 4;
}

static void
killed(const char *from, const char *to, const char *name)
{
	unsigned seed = (unsigned)clock_mono_us();
	FILE *a = exported(from, name), *b;
	struct buf first = content(a), all = text_of(a), second;
	struct store_imported n;
	struct diag d = {.text = ""};
	int status, whole = 0, failed = 0, i = 0, err;
	uint64_t begun = 0;

	printf("# %s, seed %u\n", name, seed);
	for (; i < KILLS || (begun < 2 && i < 2 * KILLS); i++) {
		pid_t pid;

		fflush(stdout);
		pid = fork();
		if (pid == 0) {
			/* the place in a file is shared with the parent */
			struct store *s = NULL;
			FILE *own = file_of(buf_str(&all));

			err = store_open(to, STORE_WRITE, &s, NULL);
			while (!err || err == AVER_TEMP) {
				err = store_import(
				    s, own, "file", false, &n, NULL);
				if (!err)
					break;
				usleep(1000);
			}
			_exit(err ? 2 : 0);
		}
		usleep((useconds_t)rand_r(&seed) % longest(i));
		kill(pid, SIGKILL);
		waitpid(pid, &status, 0);
		whole += WIFEXITED(status) && WEXITSTATUS(status) == 0;
		failed += WIFEXITED(status) && WEXITSTATUS(status) == 2;
		begun = line_reached(to);
	}
	printf("# %d of %d were too late\n", whole, i);
	is_int(failed, 0, "none failed");
	ok(begun > 1 && whole < i, "imports were killed, and one had begun");
	while ((err = import(to, a, false, &n, &d)) == AVER_TEMP)
		usleep(10000);
	ok(err == 0, "the last one ends %s", d.text);
	b = exported(to, name);
	second = content(b);
	ok(str_eq(buf_str(&first), buf_str(&second)),
	    "nothing is lost, nothing doubled");
	buf_fini(&first);
	buf_fini(&second);
	buf_fini(&all);
	fclose(a);
	fclose(b);
}

static void
killed_both_ways(const char *spec)
{
	struct tmpdir dir = tmpdir_new();
	struct store_spec one = sqlite_in(&dir, "1"),
			  two = sqlite_in(&dir, "2");
	struct store *s = store_now(one.z, STORE_WRITE);

	store_fill(s);
	fill_more(s);
	fill_rows(s, (unsigned)clock_mono_us());
	store_close(s);
	killed(one.z, spec, "from SQLite");
	killed(spec, two.z, "to SQLite");
	tmpdir_remove(dir.path);
}

/*
 * Somebody records and makes reports meanwhile. An export that says it is whole
 * has every message once: as a row or in a report.
 */
static int
sum_line(void *arg, uint64_t line, const struct portable *p, struct diag *d)
{
	uint64_t *sum = arg;

	(void)line, (void)d;
	if (p->kind == PORTABLE_EVALUATION)
		*sum += p->u.evaluation.row.count;
	if (p->kind == PORTABLE_REPORT && p->u.report.r.id.p[0] == 'm')
		*sum += p->u.report.r.messages;
	return 0;
}

static void
make_report(struct store *s, unsigned k)
{
	struct ledger_report r = {.kind = LEDGER_DMARC, .created = 1000 + k};
	struct store_due due = {.messages = 0};
	struct store_take *t = NULL;
	char domain[32], id[32];
	struct arena a;

	arena_init(&a, 1 << 16);
	snprintf(domain, sizeof(domain), "d%u.example", k % 97);
	snprintf(id, sizeof(id), "m%u", k);
	r.id = str_from_z(id);
	r.policy_domain = str_from_z(domain);
	if (store_take_begin(s, LEDGER_DMARC, r.policy_domain, 0, INT64_MAX,
		clock_now(), &t, NULL) == 0) {
		store_get_due(s, LEDGER_DMARC, r.policy_domain, INT64_MAX, &a,
		    &due, NULL);
		r.messages = due.messages;
		if (store_take_report(t, &r, NULL, 0, NULL) == 0)
			store_take_commit(t, NULL);
		else
			store_take_abort(t);
	}
	arena_fini(&a);
}

static void
beside_reports(const char *spec)
{
	struct store *s = store_now(spec, STORE_WRITE);
	uint64_t want = 0, sum;
	int good = 0, late = 0, wrong = 0, status;
	struct arena a;
	pid_t pid;

	fill_rows(s, 1);
	store_close(s);
	for (unsigned x = 0; x < ROWS; x++)
		want += 1 + x % 5;
	arena_init(&a, 1 << 20);
	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		if (store_open(spec, STORE_WRITE, &s, NULL))
			_exit(1);
		for (unsigned k = 0; k < 97; k++) {
			make_report(s, k);
			usleep(3000);
		}
		_exit(0);
	}
	for (int i = 0;
	     i < 200 && (i < 3 || waitpid(pid, &status, WNOHANG) == 0); i++) {
		struct store_exported n;
		FILE *f = tmpfile();
		int err;

		s = store_now(spec, STORE_READ);
		err = store_export(s, f, &n, NULL);
		store_close(s);
		rewind(f);
		sum = 0;
		if (!err)
			portable_read(f, "x", &a, sum_line, &sum, NULL);
		good += err == 0;
		late += err == AVER_TEMP;
		wrong += err ? err != AVER_TEMP : sum != want;
		fclose(f);
	}
	kill(pid, SIGKILL);
	waitpid(pid, &status, 0);
	printf("# %d whole, %d told that reports were made\n", good, late);
	is_int(wrong, 0, "each whole export has each message once");
	arena_fini(&a);
}

/* --- a take that begins between two pages of a domain's rows */

#define ROWS_OF_IT 196
#define ROW_OCTETS 400

struct intruder {
	struct store *s;
	struct store_take *t;
	int fd;
	FILE *f;
};

/*
 * Reads what is exported. The socket holds less than a page, so the exporter is
 * in the first one when the take begins.
 */
static void *
intrude(void *arg)
{
	struct intruder *x = arg;
	char chunk[1024];
	size_t have = 0;
	ssize_t n;

	while ((n = read(x->fd, chunk, sizeof(chunk))) > 0) {
		have += fwrite(chunk, 1, (size_t)n, x->f);
		if (!x->t && have > 4 * ROW_OCTETS)
			store_take_begin(x->s, LEDGER_DMARC, STR("p.example"),
			    0, INT64_MAX, clock_now(), &x->t, NULL);
	}
	return NULL;
}

static void
fill_one_domain(struct store *s)
{
	static char octets[ROWS_OF_IT][ROW_OCTETS];
	struct store_evaluation rows[ROWS_OF_IT];

	for (unsigned i = 0; i < ROWS_OF_IT; i++) {
		memset(octets[i], 'x', ROW_OCTETS);
		snprintf(octets[i], ROW_OCTETS, "%u", i);
		rows[i] =
		    (struct store_evaluation){.hour = HOUR * (int64_t)(i / 14),
			.policy_domain = STR("p.example"),
			.octets = {octets[i], ROW_OCTETS},
			.count = 1};
	}
	store_add_evaluations(s, STR("p"), 1, rows, ROWS_OF_IT, NULL);
}

static void
taken_meanwhile(const char *spec)
{
	struct intruder x = {.s = store_now(spec, STORE_WRITE), .f = tmpfile()};
	struct store *s = store_now(spec, STORE_READ);
	struct store_exported n;
	uint64_t sum = 0;
	struct arena a;
	pthread_t thread;
	int fds[2], small = 4096, err;
	FILE *f;

	fill_one_domain(x.s);
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0 ||
	    setsockopt(fds[1], SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)) <
		0)
		exit(99);
	x.fd = fds[0];
	f = fdopen(fds[1], "w");
	pthread_create(&thread, NULL, intrude, &x);
	err = store_export(s, f, &n, NULL);
	fclose(f);
	pthread_join(thread, NULL);
	close(fds[0]);
	store_close(s);
	ok(x.t != NULL, "a take began meanwhile");
	store_take_abort(x.t);
	arena_init(&a, 1 << 20);
	rewind(x.f);
	if (!err)
		portable_read(x.f, "x", &a, sum_line, &sum, NULL);
	ok(err == AVER_TEMP || (err == 0 && sum == ROWS_OF_IT),
	    "no row is there twice or missing: %d, %d", err, (int)sum);
	arena_fini(&a);
	fclose(x.f);
	store_close(x.s);
}

int
main(void)
{
	on_each_backend("export", there_and_back);
	on_each_backend("bad", bad_files);
	on_each_backend("add", not_empty);
	on_redis("abandoned", abandoned);
	on_redis("killed", killed_both_ways);
	on_each_backend("taken", taken_meanwhile);
	on_each_backend("beside", beside_reports);
	return tap_done();
}
