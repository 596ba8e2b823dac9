/* A plan as plain C99: one function with its constants, for programs that embed what was learned.
 *
 * The text needs <math.h> and, where whole numbers are read or kept, <stdint.h>; it allocates nothing. Elementwise steps are written with
 * the expressions of runtime/elementwise.def, every other op has one writer (c99_ops.c). */
#ifndef REG_BACKEND_C99_H
#define REG_BACKEND_C99_H

#include "lang/passes/compile.h"
#include "runtime/base/text.h"

typedef struct C99Argument {
    const char *name; /* as the source has it; becomes an identifier */
    Type type;
    const Cell *cell; /* of an input: what the plan reads it through */
} C99Argument;

typedef struct C99Request {
    const Program *program;
    const char *name;                    /* of the function: an identifier */
    const char *header;                  /* what the source includes, without its ending: "net" */
    const char *about;                   /* what it is, for the comment that opens both texts: lines, each ended */
    const C99Argument *inputs, *outputs; /* outputs in the order of the plan's */
    int input_count, output_count;
    /* The values of a parameter or state, which become constants. Borrowed; NULL after a diagnostic. */
    const Tensor *(*value_of)(void *context, const Buffer *buffer);
    /* The source text of an elementwise op, by name: of a group it is not known which text it came from. */
    Span (*place_of)(void *context, const char *op);
    void *context;
    Diagnostics *diagnostics;
} C99Request;

/* The identifier that the name of a function becomes: of letters, digits and `_`, no word of C or C++ and no function of the library. */
char *c99_identifier(Arena *arena, const char *name);
/* Both texts. False after a diagnostic that names the op which cannot be written, and its line. */
bool c99_write(const C99Request *request, Text *source, Text *header);

#endif
