#include "lang/driver/golden.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"

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

/* Without blanks at the ends of lines and without empty lines at the end. */
static void add_normal(const char *text, Text *out) {
    while (*text) {
        size_t length = strcspn(text, "\n");
        add_line(text, length, out);
        text += length + (text[length] == '\n');
    }
    while (out->length > 1 && out->bytes[out->length - 2] == '\n') out->bytes[--out->length] = '\0';
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
    add_normal(text_string(&golden->output) + (golden->output.length > from ? from : golden->output.length), &found);
    bool same = !strcmp(text_string(&found), text_string(expected));
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
    while (expected->length > 1 && expected->bytes[expected->length - 2] == '\n') expected->bytes[--expected->length] = '\0';
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
    bool ok = (!prelude || session_run(session, path, prelude, strlen(prelude))) && session_read(session, path, text, length, &script, NULL) &&
              run_statements(session, golden, &script);
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
