/* A fused group as C text: the second way to run it (fused.h is the first, tile by tile and op by op).
 *
 * The steps of a group are cut into segments: runs of ops that one vectorised loop can hold. Each segment becomes one C function over
 * a tile, made of the value texts of elementwise.def and the functions of vecmath.h, so that a compiler with the flags of
 * KERNEL_FLAGS gives the same bits as the interpreter's loops. Tiles, reductions and all else stay the interpreter's. A
 * function is named by a hash of its text: equal segments of different plans are one, and what was compiled for one run serves another. */
#ifndef REG_EXEC_FUSED_TEXT_H
#define REG_EXEC_FUSED_TEXT_H

#include "runtime/base/text.h"
#include "runtime/exec/fused.h"

enum {
    SEGMENT_NAME = 40,     /* bytes of a function's name with its NUL */
    SEGMENT_STEPS = 64,    /* more values alive at once than registers gain nothing */
    SEGMENT_REGISTERS = 64 /* tiles that a function may be given */
};

/* A function of the text, and how it is called. */
typedef struct FusedSegment {
    int first, count;                      /* steps of the program that it stands for */
    uint16_t registers[SEGMENT_REGISTERS]; /* whose tiles it is given, in order: those it reads, then those it writes */
    int register_count;
    FusedFunction *function; /* NULL: the steps are interpreted */
    char name[SEGMENT_NAME];
    char *text; /* of the function */
} FusedSegment;

/* Cuts the program into segments, once; those of a single step are not worth a function. `fused` and `buffers` as it was prepared from. */
FusedSegment *fused_segments(FusedProgram *program, const Fused *fused, const Buffer *buffers, int *count);
/* Runs the segment by its function from now on. */
void fused_use(FusedProgram *program, FusedSegment *segment, FusedFunction *function);
void fused_segments_free(FusedSegment *segments, int count);

/* What comes before the functions in a text for the compiler: the vector math. */
void fused_text_prelude(Text *out);

/* For the compiler, with -march of the level (elementwise.h) added: those of the interpreter's loops. */
extern const char *const fused_text_flags[];                 /* NULL-terminated */
extern const char *const *fused_text_level_flags(int level); /* NULL: this level is only interpreted */

#endif
