#include "runtime/exec/plan.h"

#include "runtime/base/memory.h"
#include "runtime/exec/fused.h"
#include "runtime/exec/jit.h"
#include "runtime/exec/loop.h"
#include "runtime/exec/profile.h"
#include "runtime/exec/rows.h"
#include "runtime/exec/slab.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { TAKEN_BYTES = 1 << 20 };

/* A step with its operands' places filled in. */
typedef struct PreparedStep {
    View *inputs, *outputs;
    KernelCall call;       /* of a kernel */
    FusedProgram *program; /* of a fused group */
    void **input_data, **output_data;
    int64_t runs; /* of a plan with a profile */
    double seconds;
} PreparedStep;

/* A place that must follow a cell when its tensor is replaced. */
typedef struct Binding {
    void **place;
    int buffer;
} Binding;

typedef LIST(Binding) BindingList;

typedef struct Prepared {
    View *views; /* of each buffer */
    PreparedStep *steps;
    BindingList bindings;
    void *extra_scratch; /* for kernels that were planned with too little */
    Threads *threads;
} Prepared;

static void bind(Plan *plan, void **place, int buffer) {
    Prepared *prepared = plan->prepared;
    *place = prepared->views[buffer].data;
    if (plan->buffers[buffer].kind == BUFFER_CELL || plan->buffers[buffer].kind == BUFFER_NEXT)
        list_push(&prepared->bindings, ((Binding){place, buffer}));
}

static View *bind_views(Plan *plan, const int *buffers, int count) {
    Prepared *prepared = plan->prepared;
    View *views = allocate((size_t)count * sizeof *views);
    for (int i = 0; i < count; i++) {
        views[i] = prepared->views[buffers[i]];
        bind(plan, &views[i].data, buffers[i]);
    }
    return views;
}

static void prepare_views(Plan *plan) {
    Prepared *prepared = plan->prepared;
    for (int i = 0; i < plan->buffer_count; i++) {
        const Buffer *buffer = &plan->buffers[i];
        View *view = &prepared->views[i];
        *view = (View){.dtype = buffer->dtype, .shape = buffer->shape};
        switch (buffer->kind) {
        case BUFFER_SLAB: view->data = (char *)plan->slab + buffer->offset; break;
        case BUFFER_CONSTANT: view->data = buffer->tensor->data; break;
        case BUFFER_CELL: bind(plan, &view->data, i); break;
        case BUFFER_NEXT:
            view->data = buffer->tensor->data;
            bind(plan, &view->data, i);
            break;
        }
    }
}

static bool allocate_next_values(Plan *plan, Fault *fault) {
    for (int i = 0; i < plan->buffer_count; i++) {
        Buffer *buffer = &plan->buffers[i];
        if (buffer->kind != BUFFER_NEXT || buffer->tensor != NULL) continue;
        buffer->tensor = tensor_new(buffer->dtype, buffer->shape, fault);
        if (buffer->tensor == NULL) return false;
    }
    return true;
}

static bool prepare_fused(Plan *plan, const Fused *fused, PreparedStep *prepared, Fault *fault) {
    prepared->input_data = allocate((size_t)fused->input_count * sizeof(void *));
    prepared->output_data = allocate((size_t)fused->output_count * sizeof(void *));
    for (int i = 0; i < fused->input_count; i++) bind(plan, &prepared->input_data[i], fused->inputs[i].buffer);
    for (int k = 0; k < fused->output_count; k++) bind(plan, &prepared->output_data[k], fused->outputs[k].buffer);
    prepared->program = fused_prepare(fused, plan->buffers, fault);
    return prepared->program != NULL;
}

