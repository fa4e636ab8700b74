/* SPDX-License-Identifier: ISC */
/* Copyright (c) 2026 the aver authors */

#include "lib/conf/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/base/chars.h"
#include "lib/base/err.h"
#include "lib/conf/params.h"
#include "lib/conf/value.h"

#define DEFAULT_PATH AVER_SYSCONFDIR "/aver/aver.conf"
#define FILE_MAX ((size_t)1 << 20)
#define LINE_MAX_OCTETS ((size_t)8192)
#define MEMORY_MAX ((size_t)16 << 20) /* a file of FILE_MAX needs less */
#define ERRORS_MAX 100
#define SHOWN_NAME 40

struct reader {
	struct conf *conf;
	const char *name; /* of the file */
	struct buf *errors; /* all of them; NULL: stop at the first */
	struct diag *d; /* the first */
	unsigned n_errors;
	int err; /* of the first */
	size_t set_at[PARAMS_MAX]; /* line, 0: not set */
};

const char *
conf_default_path(void)
{
	return DEFAULT_PATH;
}

bool
conf_nets_match(const struct conf_nets *nets, const struct ip *ip)
{
	struct ip plain = ip_unmap(*ip);

	for (size_t i = 0; i < nets->n; i++)
		if (ip_in(&plain, &nets->v[i].ip, nets->v[i].bits))
			return true;
	return false;
}

struct conf *
conf_ref(struct conf *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void
conf_unref(struct conf *c)
{
	if (!c ||
	    atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) > 1)
		return;
	arena_fini(&c->arena);
	free(c);
}

/* All defaults. */
static int
conf_new(const char *path, struct conf **out, struct diag *d)
{
	const struct param *p;
	struct conf *c = calloc(1, sizeof(*c));
	int err = 0;

	if (!c)
		return diag_set(d, AVER_NOMEM, 0, "out of memory");
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, MEMORY_MAX);
	c->path = arena_z(&c->arena, str_from_z(path));
	if (!c->path)
		err = AVER_NOMEM;
	for (size_t i = 0; err == 0 && (p = params_at(i)); i++)
		err =
		    value_parse(p, &c->arena, str_from_z(p->fallback), c, NULL);
	if (err == 0) {
		*out = c;
		return 0;
	}
	conf_unref(c);
	return diag_set(d, err, 0, "defaults: %s", aver_err_name(err));
}

/* "FILE:LINE: text", line 0: "FILE: text". */
__attribute__((format(printf, 4, 5))) static void
report(struct reader *r, size_t line, int err, const char *fmt, ...)
{
	struct str file = str_from_z(r->name), tail = file;
	char text[1024], at[32] = "";
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (char *p = text; *p; p++)
		if (!chars_is(*p, CH_PRINT))
			*p = '?';
	if (line)
		snprintf(at, sizeof(at), ":%zu", line);
	/* the file's name must not push the text out of a struct diag */
	if (file.n > SHOWN_NAME)
		tail = str_from(file, file.n - SHOWN_NAME);
	if (r->n_errors++ == 0)
		r->err = diag_set(r->d, err, 0, "%s%.*s%s: %s",
		    tail.n < file.n ? "..." : "", STRF(tail), at, text);
	if (r->errors)
		buf_addf(r->errors, "%s%s: %s\n", r->name, at, text);
	if (r->errors && r->n_errors == ERRORS_MAX)
		buf_addf(r->errors, "%s: too many errors\n", r->name);
}

static bool
gives_up(const struct reader *r)
{
	return r->n_errors >= (r->errors ? ERRORS_MAX : 1);
}

static void
report_unknown(struct reader *r, size_t line, struct str name)
{
	const struct param *near = params_nearest(name);

	name = str_head(name, SHOWN_NAME);
	if (near)
		report(r, line, AVER_CONF,
		    "parameter %.*s: there is none of this name; did you "
		    "mean %s?",
		    STRF(name), near->name);
	else
		report(r, line, AVER_CONF,
		    "parameter %.*s: there is none of this name; expected "
		    "one of aver.conf(5)",
		    STRF(name));
}

