/* Diagnostics as text: the message, the line of source with a caret range under it, the second place, the help line. */
#include "lang/syntax/diagnostics.h"
#include "runtime/base/width.h"

#include <stdio.h>
#include <string.h>

typedef struct Style {
    const char *severity;
    const char *frame;
    const char *reset;
} Style;

enum { TAB_COLUMNS = 4, LINE_BYTES_MAX = 400 };

static const char *line_start(const Source *source, uint32_t offset) {
    size_t at = offset < source->length ? offset : source->length;
    while (at > 0 && source->text[at - 1] != '\n') at--;
    return source->text + at;
}

/* Adds one source character as it is to be seen and returns its columns. */
static int add_character(const char **at, Text *out) {
    const char *from = *at;
    uint32_t character = utf8_next(at);
    if (character == '\t') {
        text_add_repeat(out, " ", TAB_COLUMNS);
        return TAB_COLUMNS;
    }
    if (character < ' ' || character == 0x7f || character == 0xfffd) {
        text_add_char(out, '?');
        return 1;
    }
    text_add_bytes(out, from, (size_t)(*at - from));
    return utf8_columns(character);
}

/* The line around [start, end) and the carets under the part of the range that lies on it. A very long line is shown
 * from a little before the range on. */
static void add_excerpt(const Source *source, Span span, const char *gutter, const char *label, const Style *style, Text *out) {
    const char *start = line_start(source, span.start);
    const char *range = source->text + (span.start < source->length ? span.start : source->length);
    const char *finish = source->text + (span.end < source->length ? span.end : source->length);
    const char *text_end = source->text + source->length;
    if (range - start > LINE_BYTES_MAX / 2) {
        start = range - LINE_BYTES_MAX / 2;
        while (start < range && ((unsigned char)*start & 0xc0) == 0x80) start++;
    }
    int before = 0, width = 0;
    Text line = {0};
    const char *at = start;
    while (at < text_end && *at != '\n' && *at != '\r' && at - start < LINE_BYTES_MAX) {
        const char *here = at;
        if (!*at) {
            text_add_char(&line, '?');
            at++;
            before += here < range;
            width += here >= range && here < finish;
            continue;
        }
        int columns = add_character(&at, &line);
        if (here < range) before += columns;
        else if (here < finish) width += columns;
    }
    text_addf(out, "%s\n%s%s |%s ", text_string(&line), style->frame, gutter, style->reset);
    text_add_repeat(out, " ", before);
    text_add(out, style->severity);
    text_add_repeat(out, "^", width > 0 ? width : 1);
    if (label) text_addf(out, " %s", label);
    text_addf(out, "%s\n", style->reset);
    text_free(&line);
}

static void add_place(const Sources *sources, Span span, const char *label, const Style *style, Text *out) {
    if (span.file == 0 || span.file >= sources->count) return;
    const Source *source = &sources->items[span.file];
    int line, column;
    char number[16], gutter[16];
    source_position(source, span.start, &line, &column);
    if (source->is_library) { /* its lines are no lines of the user's */
        text_addf(out, "%s -->%s %s\n%s  |\n  |%s ", style->frame, style->reset, source->path, style->frame, style->reset);
        add_excerpt(source, span, " ", label, style, out);
        return;
    }
    int digits = snprintf(number, sizeof number, "%d", line);
    memset(gutter, ' ', sizeof gutter);
    gutter[digits + 1 < 15 ? digits + 1 : 15] = 0;
    text_addf(out, "%s%.*s-->%s %s:%d:%d\n", style->frame, digits, gutter, style->reset, source->path, line, column);
    text_addf(out, "%s%s|%s\n", style->frame, gutter, style->reset);
    text_addf(out, "%s%s |%s ", style->frame, number, style->reset);
    gutter[digits] = 0;
    add_excerpt(source, span, gutter, label, style, out);
}

static int gutter_width(const Sources *sources, Span span) {
    int line = 1, column, digits = 1;
    if (span.file > 0 && span.file < sources->count) source_position(&sources->items[span.file], span.start, &line, &column);
    for (; line >= 10; line /= 10) digits++;
    return digits;
}

static void add_diagnostic(const Diagnostics *diagnostics, const Diagnostic *item, bool colour, Text *out) {
    bool error = item->severity == SEVERITY_ERROR;
    Style style = {"", "", ""}, second = {"", "", ""};
    if (colour) {
        style = (Style){error ? "\033[1;31m" : "\033[1;33m", "\033[34m", "\033[0m"};
        second = (Style){"\033[36m", "\033[34m", "\033[0m"};
    }
    text_addf(out, "%s%s[%s]%s: %s\n", style.severity, error ? "error" : "warning", item->code, style.reset, item->message);
    add_place(diagnostics->sources, item->span, NULL, &style, out);
    if (item->second_label) add_place(diagnostics->sources, item->second_span, item->second_label, &second, out);
    if (!item->help) return;
    text_add_repeat(out, " ", gutter_width(diagnostics->sources, item->span));
    text_addf(out, " %s=%s help: %s\n", style.frame, style.reset, item->help);
}

void diagnostics_print(const Diagnostics *diagnostics, Text *out, bool colour) {
    size_t errors = 0;
    for (size_t i = 0; i < diagnostics->count; i++) {
        bool error = diagnostics->items[i].severity == SEVERITY_ERROR;
        if (error && errors == DIAGNOSTICS_MAX) continue;
        if (i > 0) text_add_char(out, '\n');
        add_diagnostic(diagnostics, &diagnostics->items[i], colour, out);
        errors += error;
    }
    if (diagnostics->error_count > errors) text_addf(out, "\n%zu more errors are not shown\n", diagnostics->error_count - errors);
}
