/* Where a number stopped being finite. A step that was planned for speed may compute for several places at once; then the objective
 * is built once more with one op a step, and the first of these places whose own value is not finite is meant. Nothing was
 * committed, so that the step can be computed again. */
#include "lang/script/train.h"

static Span span_of(const StepOrigin *origin) { return (Span){origin->file, origin->start, origin->end}; }

static bool find_apart(Train *train, const Objective *objective, const PlanStep *step, Span *span) {
    Program *apart = train_build_apart(train, objective);
    Fault fault = {.step = -1};
    if (!apart) return false;
    bool ok = plan_prepare(apart->plan, train->session->threads, &fault);
    int at = ok ? plan_find_nonfinite_at(apart->plan, step->origins, step->origin_count, &fault) : -1;
    if (at >= 0) *span = apart->step_spans[at];
    program_free(apart);
    return at >= 0;
}

Span train_blame(Train *train, const Objective *objective, Span otherwise) {
    Fault fault = {.step = -1};
    Plan *plan = objective->program->plan;
    int at = plan_find_nonfinite(plan, &fault);
    if (at < 0 || plan->steps[at].origin_count == 0) return otherwise;
    const PlanStep *step = &plan->steps[at];
    Span span = span_of(&step->origins[0]);
    if (step->origin_count > 1 && !find_apart(train, objective, step, &span)) span = objective->program->step_spans[at];
    return span.file ? span : otherwise;
}
