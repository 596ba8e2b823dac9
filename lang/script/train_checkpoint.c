/* `checkpoint "file" every …`: all that a run needs to go on as if it had never stopped. */
#include "lang/script/train.h"
#include "runtime/train/checkpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Collect {
    TensorTable *table;
} Collect;

static void collect_member(void *context, Instance *owner, Member *member) {
    Collect *collect = context;
    (void)owner;
    if (member->cell && member->cell->tensor && !table_find(collect->table, member->cell->name))
        table_add(collect->table, member->cell->name, tensor_retain(member->cell->tensor));
}

static void collect_instance(Collect *collect, Instance *instance) { instance_walk(instance, collect_member, collect); }

static void collect_all(Train *train, TensorTable *table) {
    Collect collect = {table};
    for (int k = 0; k < train->target_count; k++)
        if (train->targets[k].kind == VALUE_INSTANCE) collect_instance(&collect, train->targets[k].instance);
    for (int k = 0; k < train->parameters->count; k++) collect_member(&collect, NULL, train->parameters->items[k].member);
    if (train->scope->owner) collect_instance(&collect, train->scope->owner);
    for (int k = 0; k < train->method_count; k++) collect_instance(&collect, train->methods[k].method);
    for (int k = 0; k < train->optimizer_count; k++) collect_instance(&collect, train->optimizers[k].method);
    for (int k = 0; k < train->objective_count; k++)
        if (train->objectives[k].optimizer.method) collect_instance(&collect, train->objectives[k].optimizer.method);
}

/* What `keep best` holds goes along, so that a finished run that is started again ends with the same parameters. */
static const char best_prefix[] = "best/";

static void add_best(Train *train, Checkpoint *checkpoint) {
    char text[64];
    if (!train->has_best) return;
    for (size_t k = 0; k < train->best.count; k++)
        table_add(&checkpoint->tensors, arena_format(train->e->arena, "%s%s", best_prefix, train->best.items[k].name),
                  tensor_retain(train->best.items[k].tensor));
    snprintf(text, sizeof text, "%.17g", train->best_value);
    metadata_add(&checkpoint->metadata, "best_value", text);
    snprintf(text, sizeof text, "%lld", (long long)train->best_step);
    metadata_add(&checkpoint->metadata, "best_step", text);
}

/* Moves what `keep best` held from the file's tensors to the block's. */
static void take_best(Train *train, Checkpoint *checkpoint) {
    const char *value = metadata_find(&checkpoint->metadata, "best_value"), *step = metadata_find(&checkpoint->metadata, "best_step");
    TensorTable rest = {0};
    for (size_t k = 0; k < checkpoint->tensors.count; k++) {
        NamedTensor *item = &checkpoint->tensors.items[k];
        bool is_best = !strncmp(item->name, best_prefix, strlen(best_prefix));
        table_add(is_best ? &train->best : &rest, is_best ? item->name + strlen(best_prefix) : item->name, tensor_retain(item->tensor));
    }
    table_free(&checkpoint->tensors);
    checkpoint->tensors = rest;
    train->has_best = value && step && train->best.count;
    if (!train->has_best) return;
    train->best_value = strtod(value, NULL);
    train->best_step = strtoll(step, NULL, 10);
}

/* The series up to here, for plots of the whole run. */
static void take_log(Train *train, const Checkpoint *checkpoint) {
    for (size_t k = 0; checkpoint->log && k < runlog_count(checkpoint->log); k++) {
        const RunSeries *series = runlog_series(checkpoint->log, k);
        for (size_t j = 0; j < series->count; j++)
            runlog_add(train->session->log, (int64_t)series->steps[j], series->name, series->values[j]);
    }
}

/* How the block draws: a run with other batches would not be the same run. */
static const char *batch_text(Train *train) {
    const char *text = "";
    for (int k = 0; k < train->stream_count; k++)
        text = arena_format(train->e->arena, "%s%s%lld of %lld", text, k ? ", " : "", (long long)train->streams[k].batch_size,
                            (long long)train->streams[k].sample_count);
    return text;
}

static bool draws_alike(Train *train, const Checkpoint *checkpoint, Fault *fault) {
    const char *saved = metadata_find(&checkpoint->metadata, "batches");
    if (!saved || !strcmp(saved, batch_text(train))) return true;
    return fault_set(fault, "the checkpoint '%s' was made with batches of %s, and this block draws %s", train->checkpoint_path, saved,
                     batch_text(train));
}

bool train_checkpoint(Train *train, int64_t step) {
    Fault fault = {0};
    Checkpoint checkpoint = {
        .step = step, .epoch = train->steps_per_epoch ? step / train->steps_per_epoch : 0, .seed = train->seed, .log = train->session->log};
    collect_all(train, &checkpoint.tensors);
    add_best(train, &checkpoint);
    metadata_add(&checkpoint.metadata, "batches", batch_text(train));
    double start = session_clock(train->session);
    bool ok = checkpoint_save(train->checkpoint_path, &checkpoint, &fault);
    session_wrote(train->session, start);
    checkpoint.log = NULL;
    checkpoint_free(&checkpoint);
    return ok || diagnose_fault(train->e->diagnostics, "E0801", train->tree->span, &fault);
}

static void restore(Train *train, const Checkpoint *checkpoint) {
    TensorTable own = {0};
    collect_all(train, &own);
    for (size_t k = 0; k < own.count; k++) {
        Tensor *saved = table_find(&checkpoint->tensors, own.items[k].name);
        memcpy(own.items[k].tensor->data, saved->data, tensor_bytes(saved));
    }
    table_free(&own);
}

static void explain_misfit(Train *train) {
    const Session *session = train->session;
    for (int k = 0; k < session->checkpoint_count; k++) {
        const CheckpointFile *file = &session->checkpoints[k];
        if (file->block == train->tree || strcmp(file->path, train->checkpoint_path)) continue;
        diagnose_second(train->e->diagnostics, file->span, "this block writes it too");
        diagnose_help(train->e->diagnostics, "give each block a file of its own");
        return;
    }
    diagnose_help(train->e->diagnostics, "remove the file to start anew");
}

bool train_resume(Train *train) {
    if (!train->checkpoint_path || access(train->checkpoint_path, F_OK)) return true;
    Fault fault = {0};
    Checkpoint checkpoint = {0};
    TensorTable own = {0};
    collect_all(train, &own);
    bool ok = checkpoint_load(train->checkpoint_path, &checkpoint, &fault);
    if (ok) take_best(train, &checkpoint);
    ok = ok && checkpoint_fits(&checkpoint, &own, &fault) && draws_alike(train, &checkpoint, &fault);
    if (ok && checkpoint.seed != train->seed)
        ok = fault_set(&fault, "the checkpoint '%s' was made with seed %llu, and this block has seed %llu", train->checkpoint_path,
                       (unsigned long long)checkpoint.seed, (unsigned long long)train->seed);
    table_free(&own);
    if (ok) {
        restore(train, &checkpoint);
        take_log(train, &checkpoint);
        train->first_step = checkpoint.step;
        session_done(train->session, "resumed from '%s' after step %lld\n", train->checkpoint_path, (long long)checkpoint.step);
    } else {
        diagnose_fault(train->e->diagnostics, "E0800", train->tree->span, &fault);
        explain_misfit(train);
    }
    checkpoint_free(&checkpoint);
    return ok;
}
