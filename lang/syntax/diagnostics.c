#include "lang/syntax/diagnostics.h"

#include "runtime/base/memory.h"
#include "runtime/base/width.h"

#include <stdlib.h>
#include <string.h>

uint32_t sources_add(Sources *sources, const char *path, const char *text, size_t length) {
    if (sources->count == 0) {
        Source none = {copy_string(""), copy_string(""), 0};
        list_push(sources, none);
    }
    Source source = {copy_string(path), copy_bytes(text, length), length};
    list_push(sources, source);
    return (uint32_t)(sources->count - 1);
}

void sources_free(Sources *sources) {
    for (size_t i = 0; i < sources->count; i++) {
        free(sources->items[i].path);
        free(sources->items[i].text);
    }
    list_free(sources);
}

void source_position(const Source *source, uint32_t offset, int *line, int *column) {
    size_t end = offset < source->length ? offset : source->length;
    *line = *column = 1;
    for (size_t i = 0; i < end; i++) {
        bool continuation = ((unsigned char)source->text[i] & 0xc0) == 0x80;
        if (source->text[i] == '\n') {
            ++*line;
            *column = 1;
        } else if (!continuation) {
            ++*column;
        }
    }
}

static char *format_new(const char *format, va_list args) {
    Text text = {0};
    text_addv(&text, format, args);
    if (!text.bytes) text_add(&text, "");
    return text.bytes;
}

static void report(Diagnostics *diagnostics, Severity severity, const char *code, Span span, char *message) {
    Diagnostic diagnostic = {.severity = severity, .code = code, .message = message, .span = span};
    list_push(diagnostics, diagnostic);
    if (severity == SEVERITY_ERROR) diagnostics->error_count++;
}

bool diagnose(Diagnostics *diagnostics, const char *code, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(diagnostics, SEVERITY_ERROR, code, span, format_new(format, args));
    va_end(args);
    return false;
}

void diagnose_warning(Diagnostics *diagnostics, const char *code, Span span, const char *format, ...) {
    va_list args;
    va_start(args, format);
    report(diagnostics, SEVERITY_WARNING, code, span, format_new(format, args));
    va_end(args);
}

bool diagnose_second(Diagnostics *diagnostics, Span span, const char *format, ...) {
    if (diagnostics->count == 0) return false;
    Diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    va_list args;
    va_start(args, format);
    free(last->second_label);
    last->second_label = format_new(format, args);
    last->second_span = span;
    va_end(args);
    return false;
}

bool diagnose_help(Diagnostics *diagnostics, const char *format, ...) {
    if (diagnostics->count == 0) return false;
    Diagnostic *last = &diagnostics->items[diagnostics->count - 1];
    va_list args;
    va_start(args, format);
    free(last->help);
    last->help = format_new(format, args);
    va_end(args);
    return false;
}

bool diagnose_fault(Diagnostics *diagnostics, const char *code, Span span, const Fault *fault) {
    diagnose(diagnostics, code, span, "%s", fault->message);
    if (fault->help[0]) diagnose_help(diagnostics, "%s", fault->help);
    return false;
}

void diagnostics_clear(Diagnostics *diagnostics) {
    for (size_t i = 0; i < diagnostics->count; i++) {
        free(diagnostics->items[i].message);
        free(diagnostics->items[i].second_label);
        free(diagnostics->items[i].help);
    }
    free(diagnostics->items);
    diagnostics->items = NULL;
    diagnostics->count = diagnostics->capacity = diagnostics->error_count = 0;
}