static bool prepare_step(Plan *plan, int index, Fault *fault) {
    Prepared *prepared = plan->prepared;
    const PlanStep *step = &plan->steps[index];
    PreparedStep *ready = &prepared->steps[index];
    if (step->fused != NULL) return prepare_fused(plan, step->fused, ready, fault);
    ready->inputs = bind_views(plan, step->inputs, step->input_count);
    ready->outputs = bind_views(plan, step->outputs, step->output_count);
    if (step->loop != NULL) {
        loop_profile(step->loop, plan->profile);
        return loop_prepare(step->loop, ready->inputs, prepared->threads, fault);
    }
    if (step->rows != NULL) return rows_prepare(step->rows, ready->inputs, ready->outputs, prepared->threads, fault);
    if (step->is_exchange) return true;
    if (step->kernel == NULL)
        return fault_set(fault, "malformed plan: step '%s' has nothing to run", step->label != NULL ? step->label : "?");
    ready->call = (KernelCall){.inputs = ready->inputs,
                               .input_count = step->input_count,
                               .outputs = ready->outputs,
                               .output_count = step->output_count,
                               .ints = step->ints,
                               .int_count = step->int_count,
                               .numbers = step->numbers,
                               .number_count = step->number_count,
                               .threads = prepared->threads,
                               .scratch = (char *)plan->slab + step->scratch_offset};
    return true;
}

/* Kernels run one after another, so that those short of scratch share one piece. */
static bool prepare_scratch(Plan *plan, Fault *fault) {
    Prepared *prepared = plan->prepared;
    size_t largest = 0;
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < plan->step_count; i++) {
            const PlanStep *step = &plan->steps[i];
            KernelCall *call = &prepared->steps[i].call;
            if (step->kernel == NULL || step->kernel->scratch_bytes == NULL) continue;
            size_t wanted = step->kernel->scratch_bytes(call);
            if (wanted <= step->scratch_bytes) continue;
            largest = wanted > largest ? wanted : largest;
            if (pass == 1) call->scratch = prepared->extra_scratch;
        }
        if (largest == 0) return true;
        if (pass == 0) prepared->extra_scratch = aligned_alloc(64, (largest + 63) / 64 * 64);
        if (prepared->extra_scratch == NULL) return fault_set(fault, "not enough memory: a step needs %zu MiB to work in", largest >> 20);
    }
    return true;
}

static size_t next_bytes(const Buffer *buffer) {
    return buffer->kind == BUFFER_NEXT ? (size_t)shape_count(buffer->shape) * dtype_bytes(buffer->dtype) : 0;
}

size_t plan_peak_bytes(const Plan *plan) {
    size_t bytes = plan->slab_bytes;
    for (int i = 0; i < plan->buffer_count; i++) bytes += next_bytes(&plan->buffers[i]);
    for (int i = 0; i < plan->step_count; i++) {
        if (plan->steps[i].loop != NULL) bytes += loop_peak_bytes(plan->steps[i].loop);
        if (plan->steps[i].rows != NULL) bytes += rows_peak_bytes(plan->steps[i].rows);
    }
    return bytes;
}

bool plan_prepare(Plan *plan, Threads *threads, Fault *fault) {
    if (plan->prepared != NULL) return true;
    plan->slab = slab_new(plan->slab_bytes);
    if (plan->slab == NULL)
        return fault_set(fault, "not enough memory: this step needs %zu MiB for intermediate values", plan->slab_bytes >> 20);
    Prepared *prepared = plan->prepared = allocate(sizeof *prepared);
    prepared->threads = threads;
    prepared->views = allocate((size_t)plan->buffer_count * sizeof *prepared->views);
    prepared->steps = allocate((size_t)plan->step_count * sizeof *prepared->steps);
    if (!allocate_next_values(plan, fault)) return false;
    prepare_views(plan);
    for (int i = 0; i < plan->step_count; i++)
        if (!prepare_step(plan, i, fault)) {
            if (fault != NULL) fault->step = i;
            return false;
        }
    return prepare_scratch(plan, fault);
}

static bool check_cell(const Buffer *buffer, Fault *fault) {
    const Tensor *tensor = buffer->cell->tensor;
    if (tensor == NULL) return fault_set(fault, "'%s' has no value yet", buffer->cell->name);
    if (tensor->dtype == buffer->dtype && shape_count(tensor->shape) == shape_count(buffer->shape)) return true;
    char found[SHAPE_TEXT], expected[SHAPE_TEXT];
    return fault_set(fault, "'%s' was planned as %s %s but now is %s %s", buffer->cell->name, dtype_name(buffer->dtype),
                     shape_text(buffer->shape, expected), dtype_name(tensor->dtype), shape_text(tensor->shape, found));
}

