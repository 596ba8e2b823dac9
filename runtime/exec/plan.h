/* The plan: what the compiler hands to the runtime. A list of steps over numbered buffers; run thousands of times.
 *
 * A buffer is a place in the plan's slab, a constant, or a cell: storage that outlives the plan (a parameter, a state, a column
 * of a data set, the number of the step). Cells are bound before a run and may be written by the plan (`Cell.tensor->data`
 * is then updated in place). No allocation happens during plan_run. */
#ifndef REG_EXEC_PLAN_H
#define REG_EXEC_PLAN_H

#include "runtime/exec/kernel.h"

/* Storage with a name, shared by session, graphs and plans. The tensor may be replaced between runs (same dtype and shape)
 * unless a plan that is running reads it. */
typedef struct Cell {
    char *name;     /* path as the user writes it: "net.dense_1.w" */
    Tensor *tensor; /* NULL until initialised */
    int references;
    double spread; /* standard deviation that its first value was drawn with; 0: not known */
} Cell;

Cell *cell_new(const char *name, Tensor *tensor); /* takes the tensor reference */
Cell *cell_retain(Cell *cell);
void cell_release(Cell *cell);

typedef enum BufferKind {
    BUFFER_SLAB,
    BUFFER_CONSTANT,
    BUFFER_CELL,
    BUFFER_NEXT /* the next value of a cell: memory of its own, which changes places with the cell's in an exchange step */
} BufferKind;

typedef struct Buffer {
    BufferKind kind;
    DType dtype;
    Shape shape;
    size_t offset;  /* BUFFER_SLAB: bytes from the start, 64-byte aligned */
    Tensor *tensor; /* BUFFER_CONSTANT: owned reference; BUFFER_NEXT: from plan_prepare on */
    Cell *cell;     /* BUFFER_CELL: owned reference */
} Buffer;

/* A fused group of elementwise ops: a straight program over virtual registers, run tile by tile.
 * The iteration space is `shape` (row-major); registers 0 .. input_count-1 are the inputs (see fused.h). */
typedef struct FusedInput {
    int buffer;
    int64_t strides[RANK_MAX]; /* in elements, over the group's iteration space; 0 where broadcast */
} FusedInput;

typedef struct FusedInstruction {
    uint16_t code;         /* ElementwiseCode (order of elementwise.def), FUSED_CAST or FUSED_CONSTANT (fused.h) */
    uint8_t dtype;         /* DType of the result */
    uint8_t operand_dtype; /* DType of the operands (differs for comparisons and casts) */
    uint16_t result;       /* virtual register */
    uint16_t operands[3];
    double number; /* FUSED_CONSTANT */
} FusedInstruction;

typedef enum FusedReduce { FUSED_STORE, FUSED_SUM, FUSED_MAX, FUSED_MIN } FusedReduce;

typedef struct FusedOutput {
    int buffer;
    uint16_t reg;          /* register stored or reduced */
    FusedReduce reduce;    /* how values along reduced axes combine */
    uint32_t reduced_axes; /* bit mask over the iteration space; 0 for FUSED_STORE */
} FusedOutput;

typedef struct Fused {
    Shape shape;
    int register_count;
    FusedInput *inputs;
    int input_count;
    FusedInstruction *instructions;
    int instruction_count;
    FusedOutput *outputs;
    int output_count;
} Fused;

typedef struct PlanCode PlanCode;         /* see jit.h */
typedef struct FusedProgram FusedProgram; /* see fused.h */
typedef struct PlanLoop PlanLoop;         /* a body plan run until its condition holds; see loop.h */
typedef struct PlanRows PlanRows;         /* a body plan run on blocks of rows; see rows.h */

/* A place in the source text that a step computes for, numbered by the compiler, and its part of one run. */
typedef struct StepOrigin {
    uint32_t file, start, end;
    double flops; /* 0 for what only moves */
    double share; /* of the step's time and bytes; over the origins of a step they sum to 1 */
} StepOrigin;

typedef struct PlanStep {
    const Kernel *kernel; /* exactly one of kernel, fused, loop, rows, is_exchange is set */
    Fused *fused;
    PlanLoop *loop;
    PlanRows *rows;
    bool is_exchange; /* output 0, a cell, takes the value of input 0, a BUFFER_NEXT: their memories change places */
    int *inputs;
    int input_count; /* buffer numbers (all but fused) */
    int *outputs;
    int output_count;
    int64_t *ints;
    int int_count;
    double *numbers;
    int number_count;
    size_t scratch_offset; /* in the slab */
    size_t scratch_bytes;
    StepOrigin *origins; /* a fused group may compute for several places */
    int origin_count;
    double bytes;      /* read and written by one run */
    const char *label; /* "matmul", "fused mul add exp": borrowed from the plan's text */
} PlanStep;

typedef struct Plan {
    Buffer *buffers;
    int buffer_count;
    PlanStep *steps;
    int step_count;
    bool is_twin;     /* its steps and outputs belong to another plan (rows.c) */
    int commit_start; /* steps from here on write cells; a run may stop before them (plan_run_until) */
    int *outputs;
    int output_count;        /* buffers the caller reads after a run */
    struct Profile *profile; /* times every step (profile.h); NULL: nobody asked. Set before plan_prepare */
    size_t slab_bytes;
    void *slab;     /* allocated once by plan_prepare, on huge pages where the system gives them */
    void *prepared; /* the executor's own: views and kernel calls, made once */
    PlanCode *code; /* its fused groups compiled (jit.h); NULL: interpreted */
} Plan;

size_t plan_peak_bytes(const Plan *plan);                          /* what plan_prepare allocates for intermediate values, loops included */
bool plan_prepare(Plan *plan, Threads *threads, Fault *fault);     /* allocates the slab; once */
bool plan_run(Plan *plan, Fault *fault);                           /* all steps */
bool plan_run_range(Plan *plan, int first, int end, Fault *fault); /* steps first..end */
/* Data of output k after a run; valid until the next run or plan_free. */
View plan_output(const Plan *plan, int output);
Tensor *plan_output_tensor(const Plan *plan, int output, Fault *fault); /* a copy that the caller owns */
Tensor *plan_take_output(Plan *plan, int output, Fault *fault);         /* perhaps without a copy: afterwards only plan_free */
View plan_buffer_view(const Plan *plan, int buffer);
FusedProgram *plan_fused_program(const Plan *plan, int step); /* of a prepared plan; NULL: the step is no fused group */
void plan_free(Plan *plan); /* and everything it points to: every array of a Plan and its steps is from allocate() */

/* The first step in [0, end) whose float output holds a NaN or an infinity when the plan is run once more step by step
 * (cells untouched, since only steps before commit_start run); -1 when none. For messages after a bad number. */
int plan_find_nonfinite(Plan *plan, Fault *fault);
/* The same among the steps that compute for one of these places. */
int plan_find_nonfinite_at(Plan *plan, const StepOrigin *places, int place_count, Fault *fault);

#endif
