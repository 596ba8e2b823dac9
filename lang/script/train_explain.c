/* `reg explain`: one step of a train block as the compiler sees it: places in order, passes, state, random sites, memory. */
#include "lang/elaborate/method.h"
#include "lang/script/train.h"

#include <stdio.h>
#include <string.h>

static const char *source_of(Train *train, Span span, Text *out) {
    const Source *source = &train->session->sources.items[span.file];
    for (uint32_t k = span.start; k < span.end && k < source->length; k++) {
        bool is_blank = source->text[k] == '\n' || source->text[k] == ' ';
        if (is_blank && out->length && out->bytes[out->length - 1] == ' ') continue;
        text_add_char(out, is_blank ? ' ' : source->text[k]);
    }
    return text_string(out);
}

static void line(Train *train, const char *place, Span span, const char *note) {
    Text text = {0};
    session_write(train->session, "  %-10s %s%s%s\n", place, source_of(train, span, &text), note && *note ? "   " : "", note ? note : "");
    text_free(&text);
}

/* Data and batch -------------------------------------------------------------------------------------------------------- */

static void explain_streams(Train *train) {
    for (int k = 0; k < train->stream_count; k++) {
        const Stream *stream = &train->streams[k];
        char note[96];
        if (stream->batches)
            snprintf(note, sizeof note, "%lld of %lld samples a step", (long long)stream->batch_size, (long long)stream->sample_count);
        else snprintf(note, sizeof note, "all %lld samples", (long long)stream->sample_count);
        line(train, stream->is_own ? "own data" : "data", stream->tree->span, note);
    }
}

/* Methods --------------------------------------------------------------------------------------------------------------- */

static void state_note(Instance *method, Text *out) {
    double numbers = 0;
    int count = 0;
    for (int k = 0; k < method->member_count; k++) {
        if (!method->members[k].cell) continue;
        numbers += (double)tensor_count(method->members[k].cell->tensor);
        count++;
    }
    if (count) text_addf(out, "%d state%s, %.0f numbers", count, count == 1 ? "" : "s", numbers);
}

/* `objective` NULL: of the whole block. */
static void explain_hooks(Train *train, const Objective *objective, const char *place, bool per_parameter) {
    for (int k = 0; k < train->method_count; k++) {
        const MethodUse *use = &train->methods[k];
        const Tree *hook = method_hook(use->method, place);
        if (!hook || (objective && !method_concerns(use, objective))) continue;
        Text note = {0};
        int touched = 0;
        for (int j = 0; j < train->parameters->count; j++) touched += method_acts_on(use, train->parameters->items[j].member);
        if (per_parameter || hook_wants(hook, "w")) text_addf(&note, "on %d parameter%s  ", touched, touched == 1 ? "" : "s");
        state_note(use->method, &note);
        line(train, place, use->span, text_string(&note));
        text_free(&note);
    }
}

static void explain_optimizer(Train *train, const MethodUse *use) {
    Text note = {0};
    state_note(use->method, &note);
    line(train, "update", use->span, text_string(&note));
    text_free(&note);
}

/* Objectives ------------------------------------------------------------------------------------------------------------ */

static void explain_trained(Train *train, const Objective *objective) {
    double numbers = 0;
    for (int k = 0; k < objective->trained->count; k++) numbers += (double)tensor_count(objective->trained->items[k].member->cell->tensor);
    session_write(train->session, "  %-10s %d parameters, %.0f numbers\n", "trained", objective->trained->count, numbers);
}

static void explain_sites(Train *train, const Objective *objective) {
    for (int k = 0; k < objective->sites.count; k++) {
        const RandomSite *site = &objective->sites.items[k];
        session_write(train->session, "  %-10s %s in %s\n", "random", site->what, site->path ? site->path : "the block");
    }
}

static bool is_counted(const Plan *plan, int buffer) {
    for (int k = 0; k < buffer; k++)
        if (plan->buffers[k].cell == plan->buffers[buffer].cell) return true;
    return false;
}

/* What outlives the step: parameters, states, the arrays of the data. */
static double cell_bytes(const Plan *plan) {
    double bytes = 0;
    for (int k = 0; k < plan->buffer_count; k++) {
        const Buffer *buffer = &plan->buffers[k];
        if (buffer->kind == BUFFER_CELL && !is_counted(plan, k))
            bytes += (double)shape_count(buffer->shape) * (double)dtype_bytes(buffer->dtype);
    }
    return bytes;
}

static void explain_memory(Train *train, const Plan *plan) {
    static const double mebibyte = 1 << 20;
    double intermediate = (double)plan_peak_bytes(plan), kept = cell_bytes(plan);
    session_write(train->session, "  %-10s peak %.1f MiB: %.1f MiB of intermediate values, %.1f MiB of parameters, states and data\n",
                  "memory", (intermediate + kept) / mebibyte, intermediate / mebibyte, kept / mebibyte);
}

static void explain_plan(Train *train, const Objective *objective) {
    const Plan *plan = objective->program->plan;
    int commits = plan->step_count - plan->commit_start;
    if (*objective->passes) session_write(train->session, "  %-10s %s\n", "applies", objective->passes);
    explain_sites(train, objective);
    session_write(train->session, "  %-10s %d steps, of which %d write parameters and states\n", "plan", plan->step_count, commits);
    explain_memory(train, plan);
}

static void explain_objective(Train *train, const Objective *objective) {
    explain_hooks(train, objective, "weight", true);
    explain_hooks(train, objective, "activation", false);
    for (int k = 5; k < objective->tree->count; k++) line(train, "term", objective->tree->items[k]->span, NULL);
    explain_hooks(train, objective, "target", false);
    explain_hooks(train, objective, "reweigh", false);
    explain_hooks(train, objective, "solve", false);
    explain_hooks(train, objective, "penalty", false);
    explain_trained(train, objective);
    explain_hooks(train, objective, "gradient", true);
    if (objective->optimizer.method) explain_optimizer(train, &objective->optimizer);
    for (int k = 0; !objective->optimizer.method && k < train->optimizer_count; k++) explain_optimizer(train, &train->optimizers[k]);
    explain_hooks(train, objective, "project", true);
    explain_plan(train, objective);
}

void train_explain(Train *train) {
    Text head = {0};
    const Tree *duration = train->tree->items[2];
    Span span = {train->tree->span.file, train->tree->span.start, duration->span.end};
    session_write(train->session, "%s: %lld steps", source_of(train, span, &head), (long long)train->total_steps);
    if (train->steps_per_epoch) session_write(train->session, ", %lld an epoch", (long long)train->steps_per_epoch);
    session_write(train->session, "\n");
    text_free(&head);
    explain_streams(train);
    explain_hooks(train, NULL, "sample", false);
    explain_hooks(train, NULL, "augment", false);
    for (int k = 0; k < train->objective_count; k++) {
        if (train->objective_count > 1) session_write(train->session, "  objective %d\n", k + 1);
        explain_objective(train, &train->objectives[k]);
    }
    for (int k = 0; k < train->watch_count; k++) line(train, "watch", train->watches[k].span, "evaluation: no state changes");
    session_write(train->session, "\n");
}
