/* A prepared fused group: what fused_prepare.c makes and fused.c runs. Private to these and fused_text.c. */
#ifndef REG_EXEC_FUSED_PROGRAM_H
#define REG_EXEC_FUSED_PROGRAM_H

#include "runtime/exec/fused_text.h"
#include "runtime/exec/reduction.h"

typedef enum AccessMode {
    ACCESS_DIRECT, /* the tile lies in the buffer as it is */
    ACCESS_REPEAT, /* one value all over the tile */
    ACCESS_GATHER
} AccessMode;

typedef struct InputAccess {
    AccessMode mode;
    bool is_invariant; /* every tile sees the same values: fetched once per unit */
    size_t element_bytes;
    int64_t strides[RANK_MAX]; /* over the collapsed space */
} InputAccess;

typedef struct FusedStep {
    const FusedSegment *segment;   /* this step and the following ones, compiled; or */
    ElementwiseFunction *function; /* or */
    CastFunction *cast;
    uint16_t result;
    uint16_t operands[3];
    int instruction; /* of the group */
} FusedStep;

typedef struct OutputAccess {
    uint16_t reg;
    bool is_reduced;
    bool is_direct; /* the register is the place in the buffer */
    size_t element_bytes;
    Reduction reduction;
} OutputAccess;

struct FusedProgram {
    TileSpace space;
    InputAccess *inputs;
    int input_count;
    FusedStep *steps;
    int step_count;
    FusedSegment *segments; /* once they were asked for */
    int segment_count;
    OutputAccess *outputs;
    int output_count;
    int register_count;
    bool is_large;          /* its inputs come from memory, not from a cache */
    size_t *slots;          /* by register: offset of its storage on the unit's stack; NO_SLOT when it has none */
    const void **constants; /* by register: values all over a tile; NULL when it is not a constant */
    size_t stack_bytes;
    void *constant_memory;
    void *accumulator_memory;
};

static const size_t NO_SLOT = (size_t)-1;

#endif
