#include "lang/passes/memory.h"

#include "runtime/base/memory.h"
#include "runtime/exec/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

typedef struct Block {
    size_t offset;
    size_t bytes;
} Block;

typedef struct Slab {
    LIST(Block) gaps; /* free, in order of offset, never touching one another */
    size_t end;
} Slab;

static size_t slab_take(Slab *slab, size_t bytes) {
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < slab->gaps.count; k++)
        if (slab->gaps.items[k].bytes >= bytes && (best == SIZE_MAX || slab->gaps.items[k].bytes < slab->gaps.items[best].bytes)) best = k;
    if (best == SIZE_MAX) {
        Block *last = slab->gaps.count > 0 ? &slab->gaps.items[slab->gaps.count - 1] : NULL;
        size_t offset = slab->end;
        if (last != NULL && last->offset + last->bytes == slab->end) { /* grow from the gap at the end */
            offset = last->offset;
            slab->gaps.count--;
        }
        slab->end = offset + bytes;
        return offset;
    }
    Block *gap = &slab->gaps.items[best];
    size_t offset = gap->offset;
    gap->offset += bytes;
    gap->bytes -= bytes;
    if (gap->bytes == 0) {
        memmove(gap, gap + 1, sizeof *gap * (slab->gaps.count - best - 1));
        slab->gaps.count--;
    }
    return offset;
}

static void slab_give(Slab *slab, Block block) {
    size_t low = 0, high = slab->gaps.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slab->gaps.items[middle].offset < block.offset) low = middle + 1;
        else high = middle;
    }
    list_push(&slab->gaps, block);
    Block *gaps = slab->gaps.items;
    memmove(&gaps[low + 1], &gaps[low], sizeof *gaps * (slab->gaps.count - 1 - low));
    gaps[low] = block;
    if (low + 1 < slab->gaps.count && gaps[low].offset + gaps[low].bytes == gaps[low + 1].offset) {
        gaps[low].bytes += gaps[low + 1].bytes;
        memmove(&gaps[low + 1], &gaps[low + 2], sizeof *gaps * (slab->gaps.count - low - 2));
        slab->gaps.count--;
    }
    if (low > 0 && gaps[low - 1].offset + gaps[low - 1].bytes == gaps[low].offset) {
        gaps[low - 1].bytes += gaps[low].bytes;
        memmove(&gaps[low], &gaps[low + 1], sizeof *gaps * (slab->gaps.count - low - 1));
        slab->gaps.count--;
    }
}

/* ---- lifetimes --------------------------------------------------------------------------------------------------------- */

typedef struct Lives {
    Plan *plan;
    const int *roots;
    const bool *may_overwrite;
    int *last_use; /* by root: step; INT_MAX for outputs; -1: not in the slab */
    bool *placed;
    bool *passed_on; /* its place went to another buffer at its last use */
    Slab slab;
} Lives;

