/* The loop over steps: clocks, batches, plans, progress, and what happens when a number stops being finite. */
#include "lang/script/snapshot.h"
#include "lang/script/train.h"
#include "lang/script/statements.h"
#include "runtime/train/progress.h"

#include <math.h>
#include <string.h>

static Cell *scalar_cell(Elaborator *e, const char *name) { return own_cell(e, cell_new(name, tensor_scalar(e->float_type, 0))); }

static bool make_cells(Train *train) {
    Fault fault = {0};
    Tensor *key = tensor_zeros(DTYPE_I64, shape_1(2), &fault);
    if (!key) return diagnose_fault(train->e->diagnostics, "E0901", train->tree->span, &fault);
    train->step = scalar_cell(train->e, "step");
    train->epoch = scalar_cell(train->e, "epoch");
    train->progress = scalar_cell(train->e, "progress");
    train->key = own_cell(train->e, cell_new("key", key));
    tensor_i64(key)[0] = (int64_t)train->seed;
    train->clock.steps_per_epoch = (double)train->steps_per_epoch;
    train->clock.total_steps = (double)train->total_steps;
    return true;
}

static bool prepare(Train *train) {
    Fault fault = {0};
    for (int k = 0; k < train->objective_count; k++)
        if (!session_prepare(train->session, train->objectives[k].program->plan, &fault))
            return diagnose_fault(train->e->diagnostics, "E0901", train->objectives[k].tree->span, &fault);
    return true;
}

static void set_clock(Train *train, int64_t step) {
    double total = (double)train->total_steps;
    tensor_set_number(train->step->tensor, 0, (double)step);
    tensor_set_number(train->epoch->tensor, 0, train->steps_per_epoch ? (double)(step / train->steps_per_epoch) : 0);
    tensor_set_number(train->progress->tensor, 0, total > 0 ? (double)step / total : 0);
    tensor_i64(train->key->tensor)[1] = step;
    for (int k = 0; k < train->stream_count; k++)
        if (train->streams[k].batches) batches_at(train->streams[k].batches, step, tensor_i64(train->streams[k].index->tensor));
}

/* Terms -------------------------------------------------------------------------------------------------------------- */

static double term_value(const Objective *objective, const ShownTerm *term) {
    View view = plan_output(objective->program->plan, term->output);
    return view.dtype == DTYPE_F64 ? *(double *)view.data : (double)*(float *)view.data;
}

static const char *bad_parameter(const Selection *parameters) {
    for (int k = 0; k < parameters->count; k++) {
        const Cell *cell = parameters->items[k].member->cell;
        for (int64_t j = 0; j < tensor_count(cell->tensor); j++)
            if (!isfinite(tensor_number(cell->tensor, j))) return cell->name;
    }
    return NULL;
}

/* The first field of the data with a number that is not finite, and how many such rows; false: there is none. */
static bool bad_data(Train *train, const char **field, int64_t *rows) {
    for (int k = 0; k < train->stream_count; k++) {
        const Record *record = train->streams[k].split.record;
        for (int f = 0; f < record->count; f++) {
            if (record->fields[f].value.kind != VALUE_TENSOR) continue;
            Tensor *column = to_tensor(train->e, record->fields[f].value);
            int64_t count = column ? tensor_count(column) : 0, of_row = count && column->shape.rank ? count / column->shape.dims[0] : 1;
            *rows = 0;
            for (int64_t j = 0, last = -1; j < count; j++)
                if (!isfinite(tensor_number(column, j)) && j / of_row != last) last = j / of_row, ++*rows;
            *field = record->fields[f].name;
            if (*rows) return true;
        }
    }
    return false;
}

static bool holds(Span outer, Span inner) { return outer.file == inner.file && outer.start <= inner.start && inner.end <= outer.end; }