static bool follow_cells(Plan *plan, Fault *fault) {
    Prepared *prepared = plan->prepared;
    for (size_t i = 0; i < prepared->bindings.count; i++) {
        const Binding *binding = &prepared->bindings.items[i];
        const Buffer *buffer = &plan->buffers[binding->buffer];
        if (buffer->kind == BUFFER_CELL && !check_cell(buffer, fault)) return false;
        *binding->place = buffer->kind == BUFFER_NEXT ? buffer->tensor->data : buffer->cell->tensor->data;
    }
    return true;
}

/* Steps that follow in this run still see the memories as they were. Memory that is not the tensor's own stays where it is. */
static void exchange(Plan *plan, const PlanStep *step) {
    Tensor *next = plan->buffers[step->inputs[0]].tensor, *current = plan->buffers[step->outputs[0]].cell->tensor;
    void *data = current->data;
    if (!current->owns_data) {
        memcpy(current->data, next->data, tensor_bytes(current));
        return;
    }
    current->data = next->data;
    next->data = data;
}

static bool run_step(Plan *plan, int index, Fault *fault) {
    Prepared *prepared = plan->prepared;
    const PlanStep *step = &plan->steps[index];
    PreparedStep *ready = &prepared->steps[index];
    if (ready->program != NULL) {
        fused_run(ready->program, ready->input_data, ready->output_data, prepared->threads);
        return true;
    }
    if (step->is_exchange) return exchange(plan, step), true;
    if (step->loop != NULL) return loop_run(step->loop, ready->inputs, ready->outputs, fault);
    if (step->rows != NULL) return rows_run(step->rows, ready->inputs, ready->outputs, fault);
    ready->call.fault = fault;
    return step->kernel->run(&ready->call);
}

static bool run_measured(Plan *plan, int index, Fault *fault) {
    if (plan->profile == NULL) return run_step(plan, index, fault);
    PreparedStep *ready = &((Prepared *)plan->prepared)->steps[index];
    ProfileMark mark = profile_enter(plan->profile);
    bool ok = run_step(plan, index, fault);
    ready->seconds += profile_leave(plan->profile, mark);
    ready->runs++;
    return ok;
}

/* What writes cells is not left half done: it ignores an interrupt. */
static bool run_shielded(Plan *plan, int index, Fault *fault) {
    Threads *threads = ((Prepared *)plan->prepared)->threads;
    if (index >= plan->commit_start) {
        bool before = threads_shield(threads, true);
        bool ok = run_measured(plan, index, fault);
        threads_shield(threads, before);
        return ok;
    }
    bool ok = !threads_are_interrupted(threads) && run_measured(plan, index, fault);
    return threads_are_interrupted(threads) ? fault_set(fault, FAULT_INTERRUPTED) : ok;
}

