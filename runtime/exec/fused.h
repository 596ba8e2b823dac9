/* Running a fused group (plan.h: Fused) tile by tile.
 *
 * Registers 0 .. input_count-1 of a group are its inputs, each of its buffer's dtype; instructions write the others, every
 * register once. An output is stored, or combined over `reduced_axes` into a buffer that keeps those axes as size 1.
 * A stored output may share its memory with an input that is read at the same place (contiguous, same dtype size).
 *
 * Sums: the elements of a tile (tiles.h) are added in 64-byte lanes, tiles in order in double, units of tiles in order after
 * that. All three cuts depend on shapes only, so the bits do not depend on the number of threads. */
#ifndef REG_EXEC_FUSED_H
#define REG_EXEC_FUSED_H

#include "runtime/exec/elementwise.h"
#include "runtime/exec/plan.h"

/* Codes of a FusedInstruction beyond those of elementwise.def (ElementwiseCode). */
enum {
    FUSED_CAST = ELEMENTWISE_COUNT, /* result (dtype) = operand 0 (operand_dtype) */
    FUSED_CONSTANT                  /* result (dtype) = instruction.number */
};

/* Several steps over one tile, compiled (fused_text.h): `tiles` are those of the registers that they read and write. */
typedef void FusedFunction(char *const *tiles, int64_t count);

/* FusedProgram (plan.h): a group made ready: collapsed space, register slots, constants. */

/* `buffers` are the plan's: dtypes and places, to see what shares memory. NULL with a fault when the group is malformed. */
FusedProgram *fused_prepare(const Fused *fused, const Buffer *buffers, Fault *fault);
/* inputs[i] and outputs[k] point to the data of the group's buffers. */
void fused_run(FusedProgram *program, void *const *inputs, void *const *outputs, Threads *threads);
void fused_program_free(FusedProgram *program);
void fused_free(Fused *fused); /* with its arrays */

#endif
