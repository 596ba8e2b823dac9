/* The vectorised loops behind runtime/elementwise.def: one function per op and dtype over contiguous tiles.
 *
 * The same text (runtime/kernels/elementwise_text.h) is compiled for several instruction sets; elementwise_table() picks
 * one by asking the processor. What calls the loops over whole tensors is exec/fused.c. */
#ifndef REG_EXEC_ELEMENTWISE_H
#define REG_EXEC_ELEMENTWISE_H

#include "runtime/base/tensor.h"

/* In the order of elementwise.def; lang/graph/graph.h begins its OpCode in the same way. */
typedef enum ElementwiseCode {
#define UNARY(NAME, ...) ELEMENTWISE_##NAME,
#define BINARY(NAME, ...) ELEMENTWISE_##NAME,
#define TERNARY(NAME, ...) ELEMENTWISE_##NAME,
#include "runtime/elementwise.def"
#undef UNARY
#undef BINARY
#undef TERNARY
    ELEMENTWISE_COUNT
} ElementwiseCode;

typedef enum ElementwiseKind { KIND_FLOAT, KIND_NUMBER, KIND_COMPARE, KIND_LOGIC, KIND_TEST, KIND_SELECT } ElementwiseKind;

typedef struct ElementwiseInfo {
    const char *name;
    int arity;
    ElementwiseKind kind;
} ElementwiseInfo;

extern const ElementwiseInfo elementwise_info[ELEMENTWISE_COUNT];

/* How values combine along reduced axes. */
typedef enum Combine { COMBINE_SUM, COMBINE_MAX, COMBINE_MIN, COMBINE_PROD } Combine;
enum { COMBINE_COUNT = 4 };

/* `count` elements; unused operands are NULL. `out` may overlap an operand only if both start at the same address and have
 * the same element size. */
typedef void ElementwiseFunction(void *out, const void *a, const void *b, const void *c, int64_t count);
typedef void CastFunction(void *out, const void *in, int64_t count);
/* Accumulators are double for floats and int64_t for i64 and bool.
 * rows: accumulators[r] combines `length` values, for each of `rows` rows that follow one another.
 * columns: accumulators[j] combines values[r * length + j] for every row r, in order. */
typedef void ReduceFunction(void *accumulators, const void *values, int64_t rows, int64_t length);

typedef struct ElementwiseTable {
    /* by code and the dtype of the operands (of b and c for WHERE); NULL where the kind does not allow the dtype */
    ElementwiseFunction *functions[ELEMENTWISE_COUNT][DTYPE_COUNT];
    CastFunction *casts[DTYPE_COUNT][DTYPE_COUNT]; /* [from][to] */
    ReduceFunction *reduce_rows[COMBINE_COUNT][DTYPE_COUNT];
    ReduceFunction *reduce_columns[COMBINE_COUNT][DTYPE_COUNT];
} ElementwiseTable;

const ElementwiseTable *elementwise_table(void); /* the best one for this processor */
/* Level 1 (any x86-64), 3 (AVX2, FMA) or 4 (AVX-512); NULL when the processor lacks it. For tests. */
const ElementwiseTable *elementwise_table_level(int level);
int elementwise_level(void); /* of elementwise_table() */

#endif
