/* Source texts, and what is wrong with them: messages with a caret range, at most one second place and one help line.
 *
 * A function fails if and only if it reported a diagnostic. Reporting collects; printing is the driver's. */
#ifndef REG_SYNTAX_DIAGNOSTICS_H
#define REG_SYNTAX_DIAGNOSTICS_H

#include "lang/syntax/span.h"
#include "runtime/base/fault.h"
#include "runtime/base/text.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct Source {
    char *path; /* as messages show it */
    char *text;
    size_t length;
    bool is_library; /* the standard library: messages blame the call that led there */
} Source;

typedef struct Sources {
    Source *items; /* items[0] is an empty "no source" */
    size_t count;
    size_t capacity;
} Sources;

uint32_t sources_add(Sources *sources, const char *path, const char *text, size_t length); /* copies; returns the file number */
void sources_free(Sources *sources);
void source_position(const Source *source, uint32_t offset, int *line, int *column); /* both from 1; column in characters */

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING } Severity;

typedef struct Diagnostic {
    Severity severity;
    const char *code; /* "E0203", explained by `reg doc E0203`; see codes.def */
    char *message;
    Span span;
    char *second_label; /* NULL: no second place */
    Span second_span;
    char *help; /* NULL: none */
} Diagnostic;

enum { DIAGNOSTICS_MAX = 20 };

typedef struct Diagnostics {
    Sources *sources;
    Diagnostic *items;
    size_t count;
    size_t capacity;
    size_t error_count;
    Span call;   /* the innermost call in progress of the library, as the user wrote it; file 0: none */
    Span caller; /* the innermost call in progress of a function of the user's own; file 0: none */
    const char *caller_label;
} Diagnostics;

/* Where the user can act: `span` itself, or the call in progress when `span` lies in the library. */
Span diagnostics_place(const Diagnostics *diagnostics, Span span);
/* Notes that what stands in `body` is entered from `from`; gives back what diagnostics_leave restores. */
typedef struct CallPlace {
    Span call, caller;
    const char *label;
} CallPlace;
CallPlace diagnostics_enter(Diagnostics *diagnostics, Span body, Span from, const char *label);
void diagnostics_leave(Diagnostics *diagnostics, CallPlace before);

/* Report; returns false so that `return diagnose(...)` reads well. The last reported one can be extended: */
bool diagnose(Diagnostics *diagnostics, const char *code, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
void diagnose_warning(Diagnostics *diagnostics, const char *code, Span span, const char *format, ...) __attribute__((format(printf, 4, 5)));
bool diagnose_second(Diagnostics *diagnostics, Span span, const char *format, ...) __attribute__((format(printf, 3, 4)));
bool diagnose_help(Diagnostics *diagnostics, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool diagnose_fault(Diagnostics *diagnostics, const char *code, Span span, const Fault *fault); /* a runtime fault, placed */

/* All as text, in order of report, first DIAGNOSTICS_MAX errors; `colour` adds terminal escapes. */
void diagnostics_print(const Diagnostics *diagnostics, Text *out, bool colour);
void diagnostics_clear(Diagnostics *diagnostics);

/* The candidate nearest to `name` (edit distance at most a third of its length), or NULL. */
const char *nearest_name(const char *name, const char *const *candidates, size_t count);

#endif
