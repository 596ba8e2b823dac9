/* `checkpoint "file" every …`: all that a run needs to go on as if it had never stopped. */
#include "lang/script/train.h"
#include "runtime/train/checkpoint.h"

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

bool train_checkpoint(Train *train, int64_t step) {
    Fault fault = {0};
    Checkpoint checkpoint = {.step = step, .epoch = train->steps_per_epoch ? step / train->steps_per_epoch : 0, .seed = train->seed, .log = train->session->log};
    collect_all(train, &checkpoint.tensors);
    bool ok = checkpoint_save(train->checkpoint_path, &checkpoint, &fault);
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
    bool ok = checkpoint_load(train->checkpoint_path, &checkpoint, &fault) && checkpoint_fits(&checkpoint, &own, &fault);
    if (ok && checkpoint.seed != train->seed) ok = fault_set(&fault, "the checkpoint '%s' was made with seed %llu, and this block has seed %llu", train->checkpoint_path, (unsigned long long)checkpoint.seed, (unsigned long long)train->seed);
    table_free(&own);
    if (ok) {
        restore(train, &checkpoint);
        train->first_step = checkpoint.step;
        session_note(train->session, "resumed from '%s' after step %lld\n", train->checkpoint_path, (long long)checkpoint.step);
    } else {
        diagnose_fault(train->e->diagnostics, "E0800", train->tree->span, &fault);
        explain_misfit(train);
    }
    checkpoint_free(&checkpoint);
    return ok;
}