static size_t buffer_bytes(const Buffer *buffer) {
    size_t bytes = (size_t)shape_count(buffer->shape) * dtype_bytes(buffer->dtype);
    return bytes == 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static int step_reads(const PlanStep *step, int k) { /* buffer number, -1 beyond the last */
    if (step->fused != NULL) return k < step->fused->input_count ? step->fused->inputs[k].buffer : -1;
    return k < step->input_count ? step->inputs[k] : -1;
}

static int step_writes(const PlanStep *step, int k) {
    if (step->fused != NULL) return k < step->fused->output_count ? step->fused->outputs[k].buffer : -1;
    return k < step->output_count ? step->outputs[k] : -1;
}

/* The record of a loop's carry, whose memory is the loop's own (runtime/exec/loop.h). */
static bool is_record(const PlanStep *step, int output) { return step->loop != NULL && output > step->loop->carry_count; }

static void touch(Lives *lives, int buffer, int step) {
    if (lives->plan->buffers[buffer].kind == BUFFER_SLAB) lives->last_use[lives->roots[buffer]] = step;
}

static void find_lifetimes(Lives *lives) {
    for (int k = 0; k < lives->plan->buffer_count; k++) lives->last_use[k] = -1;
    for (int s = 0; s < lives->plan->step_count; s++) {
        const PlanStep *step = &lives->plan->steps[s];
        for (int k = 0, buffer; (buffer = step_reads(step, k)) >= 0; k++) touch(lives, buffer, s);
        for (int k = 0, buffer; (buffer = step_writes(step, k)) >= 0; k++) touch(lives, buffer, s);
    }
    for (int k = 0; k < lives->plan->output_count; k++) touch(lives, lives->plan->outputs[k], INT_MAX);
    for (int s = 0; s < lives->plan->step_count; s++)
        for (int k = 0, buffer; (buffer = step_writes(&lives->plan->steps[s], k)) >= 0; k++)
            if (is_record(&lives->plan->steps[s], k)) touch(lives, buffer, INT_MAX);
}

bool memory_is_pointwise(const Fused *fused, int input) {
    int64_t strides[RANK_MAX] = {0};
    shape_strides(fused->shape, strides);
    return memcmp(strides, fused->inputs[input].strides, sizeof(int64_t) * (size_t)fused->shape.rank) == 0;
}

/* ---- writing over a dying input ---------------------------------------------------------------------------------------- */

static bool same_size(const Lives *lives, int a, int b) {
    const Buffer *x = &lives->plan->buffers[a], *y = &lives->plan->buffers[b];
    return dtype_bytes(x->dtype) == dtype_bytes(y->dtype) && shape_count(x->shape) == shape_count(y->shape);
}

static bool dies_here(const Lives *lives, int buffer, int s) {
    int root = lives->roots[buffer];
    return lives->plan->buffers[buffer].kind == BUFFER_SLAB && lives->last_use[root] == s && !lives->passed_on[root];
}

/* Every read of the root in this step is element for element. */
static bool all_pointwise(const Lives *lives, const Fused *fused, int root) {
    for (int k = 0; k < fused->input_count; k++)
        if (lives->roots[fused->inputs[k].buffer] == root && !memory_is_pointwise(fused, k)) return false;
    return true;
}

/* An input that is stored as it is must outlive the other stores of its tile. */
static bool is_stored_itself(const Fused *fused, int input) {
    for (int k = 0; k < fused->output_count; k++)
        if (fused->outputs[k].reg == input && fused->outputs[k].reduce == FUSED_STORE) return true;
    return false;
}

static int overwritable_input(const Lives *lives, int s, int output) {
    const PlanStep *step = &lives->plan->steps[s];
    int written = step_writes(step, output);
    if (step->fused == NULL) {
        if (!lives->may_overwrite[s] || output != 0 || !dies_here(lives, step->inputs[0], s) || !same_size(lives, step->inputs[0], written))
            return -1;
        for (int k = 1; k < step->input_count; k++)
            if (lives->roots[step->inputs[k]] == lives->roots[step->inputs[0]]) return -1;
        return step->inputs[0];
    }
    if (step->fused->outputs[output].reduce != FUSED_STORE) return -1;
    for (int k = 0; k < step->fused->input_count; k++) {
        int read = step->fused->inputs[k].buffer;
        if (is_stored_itself(step->fused, k)) continue;
        if (dies_here(lives, read, s) && same_size(lives, read, written) && all_pointwise(lives, step->fused, lives->roots[read]))
            return read;
    }
    return -1;
}

/* ---- placing ----------------------------------------------------------------------------------------------------------- */

static void place(Lives *lives, int s, int output) {
    Plan *plan = lives->plan;
    int written = step_writes(&plan->steps[s], output), root = lives->roots[written];
    if (plan->buffers[written].kind != BUFFER_SLAB || lives->placed[root]) return;
    lives->placed[root] = true;
    int source = overwritable_input(lives, s, output);
    if (source >= 0) {
        plan->buffers[root].offset = plan->buffers[lives->roots[source]].offset;
        lives->passed_on[lives->roots[source]] = true;
    } else if (is_record(&plan->steps[s], output)) {
        plan->buffers[root].offset = lives->slab.end;
        lives->slab.end += buffer_bytes(&plan->buffers[root]);
    } else plan->buffers[root].offset = slab_take(&lives->slab, buffer_bytes(&plan->buffers[root]));
}

static void release(Lives *lives, int s, int buffer) {
    int root = lives->roots[buffer];
    if (!dies_here(lives, buffer, s)) return;
    lives->passed_on[root] = true; /* once only */
    slab_give(&lives->slab, (Block){lives->plan->buffers[root].offset, buffer_bytes(&lives->plan->buffers[root])});
}

static void place_step(Lives *lives, int s) {
    PlanStep *step = &lives->plan->steps[s];
    for (int k = 0; step_writes(step, k) >= 0; k++) place(lives, s, k);
    if (step->scratch_bytes > 0) {
        size_t bytes = (step->scratch_bytes + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
        step->scratch_offset = slab_take(&lives->slab, bytes);
        slab_give(&lives->slab, (Block){step->scratch_offset, bytes});
    }
    for (int k = 0, buffer; (buffer = step_reads(step, k)) >= 0; k++) release(lives, s, buffer);
    for (int k = 0, buffer; (buffer = step_writes(step, k)) >= 0; k++) release(lives, s, buffer);
}

void memory_plan(Lowered *lowered) {
    Plan *plan = lowered->program->plan;
    size_t count = (size_t)plan->buffer_count;
    Lives lives = {.plan = plan,
                   .roots = lowered->roots,
                   .may_overwrite = lowered->may_overwrite,
                   .last_use = allocate(sizeof(int) * count),
                   .placed = allocate(count),
                   .passed_on = allocate(count)};
    find_lifetimes(&lives);
    for (int s = 0; s < plan->step_count; s++) place_step(&lives, s);
    for (int k = 0; k < plan->buffer_count; k++) plan->buffers[k].offset = plan->buffers[lowered->roots[k]].offset;
    plan->slab_bytes = lives.slab.end;
    list_free(&lives.slab.gaps);
    free(lives.last_use);
    free(lives.placed);
    free(lives.passed_on);
}
