/* Where a step comes from in the source, and what one run of it asks for: for profiles. */
#include "lang/backend/lowering.h"

#include "lang/ops/op.h"

#include <stdlib.h>

typedef LIST(StepOrigin) Origins;

static StepOrigin *origin_at(Origins *origins, Span span) {
    for (size_t k = 0; k < origins->count; k++) {
        StepOrigin *known = &origins->items[k];
        if (known->file == span.file && known->start == span.start && known->end == span.end) return known;
    }
    list_push(origins, ((StepOrigin){.file = span.file, .start = span.start, .end = span.end}));
    return &origins->items[origins->count - 1];
}

void lower_origins(PlanStep *step, Node *const *members, int count) {
    Origins origins = {0};
    double total = 0;
    for (int k = 0; k < count; k++) {
        double flops = op_flops(members[k]), weight = flops > 0 ? flops : (double)shape_count(members[k]->type.shape);
        StepOrigin *origin = origin_at(&origins, members[k]->span);
        origin->flops += flops;
        origin->share += weight;
        total += weight;
    }
    for (size_t k = 0; k < origins.count; k++)
        origins.items[k].share = total > 0 ? origins.items[k].share / total : 1.0 / (double)origins.count;
    step->origins = origins.items;
    step->origin_count = (int)origins.count;
}

/* What a group reads of an input: as many elements as the axes that move in it have. */
static double input_bytes(const Lowering *lowering, const Fused *fused, const FusedInput *input) {
    double count = 1;
    for (int k = 0; k < fused->shape.rank; k++)
        if (input->strides[k] != 0) count *= (double)fused->shape.dims[k];
    return count * (double)dtype_bytes(lowering->buffers.items[input->buffer].dtype);
}

double lower_fused_bytes(const Lowering *lowering, const Fused *fused) {
    double bytes = 0;
    for (int k = 0; k < fused->input_count; k++) bytes += input_bytes(lowering, fused, &fused->inputs[k]);
    for (int k = 0; k < fused->output_count; k++) {
        const Buffer *buffer = &lowering->buffers.items[fused->outputs[k].buffer];
        bytes += (double)shape_count(buffer->shape) * (double)dtype_bytes(buffer->dtype);
    }
    return bytes;
}
