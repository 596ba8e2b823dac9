/* `"row {v}: {mean(x)}"`: a string cut into text and the expressions in its braces, whose spans lie in the string itself. `\{` is a
 * brace; what stands in braces and is no expression stays text. */
#ifndef REG_SYNTAX_INTERPOLATION_H
#define REG_SYNTAX_INTERPOLATION_H

#include "lang/syntax/diagnostics.h"
#include "lang/syntax/tree.h"

typedef struct Interpolation {
    Arena *arena;
    Diagnostics *diagnostics;
    const Tree *string;
    const char *at;  /* in the contents */
    uint32_t place;  /* the same in the source, as far as it was read */
    bool is_escaped; /* the brace at hand is text */
    bool failed;     /* an expression had a syntax error, which was reported */
} Interpolation;

typedef struct StringPart {
    const char *text; /* comes first */
    size_t length;
    const Tree *expression; /* follows; NULL: none */
} StringPart;

Interpolation interpolation_start(Arena *arena, Diagnostics *diagnostics, const Tree *string);
/* False behind the last part, and after an error. */
bool interpolation_next(Interpolation *interpolation, StringPart *part);

#endif
