#include "lang/passes/memory.h"

#include "lang/passes/places.h"
#include "runtime/base/memory.h"
#include "runtime/exec/loop.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* ---- lifetimes --------------------------------------------------------------------------------------------------------- */

typedef struct Lives {
    Plan *plan;
    const int *roots;
    const bool *may_overwrite;
    int *last_use; /* by root: step; INT_MAX for outputs; -1: not in the slab */
    bool *placed;
    bool *passed_on; /* its place went to another buffer at its last use */
    int *place_of;   /* by root */
    LIST(Place) places;
} Lives;

static size_t places_round(size_t bytes) { return (bytes + PLACES_ALIGNMENT - 1) & ~(size_t)(PLACES_ALIGNMENT - 1); }

static size_t buffer_bytes(const Buffer *buffer) {
    size_t bytes = (size_t)shape_count(buffer->shape) * dtype_bytes(buffer->dtype);
    return places_round(bytes == 0 ? 1 : bytes);
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

static int new_place(Lives *lives, int begin, int end, size_t bytes) {
    list_push(&lives->places, ((Place){.begin = begin, .end = end, .bytes = bytes}));
    return (int)lives->places.count - 1;
}

/* A place of its own, or that of an input that dies here, for as long as the value is needed. */
static void place(Lives *lives, int s, int output) {
    Plan *plan = lives->plan;
    int written = step_writes(&plan->steps[s], output), root = lives->roots[written];
    if (plan->buffers[written].kind != BUFFER_SLAB || lives->placed[root]) return;
    lives->placed[root] = true;
    int source = overwritable_input(lives, s, output), end = lives->last_use[root];
    if (source >= 0) {
        int number = lives->place_of[root] = lives->place_of[lives->roots[source]];
        Place *shared = &lives->places.items[number];
        if (shared->end < end) shared->end = end;
        lives->passed_on[lives->roots[source]] = true;
    } else {
        lives->place_of[root] = new_place(lives, s, end, buffer_bytes(&plan->buffers[root]));
    }
}

/* Records keep their places from run to run: nobody else gets them, before or after. */
static void place_records(Lives *lives, int s) {
    const PlanStep *step = &lives->plan->steps[s];
    for (int k = 0, buffer; (buffer = step_writes(step, k)) >= 0; k++) {
        int root = lives->roots[buffer];
        if (!is_record(step, k) || lives->plan->buffers[buffer].kind != BUFFER_SLAB || lives->placed[root]) continue;
        lives->placed[root] = true;
        lives->place_of[root] = new_place(lives, 0, INT_MAX, buffer_bytes(&lives->plan->buffers[root]));
    }
}

static void place_step(Lives *lives, int s) {
    PlanStep *step = &lives->plan->steps[s];
    for (int k = 0; step_writes(step, k) >= 0; k++) place(lives, s, k);
    if (step->scratch_bytes > 0) step->scratch_offset = (size_t)new_place(lives, s, s, places_round(step->scratch_bytes));
}

/* Numbers of places become offsets. */
static void settle(Lives *lives) {
    Plan *plan = lives->plan;
    const Place *places = lives->places.items;
    for (int k = 0; k < plan->buffer_count; k++) {
        int root = lives->roots[k];
        if (lives->placed[root]) plan->buffers[k].offset = places[lives->place_of[root]].offset;
    }
    for (int s = 0; s < plan->step_count; s++) {
        PlanStep *step = &plan->steps[s];
        if (step->scratch_bytes > 0) step->scratch_offset = places[step->scratch_offset].offset;
    }
}

void memory_plan(Lowered *lowered) {
    Plan *plan = lowered->program->plan;
    size_t count = (size_t)plan->buffer_count;
    Lives lives = {.plan = plan,
                   .roots = lowered->roots,
                   .may_overwrite = lowered->may_overwrite,
                   .last_use = allocate(sizeof(int) * count),
                   .placed = allocate(count),
                   .passed_on = allocate(count),
                   .place_of = allocate(sizeof(int) * count)};
    find_lifetimes(&lives);
    for (int s = 0; s < plan->step_count; s++) place_records(&lives, s);
    for (int s = 0; s < plan->step_count; s++) place_step(&lives, s);
    plan->slab_bytes = places_find(lives.places.items, lives.places.count);
    settle(&lives);
    list_free(&lives.places);
    free(lives.last_use);
    free(lives.placed);
    free(lives.passed_on);
    free(lives.place_of);
}