/* The term that the blamed text is part of, else the one that was found not to be finite. */
static const ShownTerm *blamed_term(const Objective *objective, Span span, const ShownTerm *found) {
    for (int k = 0; k < objective->term_count; k++)
        if (holds(objective->terms[k].span, span)) return &objective->terms[k];
    return found;
}

/* Names the term, the step, and the first line whose value is not finite; nothing of this step was committed. `term` NULL: the
 * terms are finite and a gradient is not. */
static bool not_finite(Train *train, Objective *objective, const ShownTerm *term, double value, int64_t step) {
    Diagnostics *diagnostics = train->e->diagnostics;
    const char *what = isnan(value) ? "NaN" : "infinite", *parameter = bad_parameter(objective->trained);
    Span whole = term ? term->span : objective->tree->span;
    if (parameter) {
        diagnose(diagnostics, "E0900", whole, "%s%s%s became %s at step %lld, because '%s' was no longer finite after step %lld",
                 term ? "the term '" : "a gradient", term ? term->name : "", term ? "'" : "", what, (long long)step + 1, parameter,
                 (long long)step);
        return diagnose_help(diagnostics, "lower the learning rate, or clip the gradient with `with clip_norm{1}`");
    }
    Span span = train_blame(train, objective, whole);
    const ShownTerm *blamed = blamed_term(objective, span, term);
    diagnose(diagnostics, "E0900", span, "a %s here became %s at step %lld%s%s%s", term ? "value" : "gradient", what, (long long)step + 1,
             blamed ? ", in the term '" : "", blamed ? blamed->name : "", blamed ? "'" : "");
    if (blamed && !holds(span, blamed->span)) diagnose_second(diagnostics, blamed->span, "the term '%s'", blamed->name);
    const char *field;
    int64_t rows;
    if (bad_data(train, &field, &rows))
        return diagnose_help(diagnostics,
                             "'%s' of the data is missing or not finite in %lld row%s: fill it, as in `where(is_nan(v), 0.0, v)`", field,
                             (long long)rows, rows == 1 ? "" : "s");
    return diagnose_help(diagnostics, "the parameters are as they were after step %lld", (long long)step);
}

static bool check_gradients(Train *train, Objective *objective, int64_t step) {
    if (objective->gradient_output < 0) return true;
    ShownTerm sum = {.output = objective->gradient_output};
    double value = term_value(objective, &sum);
    return isfinite(value) || not_finite(train, objective, NULL, value, step);
}

/* The last update is looked at too: no step follows it that could notice. */
static bool check_parameters(Train *train, int64_t steps) {
    const char *parameter = bad_parameter(train->parameters);
    if (!parameter) return true;
    diagnose(train->e->diagnostics, "E0900", train->tree->items[0]->span, "'%s' is no longer finite after step %lld: its update overflowed",
             parameter, (long long)steps);
    return diagnose_help(train->e->diagnostics, "lower the learning rate, or clip the gradient with `with clip_norm{1}`");
}

static bool check_terms(Train *train, Objective *objective, int64_t step, Progress *progress, bool is_due) {
    for (int k = 0; k < objective->term_count; k++) {
        ShownTerm *term = &objective->terms[k];
        double value = term_value(objective, term);
        if (!isfinite(value)) return not_finite(train, objective, term, value, step);
        if (is_due) progress_value(progress, term->name, value);
        if (is_due || step % 10 == 0) runlog_add(train->session->log, step + 1, term->name, value);
    }
    return true;
}

static bool kernel_failed(Train *train, Objective *objective, const Fault *fault, int64_t step) {
    const Program *program = objective->program;
    bool placed = fault->step >= 0 && program->step_spans[fault->step].file;
    diagnose_fault(train->e->diagnostics, "E0901", placed ? program->step_spans[fault->step] : objective->tree->span, fault);
    if (!fault->help[0]) diagnose_help(train->e->diagnostics, "it happened at step %lld", (long long)step + 1);
    return false;
}

