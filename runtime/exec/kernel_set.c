#include "runtime/exec/kernel_set.h"

#include "runtime/exec/fused_text.h"
#include "runtime/exec/loop.h"
#include "runtime/exec/rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool has_name(const KernelSet *set, const char *name) {
    for (size_t k = 0; k < set->names.count; k++)
        if (strcmp(set->names.items[k], name) == 0) return true;
    return false;
}

/* A group that cannot be prepared is reported when it is to run. */
static void add_group(KernelSet *set, const Plan *plan, const Fused *fused) {
    Fault fault;
    FusedProgram *program = fused_prepare(fused, plan->buffers, &fault);
    if (program == NULL) return;
    int count;
    const FusedSegment *segments = fused_segments(program, fused, plan->buffers, &count);
    for (int k = 0; k < count; k++) {
        if (has_name(set, segments[k].name)) continue;
        list_push(&set->names, copy_string(segments[k].name));
        text_add(&set->text, segments[k].text);
    }
    fused_program_free(program);
}

void kernel_set_add(KernelSet *set, const Plan *plan) {
    for (int s = 0; plan != NULL && s < plan->step_count; s++) {
        const PlanStep *step = &plan->steps[s];
        if (step->fused != NULL) add_group(set, plan, step->fused);
        if (step->rows != NULL) kernel_set_add(set, step->rows->body);
        if (step->loop == NULL) continue;
        kernel_set_add(set, step->loop->condition);
        kernel_set_add(set, step->loop->body);
    }
}

void kernel_set_free(KernelSet *set) {
    for (size_t k = 0; k < set->names.count; k++) free(set->names.items[k]);
    list_free(&set->names);
    text_free(&set->text);
}

Compilation *kernel_set_compile(const KernelSet *set, int level, Fault *fault) {
    Text text = {0};
    fused_text_prelude(&text);
    if (set->text.length > 0) text_add_bytes(&text, set->text.bytes, set->text.length);
    Compilation *compilation = compiler_start(text.bytes, text.length, level, fault);
    text_free(&text);
    return compilation;
}

const char *kernels_name(int level, char name[static KERNELS_NAME]) {
    snprintf(name, KERNELS_NAME, "kernels.v%d", level);
    return name;
}
