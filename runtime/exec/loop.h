/* A loop step: a body plan run again and again on its own carries, until a condition holds.
 *
 * The step's inputs are the captured values, then the initial carries; its outputs are the final carries, the number of
 * iterations (i64 scalar) and, with `record`, one tensor [max + 1, carry's shape...] per carry whose row i holds the carry
 * before iteration i (rows beyond the final carry are zero). A record of no rows is not kept. The memory of records is zero before the
 * first run and the loop's own between runs, so that only rows that an earlier run wrote need clearing. The condition is evaluated before each iteration.
 *
 * Both plans read the values through cells that belong to this loop; the loop binds the cells' tensors itself. Neither plan
 * writes cells. All pointers are owned by the loop. */
#ifndef REG_EXEC_LOOP_H
#define REG_EXEC_LOOP_H

#include "runtime/exec/plan.h"

struct PlanLoop {
    Plan *condition; /* output 0: bool scalar, true to stop; NULL: only `max` stops */
    Plan *body;      /* outputs: the next value of each carry */
    Cell **captured;
    int captured_count;
    Cell **carries;
    int carry_count;
    int64_t max; /* at most so many iterations; -1: no limit (not with record) */
    bool record;
    void *prepared;
};

size_t loop_peak_bytes(const PlanLoop *loop);               /* of both plans and both halves of the carries */
void loop_profile(PlanLoop *loop, struct Profile *profile); /* its plans leave what they took there; before loop_prepare */
bool loop_prepare(PlanLoop *loop, const View *inputs, Threads *threads, Fault *fault);
bool loop_run(PlanLoop *loop, const View *inputs, const View *outputs, Fault *fault);
void loop_free(PlanLoop *loop);

#endif
