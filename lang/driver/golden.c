#include "lang/driver/golden.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"

#include <ctype.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 100 };

static void capture_output(void *context, const char *text, size_t length) { text_add_bytes(&((Golden *)context)->output, text, length); }
static void capture_note(void *context, const char *text, size_t length) { text_add_bytes(&((Golden *)context)->notes, text, length); }

/* Comparison --------------------------------------------------------------------------------------------------------- */

static bool is_golden(const Source *source, const Comment *comment) {
    return comment->span.end - comment->span.start >= 2 && !strncmp(source->text + comment->span.start, "#>", 2);
}

static void add_line(const char *line, size_t length, Text *out) {
    while (length && strchr(" \t\r", line[length - 1])) length--;
    text_add_bytes(out, line, length);
    text_add(out, "\n");
}

static bool is_word(char c) { return isalnum((unsigned char)c) || (c && strchr("_.-", c)); }

static bool starts_number(const char *at, char before) {
    at += *at == '-';
    at += *at == '.';
    return isdigit((unsigned char)*at) && !isalnum((unsigned char)before) && before != '_';
}

static bool near(double a, double b) { return a == b || fabs(a - b) <= 1e-5 * fmax(fabs(a), fabs(b)) + 1e-7; }

/* Moves past blanks; they count where they part two words. */
static bool skip_blanks(const char **at, char before) {
    const char *start = *at;
    *at += strspn(*at, " \t\r\n");
    return *at > start && is_word(before) && is_word(**at);
}

/* How blanks align a matrix does not matter, and numbers agree to five digits: the last ones depend on the machine's instructions. */
static bool same_text(const char *a, const char *b) {
    for (char before = 0;;) {
        if (skip_blanks(&a, before) != skip_blanks(&b, before)) return false;
        if (starts_number(a, before) && starts_number(b, before)) {
            char *a_end, *b_end;
            if (!near(strtod(a, &a_end), strtod(b, &b_end))) return false;
            a = a_end;
            b = b_end;
            before = a[-1];
            continue;
        }
        if (*a != *b) return false;
        if (!*a) return true;
        before = *a++;
        b++;
    }
}

static void add_side(const char *title, const Text *side, Text *out) {
    for (const char *at = text_string(side); *at;) {
        size_t length = strcspn(at, "\n");
        text_addf(out, "  %s | %.*s\n", title, (int)length, at);
        at += length + 1;
    }
    if (!side->length) text_addf(out, "  %s | (nothing)\n", title);
}

static bool compare(Session *session, Golden *golden, const Text *expected, size_t from, Span span) {
    Text found = {0};
    if (golden->output.length > from) text_add(&found, golden->output.bytes + from);
    bool same = same_text(text_string(&found), text_string(expected));
    golden->lines++;
    if (!same) {
        diagnose(&session->diagnostics, "E1000", span, "something else was printed than the golden lines say");
        session_report(session);
        add_side("expected", expected, &golden->notes);
        add_side("found   ", &found, &golden->notes);
    }
    text_free(&found);
    return same;
}

/* Statements --------------------------------------------------------------------------------------------------------- */

/* The golden comments from *next on that stand before `end`. */
static bool golden_lines(const Script *script, const Source *source, int *next, uint32_t end, Text *expected, Span *span) {
    bool any = false;
    for (; *next < script->comment_count && script->comments[*next].span.start < end; ++*next) {
        const Comment *comment = &script->comments[*next];
        if (!is_golden(source, comment)) continue;
        const char *line = source->text + comment->span.start + 2;
        size_t length = strcspn(line, "\n");
        if (length && *line == ' ') line++, length--;
        add_line(line, length, expected);
        if (!any) *span = comment->span;
        span->end = comment->span.end;
        any = true;
    }
    return any;
}

static bool run_statements(Session *session, Golden *golden, const Script *script) {
    uint32_t file = script->file;
    bool ok = true;
    for (int k = 0, next = 0; k < script->root->count; k++) {
        size_t from = golden->output.length;
        Tree one = {.kind = TREE_BLOCK, .span = script->root->items[k]->span, .items = &script->root->items[k], .count = 1};
        Script statement = {.root = &one, .file = file};
        if (!session_run_script(session, &statement)) return false;
        const Source *source = &session->sources.items[file];
        uint32_t end = k + 1 < script->root->count ? script->root->items[k + 1]->span.start : (uint32_t)source->length;
        Text expected = {0};
        Span span = {0};
        if (golden_lines(script, source, &next, end, &expected, &span)) ok = compare(session, golden, &expected, from, span) && ok;
        text_free(&expected);
    }
    return ok;
}

bool golden_run(Golden *golden, const SessionOptions *options, const char *path, const char *text, size_t length, const char *prelude) {
    SessionOutput output = {.context = golden, .write = capture_output, .note = capture_note, .columns = COLUMNS};
    Session *session = session_new(*options, output);
    const char *slash = strrchr(path, '/');
    session->directory = slash ? arena_bytes(session->arena, path, (size_t)(slash - path)) : "";
    Script script;
    bool ok = (!prelude || session_run(session, path, prelude, strlen(prelude))) &&
              session_read(session, path, text, length, &script, NULL) && run_statements(session, golden, &script);
    ok = ok && !session->diagnostics.error_count;
    session_report(session);
    session_free(session);
    return ok;
}

void golden_free(Golden *golden) {
    text_free(&golden->output);
    text_free(&golden->notes);
}

/* Examples ----------------------------------------------------------------------------------------------------------- */

static bool is_doc(const char *line) { return !strncmp(line, "##", 2); }

/* How much of the front of a line is not example: `## > code` and `## #> value`; 0 when it holds no example. */
static size_t example_margin(const char *line) {
    if (!is_doc(line)) return 0;
    size_t at = 2 + strspn(line + 2, " ");
    if (!strncmp(line + at, "#>", 2)) return at;
    return line[at] == '>' ? at + 1 : 0;
}

static void blank(char *line, size_t length) {
    for (size_t k = 0; k < length; k++)
        if (line[k] != '\n') line[k] = ' ';
}

char *golden_example(const char *text, size_t length, size_t *offset) {
    char *copy = copy_bytes(text, length);
    bool any = false, done = false;
    for (size_t at = 0; at < length;) {
        size_t line = strcspn(copy + at, "\n");
        bool inside = at >= *offset && !done && is_doc(copy + at);
        size_t margin = inside ? example_margin(copy + at) : 0;
        if (any && !inside && !done) *offset = at, done = true;
        any = any || margin;
        blank(copy + at, margin ? margin : line);
        at += line + 1;
    }
    if (any && !done) *offset = length;
    if (any) return copy;
    free(copy);
    return NULL;
}

/* Pages -------------------------------------------------------------------------------------------------------------- */

static bool opens_script(const char *line) { return !strncmp(line, "```reg", 6) && (!line[6] || strchr("\r\n", line[6])); }

char *golden_block(const char *text, size_t length, size_t *offset) {
    char *copy = copy_bytes(text, length);
    bool found = false, inside = false;
    for (size_t at = 0; at < length;) {
        size_t line = strcspn(copy + at, "\n");
        bool opens = !found && at >= *offset && opens_script(copy + at);
        if (inside && !strncmp(copy + at, "```", 3)) *offset = at + line, inside = false;
        if (opens || !inside) blank(copy + at, line);
        if (opens) found = inside = true;
        at += line + 1;
    }
    if (inside) *offset = length;
    if (found) return copy;
    free(copy);
    return NULL;
}