static void
report_value(struct reader *r, size_t line, const struct param *p,
    const struct diag *wrong)
{
	struct buf expected;

	buf_init(&expected, &r->conf->arena, 512);
	value_expected(&expected, p);
	report(r, line, AVER_CONF, "parameter %s: %s; expected %s", p->name,
	    wrong->text, buf_z(&expected));
}

/* "name = value # comment": the comment would be a part of the value. */
static bool
holds_comment(struct str value)
{
	for (size_t i = 0; i < value.n; i++)
		if (value.p[i] == '#' &&
		    (i == 0 || chars_is(value.p[i - 1], CH_WSP)))
			return true;
	return false;
}

static void
set_value(
    struct reader *r, size_t line, const struct param *p, struct str value)
{
	struct diag wrong = {0};
	size_t i = params_index(p);
	int err;

	if (r->set_at[i]) {
		report(r, line, AVER_CONF,
		    "parameter %s: set a second time; the first is in line "
		    "%zu",
		    p->name, r->set_at[i]);
		return;
	}
	r->set_at[i] = line;
	if (holds_comment(value)) {
		report(r, line, AVER_CONF,
		    "parameter %s: there is a \"#\" after the value; "
		    "expected comments in lines of their own",
		    p->name);
		return;
	}
	err = value_parse(p, &r->conf->arena, value, r->conf, &wrong);
	if (err == AVER_SYNTAX)
		report_value(r, line, p, &wrong);
	else if (err)
		report(r, line, err, "parameter %s: %s", p->name,
		    aver_err_name(err));
}

/* One logical line. */
static void
read_setting(struct reader *r, size_t line, struct str text)
{
	struct str value, name = str_trim_fws(str_cut(text, '=', &value));
	const struct param *p;

	if (!value.p) {
		report(r, line, AVER_CONF,
		    "\"%.*s\" has no \"=\"; expected name = value",
		    STRF(str_head(name, SHOWN_NAME)));
		return;
	}
	if (name.n == 0) {
		report(r, line, AVER_CONF,
		    "there is no name before \"=\"; expected name = value");
		return;
	}
	p = params_find(name);
	if (p)
		set_value(r, line, p, str_trim_fws(value));
	else
		report_unknown(r, line, name);
}

/* Reports what no line may hold. */
static bool
is_clean_line(struct reader *r, size_t number, struct str line)
{
	if (line.n > LINE_MAX_OCTETS) {
		report(r, number, AVER_CONF,
		    "the line is too long; expected at most %zu octets (a "
		    "line that begins with a space continues the one before)",
		    LINE_MAX_OCTETS);
		return false;
	}
	for (size_t i = 0; i < line.n; i++) {
		if (line.p[i] == '\t' || !chars_is(line.p[i], CH_CTL))
			continue;
		report(r, number, AVER_CONF,
		    "there is a control octet (0x%02x) in column %zu; "
		    "expected text",
		    (unsigned char)line.p[i], i + 1);
		return false;
	}
	return true;
}

/* The logical line under construction. */
struct pending {
	struct buf text;
	size_t line; /* where it began, 0: there is none */
	bool is_bad; /* reported already */
};

static void
finish_pending(struct reader *r, struct pending *p)
{
	if (p->line && !p->is_bad) {
		if (buf_ok(&p->text))
			read_setting(r, p->line, buf_str(&p->text));
		else
			report(r, p->line, p->text.err, "%s",
			    aver_err_name(p->text.err));
	}
	buf_clear(&p->text);
	p->line = 0;
	p->is_bad = false;
}

/*
 * postconf(5): white space at the start continues a setting; empty lines and
 * comments are skipped, also between a setting and its continuation.
 */