static bool run_objective(Train *train, Objective *objective, int64_t step, Progress *progress) {
    if (step < objective->after || step % objective->every) return true;
    Plan *plan = objective->program->plan;
    Fault fault = {.step = -1};
    if (!plan_run_range(plan, 0, plan->commit_start, &fault)) return kernel_failed(train, objective, &fault, step);
    if (!check_terms(train, objective, step, progress, progress_is_due(progress, step + 1))) return false;
    if (!check_gradients(train, objective, step)) return false;
    return plan_run_range(plan, plan->commit_start, plan->step_count, &fault) || kernel_failed(train, objective, &fault, step);
}

static bool run_events(Train *train, int64_t step) {
    Fault fault = {.step = -1};
    for (int k = 0; k < train->event_count; k++) {
        Event *event = &train->events[k];
        bool due = event->every ? step % event->every == 0 : step == event->at;
        if (due && !plan_run(event->program->plan, &fault))
            return diagnose_fault(train->e->diagnostics, "E0901", event->tree->span, &fault);
    }
    return true;
}

/* The run ------------------------------------------------------------------------------------------------------------ */

static bool run_step(Train *train, int64_t step, Progress *progress, bool *stop) {
    set_clock(train, step);
    for (int k = 0; k < train->objective_count; k++)
        if (!run_objective(train, &train->objectives[k], step, progress)) return false;
    if (train->event_count && !run_events(train, step + 1)) return false;
    if (train->watch_count && !train_run_watches(train, step + 1, progress, stop)) return false;
    if (train->checkpoint_path && (step + 1) % train->checkpoint_every == 0 && !train_checkpoint(train, step + 1)) return false;
    progress_update(progress, step + 1);
    return true;
}

static Progress *open_progress(Train *train) {
    Session *session = train->session;
    Text title = {0};
    for (int k = 0; k < train->tree->items[0]->count; k++)
        text_addf(&title, "%s%s", k ? ", " : "", train->tree->items[0]->items[k]->name ? train->tree->items[0]->items[k]->name : "model");
    ProgressSettings settings = {.total_steps = train->total_steps,
                                 .first_step = train->first_step,
                                 .steps_per_epoch = train->steps_per_epoch,
                                 .title = text_string(&title),
                                 .is_terminal = session->output.note_is_terminal,
                                 .has_colour = session->options.colour,
                                 .columns = session->output.columns,
                                 .write = session->options.quiet ? NULL : session->output.note,
                                 .context = session->output.context};
    Progress *progress = progress_new(&settings);
    text_free(&title);
    return progress;
}

bool train_run(Train *train) {
    Progress *progress = open_progress(train);
    bool ok = true, stop = false;
    int64_t step = train->first_step;
    train->session->is_stepping = 1;
    for (; ok && !stop && step < train->total_steps && !train->session->interrupted; step++) ok = run_step(train, step, progress, &stop);
    train->session->is_stepping = 0;
    bool interrupted = train->session->interrupted && step < train->total_steps;
    progress_finish(progress, step, !ok ? "stopped by an error" : interrupted ? "interrupted" : stop ? "stopped by `stop when`" : NULL);
    progress_free(progress);
    ok = ok && check_parameters(train, step);
    if (ok && train->has_best) train_restore_best(train);
    if (interrupted && train->checkpoint_path) train_checkpoint(train, step);
    return ok;
}

bool statement_train(Session *session, const Tree *tree, Scope *scope) {
    Train train = {.session = session, .e = &session->elaborator, .tree = tree, .scope = scope_new(&session->elaborator, scope)};
    bool ok = train_read(&train) && make_cells(&train) && train_build(&train);
    if (ok && session->options.explain) train_explain(&train);
    if (ok && !session->options.check_only)
        ok = prepare(&train) && snapshot_lets(session, train.parameters) && train_resume(&train) && train_run(&train);
    train_free(&train);
    return ok;
}
