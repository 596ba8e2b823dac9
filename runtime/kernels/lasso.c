#include "runtime/kernels/kernels.h"

#include "runtime/solve/lasso.h"

#include <string.h>

static double number(const View *view) {
    return view->dtype == DTYPE_F32 ? (double)*(const float *)view->data : *(const double *)view->data;
}

size_t scratch_lasso(const KernelCall *call) {
    Shape x = call->inputs[0].shape;
    return lasso_scratch(call->inputs[0].dtype, x.dims[0], x.dims[1]);
}

bool kernel_lasso(const KernelCall *call) {
    const View *x = &call->inputs[0], *w = &call->outputs[0], *gap = &call->outputs[1];
    Lasso lasso = {.dtype = x->dtype,
                   .rows = x->shape.dims[0],
                   .columns = x->shape.dims[1],
                   .x = x->data,
                   .y = call->inputs[1].data,
                   .lambda = number(&call->inputs[2]),
                   .tolerance = number(&call->inputs[3]),
                   .max_steps = call->ints[0],
                   .w = w->data};
    memcpy(w->data, call->inputs[4].data, (size_t)lasso.columns * dtype_bytes(lasso.dtype));
    if (!lasso_run(&lasso, call->scratch, call->threads, call->fault)) return false;
    if (gap->dtype == DTYPE_F32) *(float *)gap->data = (float)lasso.gap;
    else *(double *)gap->data = lasso.gap;
    *(int64_t *)call->outputs[2].data = lasso.steps;
    return true;
}
