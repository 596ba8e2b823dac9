#include "lang/syntax/diagnostics.h"

#include "runtime/base/memory.h"
#include "runtime/base/width.h"

#include <stdlib.h>
#include <string.h>

uint32_t sources_add(Sources *sources, const char *path, const char *text, size_t length) {
    if (sources->count == 0) {
        Source none = {copy_string(""), copy_string(""), 0, false};
        list_push(sources, none);
    }
    Source source = {copy_string(path), copy_bytes(text, length), length, false};
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

static bool in_library(const Diagnostics *diagnostics, Span span) {
    return diagnostics->sources && span.file < diagnostics->sources->count && diagnostics->sources->items[span.file].is_library;
}

Span diagnostics_place(const Diagnostics *diagnostics, Span span) {
    return diagnostics->call.file && in_library(diagnostics, span) ? diagnostics->call : span;
}

CallPlace diagnostics_enter(Diagnostics *diagnostics, Span body, Span from, const char *label) {
    CallPlace before = {diagnostics->call, diagnostics->caller, diagnostics->caller_label};
    if (from.file == 0 || in_library(diagnostics, from)) return before;
    if (in_library(diagnostics, body)) {
        diagnostics->call = from;
    } else {
        diagnostics->caller = from;
        diagnostics->caller_label = label;
    }
    return before;
}

void diagnostics_leave(Diagnostics *diagnostics, CallPlace before) {
    diagnostics->call = before.call;
    diagnostics->caller = before.caller;
    diagnostics->caller_label = before.label;
}

static bool is_within(Span inner, Span outer) { return inner.file == outer.file && inner.start >= outer.start && inner.end <= outer.end; }

/* The place in the library where it happened, or the call that led into a function of the user's own. */
static void add_context(const Diagnostics *diagnostics, Diagnostic *diagnostic, Span found) {
    bool moved = diagnostic->span.file != found.file;
    Span second = moved ? found : diagnostics->caller;
    if (!moved && (second.file == 0 || is_within(found, second))) return;
    diagnostic->second_span = second;
    diagnostic->second_label = copy_string(moved ? "found in here" : diagnostics->caller_label);
}

static void report(Diagnostics *diagnostics, Severity severity, const char *code, Span span, char *message) {
    Diagnostic diagnostic = {.severity = severity, .code = code, .message = message, .span = diagnostics_place(diagnostics, span)};
    add_context(diagnostics, &diagnostic, span);
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
    diagnose(diagnostics, strcmp(fault->message, FAULT_INTERRUPTED) ? code : "E0902", span, "%s", fault->message);
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
