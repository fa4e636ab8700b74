#!/usr/bin/env -S python3 -B
# SPDX-License-Identifier: ISC
# Copyright (c) 2026 the aver authors
"""Functions and constructs that this project does without."""
import re
import lint

# no bound, no error, hidden state, or the locale
CALLS = set("""
    strcpy strcat strncpy strncat stpcpy sprintf vsprintf strtok gets
    atoi atol atoll atof gmtime localtime ctime asctime
    inet_addr inet_aton inet_ntoa gethostbyname gethostbyaddr
    rand srand random srandom alloca tmpnam tempnam mktemp
    isalpha isdigit isalnum isspace isupper islower isprint ispunct isxdigit
    iscntrl isgraph isblank toupper tolower strcasecmp strncasecmp
    setlocale longjmp siglongjmp
""".split())
# threads are anonymous: libmilter moves sessions between them
THREAD = set("""__thread _Thread_local thread_local pthread_key_create
    pthread_getspecific pthread_setspecific tss_create""".split())
# in evaluators: memory comes from an arena (pure.allow names who may)
MEMORY = set("malloc calloc realloc strdup strndup".split())
LEFT_OPEN = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
MACHINE = re.compile(r"(?<![\w.])/(?:work|root|home/[a-z]+|Users)/")

CALL = re.compile(r"(?<![\w.])(?<!->)([A-Za-z_]\w*)\s*\(")
WORD = re.compile(r"[A-Za-z_]\w*")
# libmilter gives its callbacks no argument for the whole process
MAY_KEEP_STATE = ("lib/base/log.c", "milter/callbacks.c")
MAY_ALLOCATE = ("lib/base/arena.c", "lib/base/buf.c")


def calls(path, code, names):
    return ["%s:%d: %s" % (path, lint.line_of(code, m.start()), m.group(1))
            for m in CALL.finditer(code) if m.group(1) in names]


def words(path, code, names):
    return ["%s:%d: %s" % (path, lint.line_of(code, m.start()), m.group(0))
            for m in WORD.finditer(code) if m.group(0) in names]


def inner_conditionals(path, text):
    """#if inside of a function body"""
    code = lint.blank(text)
    found, _ = lint.functions(text)
    spans = [f.body for f in found]
    return ["%s:%d: #if in a function" % (path, lint.line_of(code, m.start()))
            for m in re.finditer(r"(?m)^[ \t]*#[ \t]*(?:if|elif)", code)
            if any(a < m.start() < b for a, b in spans)]


def is_constant(declaration):
    """The text before = or ; declares something that never changes."""
    head = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", declaration)
    # the last pointer decides: "const char *const x[3]", "int (*const f)()"
    star = head.rfind("*")
    if star >= 0:
        return bool(re.match(r"\*\s*const\b", head[star:]))
    return bool(re.search(r"\bconst\b", head))


def statements(code):
    """(offset, declaration) of each statement at file scope.

    The declaration ends before "=" or the braces of a value or function; of
    "struct x {...} name" the braces are left out.
    """
    depth, start, head, tail, has_value = 0, 0, "", 0, False
    for m in re.finditer(r"[{}();=]", code):
        c, at = m.group(0), m.start()
        if depth == 0 and c in "{=;" and tail is not None:
            head += code[tail:at]
            tail = None
            has_value = c == "="
        depth += (c in "{(") - (c in "})")
        if depth:
            continue
        if c == "}" and AGGREGATE.search(head):
            head, tail = head + "{}", m.end()
        elif c == ";" or (c == "}" and not has_value):
            yield start, head
            start, head, tail, has_value = m.end(), "", m.end(), False


AGGREGATE = re.compile(r"\b(?:struct|union|enum)\b[\s\w]*$")
SKIP = re.compile(r"\s*(?:typedef|extern|_Static_assert|static_assert|$"
                  r"|(?:struct|union|enum)\s*\w*\s*(?:\{\}\s*)?$)")


def mutable_variables(path, text):
    code = lint.without_directives(lint.blank(text))
    problems = []
    for at, head in statements(code):
        if SKIP.match(head) or is_constant(head):
            continue
        plain = re.sub(r"__attribute__\s*\(\(.*?\)\)", "", head)
        if re.match(r"[^(]*\((?!\s*\*)", plain):
            continue                # a function
        line = lint.line_of(code, at + len(code[at:]) - len(code[at:].lstrip()))
        problems.append("%s:%d: mutable: %s"
                        % (path, line, " ".join(head.split())))
    for m in re.finditer(r"(?m)^[ \t]+static\s([^;={]*)", code):
        if not is_constant(m.group(1)):
            problems.append("%s:%d: mutable static"
                            % (path, lint.line_of(code, m.start())))
    return problems


def self_test(tap):
    good = ("static const int a = 1;\nstatic const char *const b[] = {\"x\"};\n"
            "static int\nf(int (*g)(void))\n{\n\treturn g();\n}\n"
            "struct s {\n\tint x;\n};\nint h(void);\nenum e { A, B };\n"
            "static int (*const k[])(void) = {h};\nstruct s *n(struct s *p);\n"
            "const struct s c = {1};\nextern int z;\n"
            "static const struct {\n\tint i;\n} t[] = {{1}};\n")
    bad = ["static int a;", "int a = 1;", "static const char *b = 0;",
           "static struct s x = {1};", "static const char *names[] = {0};",
           "static int (*f)(void);", "static _Atomic int c;",
           "struct {\n\tint a;\n} x;", "struct s {\n\tint a;\n} x = {1};",
           "int *p;", "static const int *const *q;",
           "int\nf(int a)\n{\n\ta = 1;\n\treturn a;\n}\nstatic int b;",
           "void\nf(void)\n{\n\tstatic int n;\n\tn++;\n}"]
    tap.none(mutable_variables("good", good), "constants are recognised")
    tap.none([b for b in bad if not mutable_variables("bad", b)],
             "mutable variables are recognised")


def main():
    tap = lint.Tap()
    self_test(tap)
    pure = set(lint.make_list("libpure_a_SOURCES"))
    for path in lint.c_files():
        text = lint.read(path)
        code = lint.blank(text)
        problems = calls(path, code, CALLS) + words(path, code, THREAD)
        if path in pure and path not in MAY_ALLOCATE \
                and not path.startswith("lib/dns/"):
            problems += calls(path, code, MEMORY)
        if not path.startswith("lib/compat/"):
            problems += inner_conditionals(path, text)
        if not (lint.is_test(path) or path in MAY_KEEP_STATE
                or path.endswith("/main.c")):
            problems += mutable_variables(path, text)
        tap.none(problems, path)
    open_ends, machine = [], []
    for path in lint.files():
        if path.startswith("t/fuzz/corpus/") or lint.is_binary(path):
            continue
        for n, line in enumerate(lint.read(path).split("\n"), 1):
            if LEFT_OPEN.search(line):
                open_ends.append("%s:%d" % (path, n))
            if MACHINE.search(line):
                machine.append("%s:%d" % (path, n))
    tap.none(open_ends, "nothing is marked as left open")
    tap.none(machine, "no path of one machine")
    tap.done()


main()