static void
read_line(struct reader *r, struct pending *p, size_t number, struct str line)
{
	struct str text;
	bool clean, goes_on = line.n && chars_is(line.p[0], CH_WSP);

	if (line.n && line.p[line.n - 1] == '\r')
		line.n--;
	text = str_trim_fws(line);
	if (text.n == 0 || text.p[0] == '#')
		return;
	if (!goes_on)
		finish_pending(r, p);
	if (gives_up(r))
		return;
	clean = is_clean_line(r, number, line);
	if (goes_on && p->line == 0 && clean) {
		report(r, number, AVER_CONF,
		    "white space at the start of the first setting; only a "
		    "line that continues another begins so");
		clean = false;
	}
	if (p->line == 0)
		p->line = number;
	if (!clean) {
		p->is_bad = true;
		return;
	}
	if (goes_on)
		buf_add_c(&p->text, ' ');
	buf_add(&p->text, text);
}

static void
read_text(struct reader *r, struct str text)
{
	struct pending p = {0};

	buf_init(&p.text, NULL, FILE_MAX);
	for (size_t n = 1; text.p && !gives_up(r); n++) {
		struct str line = str_cut(text, '\n', &text);

		read_line(r, &p, n, line);
	}
	if (!gives_up(r))
		finish_pending(r, &p);
	buf_fini(&p.text);
}

static void
report_errno(struct reader *r, int number)
{
	char text[128];

	if (strerror_r(number, text, sizeof(text)) != 0)
		snprintf(text, sizeof(text), "error %d", number);
	report(r, 0, AVER_CONF, "cannot be read: %s", text);
}

/* Reports errors; text is not set then. */
static void
read_fd(struct reader *r, int fd, char **text, size_t *size)
{
	char *p = malloc(FILE_MAX + 1);
	size_t n = 0;
	ssize_t got = -1;

	if (!p) {
		report(r, 0, AVER_NOMEM, "out of memory");
		return;
	}
	while (n <= FILE_MAX) {
		got = read(fd, p + n, FILE_MAX + 1 - n);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		n += (size_t)got;
	}
	if (got < 0)
		report_errno(r, errno);
	else if (n > FILE_MAX)
		report(r, 0, AVER_CONF,
		    "the file is too large; expected at most %zu octets",
		    FILE_MAX);
	if (r->n_errors) {
		free(p);
		return;
	}
	*text = p;
	*size = n;
}

/* Without a file at the usual place everything has its default. */
static bool
is_default_path(const char *path)
{
	return strcmp(path, DEFAULT_PATH) == 0;
}

static void
read_file(struct reader *r, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text = NULL;
	size_t size = 0;

	if (fd < 0) {
		if (errno != ENOENT || !is_default_path(path))
			report_errno(r, errno);
		return;
	}
	read_fd(r, fd, &text, &size);
	close(fd);
	if (text)
		read_text(r, (struct str){text, size});
	free(text);
}

/* path: of the file; else text is what it holds. */
static int
load(const char *name, const struct str *text, struct buf *errors,
    struct conf **out, struct diag *d)
{
	struct reader r = {.name = name, .errors = errors, .d = d};
	int err = conf_new(name, &r.conf, d);

	if (err) {
		if (errors)
			buf_addf(errors, "%s\n", aver_err_name(err));
		return err;
	}
	if (!text)
		read_file(&r, name);
	else if (text->n > FILE_MAX)
		report(&r, 0, AVER_CONF,
		    "the file is too large; expected at most %zu octets",
		    FILE_MAX);
	else
		read_text(&r, *text);
	if (r.n_errors || !out)
		conf_unref(r.conf);
	else
		*out = r.conf;
	return r.err;
}

int
conf_load(const char *path, struct conf **out, struct diag *d)
{
	return load(path ? path : DEFAULT_PATH, NULL, NULL, out, d);
}

int
conf_parse(const char *name, struct str text, struct conf **out, struct diag *d)
{
	return load(name, &text, NULL, out, d);
}

int
conf_check(const char *path, struct buf *errors)
{
	return load(path ? path : DEFAULT_PATH, NULL, errors, NULL, NULL);
}
