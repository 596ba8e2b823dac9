/* Inside the C99 writer: its state and the vocabulary that its files share. */
#ifndef REG_BACKEND_C99_INSIDE_H
#define REG_BACKEND_C99_INSIDE_H

#include "lang/backend/c99.h"
#include "runtime/base/arena.h"
#include "runtime/base/memory.h"
#include "runtime/exec/fused.h"

#include <stdlib.h>

/* A tensor that became a constant array. */
typedef struct C99Constant {
    const Tensor *tensor;
    const char *name;
} C99Constant;

/* The plan that is being written: the function's, or a loop's inside it. */
typedef struct C99Frame {
    const Plan *plan;
    struct C99Frame *outer;
    int number;         /* names its work arrays */
    const char **names; /* by buffer; NULL: not used so far */
    const Cell *const *cells;
    const char **cell_names; /* what its own cells are called: inputs, captures, carries */
    int cell_count;
    size_t first[DTYPE_COUNT]; /* bytes of the slab where values of this type begin */
    size_t end[DTYPE_COUNT];
} C99Frame;

enum { C99_HELPERS_MAX = 16 };

typedef struct C99 {
    const C99Request *request;
    Arena *arena;
    const char *name;           /* prefix of everything outside the function */
    const char **arguments;     /* inputs, then outputs, as the header has them */
    const char **own_arguments; /* the same inside the function */
    Text body;
    int depth;   /* of indentation */
    Text arrays; /* work memory of all frames */
    LIST(C99Constant) constants;
    uint32_t helpers[C99_HELPERS_MAX]; /* by helper: a bit for each type that needs it */
    bool uses_type[DTYPE_COUNT];
    bool may_fail;     /* indices are checked: the function returns a number */
    bool adds;         /* sums are taken */
    int64_t line_sums; /* elements of the shared row of sums */
    int frames;
    int names;          /* of local arrays given so far */
    size_t work_bytes;  /* of arrays */
    size_t value_bytes; /* of constants */
} C99;

/* --- text (c99_text.c) --- */
void c99_line(C99 *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void c99_open(C99 *c, const char *format, ...) __attribute__((format(printf, 2, 3))); /* a line and " {" */
void c99_close(C99 *c);
const char *c99_type(C99 *c, DType dtype);                  /* "float" */
const char *c99_literal(C99 *c, double value, DType dtype); /* that reads back as the same value of the type */
const char *c99_sum_type(C99 *c, DType dtype);              /* what values of the type are added in */

/* A place in a buffer as a sum over the indices of a nest: offset + factors[k] * index k. */
typedef struct Affine {
    int64_t offset;
    int64_t factors[RANK_MAX];
} Affine;
Affine affine_of(Shape shape); /* row-major: every element at its own place */

/* Loops over a shape, one for each axis longer than 1; index k is called LETTERk. */
void c99_nest(C99 *c, Shape shape, char letter);
void c99_nest_end(C99 *c, Shape shape);
const char *c99_offset(C99 *c, const Affine *place, Shape nest, char letter);

/* Index arithmetic without what changes nothing: `0 * x`, `1 * x`, `x + 0`. */
const char *c99_times(C99 *c, int64_t factor, const char *index);
const char *c99_plus(C99 *c, const char *a, const char *b);
const char *c99_row(C99 *c, const char *row, int64_t width, const char *column); /* row * width + column */

/* --- names (c99_names.c) --- */
void c99_name_arguments(C99 *c);
const char *c99_constant_name(C99 *c, const char *path); /* NULL: it has none */

/* --- buffers (c99_buffers.c) --- */
void c99_frame_begin(C99 *c, C99Frame *frame);                     /* its slab becomes arrays */
const char *c99_buffer(C99 *c, C99Frame *frame, int buffer);       /* the name of its first element's pointer; NULL after a diagnostic */
void c99_frame_pointers(C99 *c, const C99Frame *frame, Text *out); /* declarations of what the frame's text uses */
const char *c99_local_array(C99 *c, DType dtype, int64_t count);   /* static memory of its own */
void c99_write_constants(C99 *c, Text *out);

/* --- elementwise (c99_math.c) --- */
/* The op's text over these operands; NULL when a function in it has no C99 form. `dtype` is what `T` stands for. */
const char *c99_expression(C99 *c, int code, DType dtype, const char *const *operands);
const char *c99_cast(C99 *c, const char *value, DType from, DType to);
void c99_write_helpers(C99 *c, Text *out);

/* --- steps --- */
/* One step of a kernel. */
typedef struct C99Step {
    C99Frame *frame;
    const PlanStep *step;
    const char **in, **out; /* names */
    const Buffer **input, **output;
} C99Step;
typedef bool C99Writer(C99 *c, const C99Step *step); /* false after a diagnostic */

C99Writer *c99_writer(const char *kernel);                                      /* NULL: the op has none (c99_ops.c) */
bool c99_refuse(C99 *c, const PlanStep *step, const char *op, const char *why); /* names its line; false */
bool c99_plan(C99 *c, C99Frame *frame);                                         /* all steps (c99_plan.c) */
bool c99_group(C99 *c, C99Frame *frame, const PlanStep *step);                  /* c99_fused.c */
bool c99_reduce(C99 *c, const C99Step *step, Combine combine);                  /* c99_fused.c */

C99Writer c99_iota, c99_cast_op, c99_broadcast, c99_transpose, c99_slice, c99_flip, c99_pad, c99_concat; /* c99_moves.c */
C99Writer c99_gather, c99_gather_along, c99_scatter_add, c99_scatter_set, c99_scatter_along_add;         /* c99_gather.c */
C99Writer c99_matmul, c99_conv, c99_conv_input, c99_max_pool, c99_max_pool_adjoint, c99_window_sum,
    c99_window_sum_adjoint;                                                                                              /* c99_windows.c */
C99Writer c99_argmax, c99_argmin, c99_cumsum, c99_sort, c99_reduce_sum, c99_reduce_prod, c99_reduce_max, c99_reduce_min; /* c99_axis.c */

#endif