static bool run_steps(Plan *plan, int first, int end, Fault *fault) {
    for (int i = first; i < end; i++)
        if (!run_shielded(plan, i, fault)) {
            if (fault != NULL) fault->step = i;
            return false;
        }
    return true;
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

bool plan_run_range(Plan *plan, int first, int end, Fault *fault) {
    if (fault != NULL) fault->step = -1;
    if (plan->code == NULL || jit_plan_is_settled(plan->code)) return follow_cells(plan, fault) && run_steps(plan, first, end, fault);
    double begin = seconds_now();
    bool ok = follow_cells(plan, fault) && run_steps(plan, first, end, fault);
    jit_plan_ran(plan->code, seconds_now() - begin);
    return ok;
}

bool plan_run(Plan *plan, Fault *fault) { return plan_run_range(plan, 0, plan->step_count, fault); }

View plan_buffer_view(const Plan *plan, int buffer) {
    const Prepared *prepared = plan->prepared;
    View view = prepared->views[buffer];
    const Buffer *source = &plan->buffers[buffer];
    if (source->kind == BUFFER_CELL) view.data = source->cell->tensor != NULL ? source->cell->tensor->data : NULL;
    return view;
}

FusedProgram *plan_fused_program(const Plan *plan, int step) { return ((Prepared *)plan->prepared)->steps[step].program; }

View plan_output(const Plan *plan, int output) { return plan_buffer_view(plan, plan->outputs[output]); }

Tensor *plan_output_tensor(const Plan *plan, int output, Fault *fault) {
    View view = plan_output(plan, output);
    Tensor *tensor = tensor_new(view.dtype, view.shape, fault);
    if (tensor != NULL && tensor_bytes(tensor) > 0) memcpy(tensor->data, view.data, tensor_bytes(tensor));
    return tensor;
}

/* A large result that is most of the slab becomes its owner: copying would need its memory twice. */
Tensor *plan_take_output(Plan *plan, int output, Fault *fault) {
    View view = plan_output(plan, output);
    size_t bytes = (size_t)shape_count(view.shape) * dtype_bytes(view.dtype);
    if (plan->slab == NULL || view.data != plan->slab || bytes < TAKEN_BYTES || bytes < plan->slab_bytes / 4 * 3)
        return plan_output_tensor(plan, output, fault);
    Tensor *tensor = tensor_wrap(view.dtype, view.shape, plan->slab);
    tensor->owns_data = true;
    plan->slab = NULL;
    return tensor;
}

static bool is_all_finite(View view) {
    int64_t count = shape_count(view.shape);
    double sum = 0; /* x - x is 0 for finite x, else NaN */
    if (view.dtype == DTYPE_F32)
        for (int64_t i = 0; i < count; i++) sum += ((const float *)view.data)[i] - ((const float *)view.data)[i];
    if (view.dtype == DTYPE_F64)
        for (int64_t i = 0; i < count; i++) sum += ((const double *)view.data)[i] - ((const double *)view.data)[i];
    return sum == 0;
}

static bool step_is_finite(const Plan *plan, const PlanStep *step) {
    int count = step->fused != NULL ? step->fused->output_count : step->output_count;
    for (int k = 0; k < count; k++)
        if (!is_all_finite(plan_buffer_view(plan, step->fused != NULL ? step->fused->outputs[k].buffer : step->outputs[k]))) return false;
    return true;
}

static bool is_from(const PlanStep *step, const StepOrigin *places, int place_count) {
    for (int k = 0; k < step->origin_count; k++)
        for (int j = 0; j < place_count; j++) {
            const StepOrigin *own = &step->origins[k], *place = &places[j];
            if (own->file == place->file && own->start == place->start && own->end == place->end) return true;
        }
    return places == NULL;
}

int plan_find_nonfinite_at(Plan *plan, const StepOrigin *places, int place_count, Fault *fault) {
    if (!follow_cells(plan, fault)) return -1;
    for (int i = 0; i < plan->commit_start; i++) {
        if (!run_steps(plan, i, i + 1, fault)) return -1;
        if (is_from(&plan->steps[i], places, place_count) && !step_is_finite(plan, &plan->steps[i])) return i;
    }
    return -1;
}

int plan_find_nonfinite(Plan *plan, Fault *fault) { return plan_find_nonfinite_at(plan, NULL, 0, fault); }

static DType written_type(const Plan *plan, const PlanStep *step) {
    int buffer = step->fused != NULL ? step->fused->outputs[0].buffer : step->outputs[0];
    return plan->buffers[buffer].dtype;
}

static void free_prepared(Plan *plan) {
    Prepared *prepared = plan->prepared;
    if (prepared == NULL) return;
    for (int i = 0; i < plan->step_count; i++) {
        PreparedStep *step = &prepared->steps[i];
        if (step->runs > 0) profile_add(plan->profile, &plan->steps[i], written_type(plan, &plan->steps[i]), step->runs, step->seconds);
        free(step->inputs);
        free(step->outputs);
        free(step->input_data);
        free(step->output_data);
        fused_program_free(step->program);
    }
    free(prepared->views);
    free(prepared->steps);
    free(prepared->extra_scratch);
    list_free(&prepared->bindings);
    free(prepared);
}

void plan_free(Plan *plan) {
    if (plan == NULL) return;
    jit_plan_free(plan->code);
    free_prepared(plan);
    for (int i = 0; i < plan->buffer_count; i++) {
        tensor_release(plan->buffers[i].tensor);
        cell_release(plan->buffers[i].cell);
    }
    for (int i = 0; !plan->is_twin && i < plan->step_count; i++) {
        PlanStep *step = &plan->steps[i];
        fused_free(step->fused);
        loop_free(step->loop);
        rows_free(step->rows);
        free(step->inputs);
        free(step->outputs);
        free(step->ints);
        free(step->numbers);
        free(step->origins);
    }
    if (!plan->is_twin) {
        free(plan->steps);
        free(plan->outputs);
    }
    free(plan->slab);
    free(plan->buffers);
    free(plan);
}
