/* Compiled kernels for the fused groups of plans, when they pay.
 *
 * The interpreter starts at once; a plan that has run for a while gets its groups as machine code (fused_text.h): from the kernels that
 * this program already has, from the cache on disk (kernel_cache.h), or from the system's compiler (compiler.h), which works
 * beside the run. Both ways give the same bits, so that a plan may change over between two runs. Nothing here can break a run: what
 * cannot be compiled stays interpreted. */
#ifndef REG_EXEC_JIT_H
#define REG_EXEC_JIT_H

#include "runtime/base/text.h"
#include "runtime/exec/plan.h"

typedef enum JitMode {
    JIT_AUTO, /* for plans that run long */
    JIT_ON,   /* before the first run of each plan; says when it cannot */
    JIT_OFF
} JitMode;

typedef struct Jit Jit;

/* `say` is given what JIT_ON has to tell: one line without its end, once. */
Jit *jit_new(JitMode mode, void (*say)(void *context, const char *message), void *context);
void jit_free(Jit *jit); /* after the plans it was attached to */

/* Kernels compiled before: those of a compiled program. */
bool jit_add_object(Jit *jit, const char *bytes, size_t length, Fault *fault);
/* For a plan that is prepared. plan_free detaches it. */
void jit_attach(Jit *jit, Plan *plan);

/* The plan has run for `seconds`: the plan's own calls (plan.c). */
void jit_plan_ran(PlanCode *code, double seconds);
bool jit_plan_is_settled(const PlanCode *code); /* its time need not be told any more */
void jit_plan_free(PlanCode *code);

/* Adds the functions of a prepared plan and of its loops that are not compiled yet, for the compiler. False when there are none. */
bool jit_plan_text(Plan *plan, Text *out);

#endif
