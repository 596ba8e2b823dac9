/* Reading a train block: targets, data, durations and clauses, each evaluated once. */
#include "lang/elaborate/statement.h"
#include "lang/elaborate/method.h"
#include "lang/script/train.h"
#include "runtime/base/rng.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Durations ---------------------------------------------------------------------------------------------------------- */

int64_t train_steps_of(Train *train, const Tree *quantity, bool *ok) {
    double amount;
    *ok = to_number(train->e, elaborate(train->e, quantity->items[0], train->scope), &amount);
    if (!*ok) return 0;
    if (!strcmp(quantity->name, "percent")) amount *= (double)train->total_steps / 100;
    if (!strcmp(quantity->name, "epochs")) {
        if (!train->steps_per_epoch) {
            *ok = diagnose(train->e->diagnostics, "E0600", quantity->span, "without data there are no epochs");
            diagnose_help(train->e->diagnostics, "count steps: `for 300 steps`");
            return 0;
        }
        amount *= (double)train->steps_per_epoch;
    }
    if (!(amount >= 0) || amount > 1e15) {
        *ok = diagnose(train->e->diagnostics, "E0304", quantity->span, "a duration cannot be %.6g steps", amount);
        return 0;
    }
    int64_t steps = (int64_t)llround(amount);
    return steps < 1 && amount > 0 ? 1 : steps;
}

/* How often: at least every step. */
static int64_t every_steps(Train *train, const Tree *quantity, bool *ok) {
    int64_t steps = train_steps_of(train, quantity, ok);
    if (!*ok || steps >= 1) return steps;
    *ok = diagnose(train->e->diagnostics, "E0304", quantity->span, "`every` needs at least 1 step");
    return 1;
}

/* Data --------------------------------------------------------------------------------------------------------------- */

static const char *stream_name(const Tree *tree) { return tree->name ? tree->name : "data"; }

static bool split_length(Train *train, Value split, const Tree *tree, int64_t *count) {
    Elaborator *e = train->e;
    char buffer[KIND_TEXT];
    if (!value_ok(settle_value(e, split))) return false;
    if (split.kind != VALUE_RECORD)
        return diagnose(e->diagnostics, "E0401", tree->span, "training needs a split of a data set, and this is %s",
                        value_describe(split, buffer));
    bool found = false;
    for (int k = 0; k < split.record->count; k++) {
        Value field = split.record->fields[k].value;
        if (field.kind == VALUE_RECORD && field.record->is_split) {
            diagnose(e->diagnostics, "E0401", tree->span, "this is a whole data set; training needs one of its splits");
            return diagnose_help(e->diagnostics, "write %s.%s", stream_name(tree), split.record->fields[k].name);
        }
        if (field.kind != VALUE_TENSOR || !field.node->type.shape.rank) continue;
        if (found && field.node->type.shape.dims[0] != *count)
            return diagnose(e->diagnostics, "E0400", tree->span,
                            "the arrays of a split must be equally long: '%s' has %lld rows, others %lld", split.record->fields[k].name,
                            (long long)field.node->type.shape.dims[0], (long long)*count);
        *count = field.node->type.shape.dims[0];
        found = true;
    }
    if (!found) return diagnose(e->diagnostics, "E0401", tree->span, "the record has no arrays to train on");
    /* Without numbers the rows that follow from trained values are not known. */
    return *count > 0 || train->session->options.check_only || diagnose(e->diagnostics, "E0800", tree->span, "the split is empty");
}

static Stream *add_stream(Train *train, const char *name, const Tree *tree) {
    train->streams = arena_grow(train->e->arena, train->streams, sizeof *train->streams, train->stream_count, &train->stream_capacity);
    Stream *stream = &train->streams[train->stream_count++];
    *stream = (Stream){.name = name, .tree = tree};
    return stream;
}

static bool batch_size(Train *train, const Tree *size, int64_t count, int64_t *out) {
    if (!to_integer(train->e, elaborate(train->e, size, train->scope), out)) return false;
    if (*out < 1)
        return diagnose(train->e->diagnostics, "E0304", size->span, "a batch needs at least one sample, found %lld", (long long)*out);
    if (*out <= count) return true;
    diagnose(train->e->diagnostics, "E0304", size->span, "a batch of %lld is larger than the data set of %lld", (long long)*out,
             (long long)count);
    return diagnose_help(train->e->diagnostics, "write `batch all`, or `batch %lld`", (long long)count);
}

static bool open_stream(Train *train, Stream *stream, const Tree *size, bool with_replacement) {
    Elaborator *e = train->e;
    stream->split = elaborate(e, stream->tree, train->scope);
    if (!split_length(train, stream->split, stream->tree, &stream->sample_count)) return false;
    stream->batch_size = stream->sample_count;
    Fault fault = {0};
    if (size && stream->sample_count) {
        if (!batch_size(train, size, stream->sample_count, &stream->batch_size)) return false;
        BatchSettings settings = {.sample_count = stream->sample_count,
                                  .batch_size = stream->batch_size,
                                  .seed = train->seed,
                                  .site = stream->name,
                                  .order = with_replacement ? BATCH_WITH_REPLACEMENT : BATCH_SHUFFLED,
                                  .last = LAST_BATCH_DROP};
        stream->batches = batches_new(&settings, &fault);
        if (!stream->batches) return diagnose_fault(e->diagnostics, "E0800", stream->tree->span, &fault);
    }
    Tensor *index = tensor_zeros(DTYPE_I64, shape_1(stream->batch_size), &fault);
    if (!index) return diagnose_fault(e->diagnostics, "E0901", stream->tree->span, &fault);
    for (int64_t k = 0; k < stream->batch_size; k++) tensor_i64(index)[k] = k;
    stream->index = own_cell(train->e, cell_new("i", index));
    return true;
}

static bool read_data(Train *train) {
    const Tree *data = tree_item(train->tree, 1);
    if (train->batch && !data) {
        diagnose(train->e->diagnostics, "E0600", train->batch->span, "`batch` needs data to draw from");
        return diagnose_help(train->e->diagnostics, "write `train … on DATA for …`");
    }
    if (data && !train->batch && !train->batch_all) {
        diagnose(train->e->diagnostics, "E0600", train->tree->span, "the block trains on data but says no batch size");
        return diagnose_help(train->e->diagnostics, "add `batch 128`, or `batch all`");
    }
    for (int k = 0; data && k < data->count; k++) {
        Stream *stream = add_stream(train, stream_name(data->items[k]), data->items[k]);
        if (!open_stream(train, stream, train->batch ? train->batch->items[0] : NULL, train->batch && train->batch->flag)) return false;
    }
    if (train->stream_count) train->steps_per_epoch = train->streams[0].batches ? batches_steps_per_epoch(train->streams[0].batches) : 1;
    return true;
}

/* Targets ------------------------------------------------------------------------------------------------------------ */

static bool is_trainable(Train *train, Value value, const Tree *tree) {
    if (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL) return true;
    if (value.kind == VALUE_FUNCTION && value.function->stages) return true;
    if (value.kind == VALUE_SELECTION) return true;
    return value.kind == VALUE_TENSOR && tree->kind == TREE_NAME && session_variable(train->session, tree->name);
}

static bool read_targets(Train *train) {
    const Tree *list = train->tree->items[0];
    train->target_count = list->count;
    train->targets = arena_alloc(train->e->arena, sizeof(Value) * (size_t)(list->count + 1));
    for (int k = 0; k < list->count; k++) {
        train->targets[k] = elaborate(train->e, list->items[k], train->scope);
        if (!value_ok(train->targets[k])) return false;
        if (is_trainable(train, train->targets[k], list->items[k])) continue;
        char buffer[KIND_TEXT];
        diagnose(train->e->diagnostics, "E0401", list->items[k]->span, "only models and free variables can be trained, and this is %s",
                 value_describe(train->targets[k], buffer));
        if (train->targets[k].kind == VALUE_FUNCTION)
            return diagnose_help(train->e->diagnostics, "what has parameters is declared as a model: `model %s{}(x) = ...`",
                                 list->items[k]->name ? list->items[k]->name : "f");
        return diagnose_help(train->e->diagnostics,
                             train->targets[k].kind == VALUE_MAKER ? "make it first: let net = %s{}"
                                                                   : "declare it with `var %s: [...] ~ normal(0, 1)`",
                             train->targets[k].kind == VALUE_MAKER ? train->targets[k].maker->name
                             : list->items[k]->name                ? list->items[k]->name
                                                                   : "z");
    }
    return true;
}

/* Clauses ------------------------------------------------------------------------------------------------------------ */

static bool read_use(Train *train, const Tree *clause, MethodUse *use) {
    Elaborator *e = train->e;
    Value value = elaborate(e, clause->items[0], train->scope);
    if (!value_ok(value)) return false;
    char buffer[KIND_TEXT];
    if (value.kind == VALUE_MAKER && value.maker->kind == MAKER_METHOD) {
        diagnose(e->diagnostics, "E0203", clause->items[0]->span, "'%s' must be made", value.maker->name);
        return diagnose_help(e->diagnostics, "braces make: write %s{}", value.maker->name);
    }
    if (value.kind != VALUE_INSTANCE || value.instance->maker->kind != MAKER_METHOD) {
        diagnose(e->diagnostics, "E0401", clause->items[0]->span, "expected a method, and this is %s", value_describe(value, buffer));
        return value.kind == VALUE_INSTANCE &&
               diagnose_help(e->diagnostics, "a layer stands inside a model: x |> %s{...}", value.instance->maker->name);
    }
    *use = (MethodUse){.method = value.instance, .selector = tree_item(clause, 1), .span = clause->span};
    return true;
}

static bool read_method(Train *train, const Tree *clause, MethodUse *use) {
    if (!read_use(train, clause, use)) return false;
    if (!method_hook(use->method, "update")) return true;
    diagnose(train->e->diagnostics, "E0600", clause->span, "'%s' is an optimizer: it has an update hook", use->method->maker->name);
    return diagnose_help(train->e->diagnostics, "write `using %s{…}`", use->method->maker->name);
}

static bool read_optimizer(Train *train, const Tree *clause, MethodUse *use) {
    if (!read_use(train, clause, use)) return false;
    if (method_hook(use->method, "update")) return true;
    diagnose(train->e->diagnostics, "E0600", clause->span, "'%s' is no optimizer: it has no update hook", use->method->maker->name);
    return diagnose_help(train->e->diagnostics, "write `with %s{…}`, and an optimizer such as `using adam{lr = 1e-3}`",
                         use->method->maker->name);
}

static bool read_objective(Train *train, const Tree *clause, Objective *objective) {
    bool ok = true;
    *objective = (Objective){.tree = clause, .every = 1, .stream = -1};
    if (tree_item(clause, 1)) {
        Stream *stream = add_stream(train, stream_name(clause->items[1]), clause->items[1]);
        stream->is_own = true;
        objective->stream = train->stream_count - 1;
        if (!open_stream(train, stream, train->batch ? train->batch->items[0] : NULL, train->batch && train->batch->flag)) return false;
    }
    if (tree_item(clause, 2)) objective->every = every_steps(train, clause->items[2], &ok);
    if (ok && tree_item(clause, 4)) objective->after = train_steps_of(train, clause->items[4], &ok);
    const Tree *using = tree_item(clause, 3);
    if (!ok || !using) return ok;
    Tree *one = arena_alloc(train->e->arena, sizeof *one);
    if (using->kind == TREE_LIST || using->kind == TREE_USING) return read_optimizer(train, using, &objective->optimizer);
    Tree **items = arena_alloc(train->e->arena, sizeof *items);
    items[0] = (Tree *)(uintptr_t) using;
    *one = (Tree){.kind = TREE_USING, .span = using->span, .items = items, .count = 1};
    return read_optimizer(train, one, &objective->optimizer);
}

static const Tree *watched(const Tree *clause) {
    const Tree *value = clause->items[0];
    return value->kind == TREE_ARGUMENT ? value->items[0] : value;
}

static const char *watch_name(const Tree *clause) {
    const Tree *value = clause->items[0];
    if (value->kind == TREE_ARGUMENT && value->name) return value->name;
    value = watched(clause);
    if (value->kind == TREE_CALL && value->items[0]->name) return value->items[0]->name;
    return value->name ? value->name : "value";
}

static bool read_watch(Train *train, const Tree *clause, WatchKind kind, Watch *watch) {
    bool ok = true;
    const Tree *on = kind == WATCH_SHOW ? tree_item(clause, 1) : NULL;
    const Tree *every = kind == WATCH_SHOW ? tree_item(clause, 2) : kind == WATCH_LOG ? tree_item(clause, 1) : NULL;
    *watch = (Watch){.kind = kind, .name = watch_name(clause), .value = watched(clause), .span = clause->span, .last = NAN};
    if (on) {
        int64_t count;
        watch->split = elaborate(train->e, on, train->scope);
        if (!split_length(train, watch->split, on, &count)) return false;
    }
    watch->every = every ? every_steps(train, every, &ok) : train->steps_per_epoch ? train->steps_per_epoch : train->total_steps / 10;
    if (watch->every < 1) watch->every = 1;
    watch->highest = clause->name && !strcmp(clause->name, "highest");
    watch->cell = own_cell(train->e, cell_new(watch->name, tensor_scalar(train->e->float_type, NAN)));
    return ok;
}

static bool read_keep(Train *train, const Tree *clause, Watch *watch) {
    if (!read_watch(train, clause, WATCH_KEEP, watch)) return false;
    const char *name = watch->name;
    if (!clause->name) watch->highest = !(strstr(name, "loss") || strstr(name, "error") || strstr(name, "mse"));
    return true;
}

static bool read_event(Train *train, const Tree *tree, Instance *method, Event *event) {
    bool ok;
    int64_t steps = tree->kind == TREE_EVERY ? every_steps(train, tree->items[0], &ok) : train_steps_of(train, tree->items[0], &ok);
    if (ok && tree->kind == TREE_AT && !strcmp(tree->items[0]->name, "percent") && steps > train->total_steps)
        return diagnose(train->e->diagnostics, "E0304", tree->items[0]->span, "a run ends at 100%%");
    *event = (Event){.tree = tree->items[1], .method = method};
    if (tree->kind == TREE_EVERY) event->every = steps < 1 ? 1 : steps;
    else event->at = steps < 1 ? 1 : steps;
    return ok;
}

/* The first clause of the kind is the second place. */
static bool clause_twice(Train *train, const Tree *clause, const char *word) {
    diagnose(train->e->diagnostics, "E0600", clause->span, "`%s` stands twice in this block", word);
    for (int k = 3; k < train->tree->count; k++)
        if (train->tree->items[k]->kind == clause->kind)
            return diagnose_second(train->e->diagnostics, train->tree->items[k]->span, "the first one");
    return false;
}

static bool read_seed(Train *train) {
    train->seed = train->e->seed;
    for (int k = 3; k < train->tree->count; k++) {
        const Tree *clause = train->tree->items[k];
        if (clause->kind == TREE_BATCH && (train->batch || train->batch_all)) return clause_twice(train, clause, "batch");
        if (clause->kind == TREE_BATCH) {
            train->batch = tree_item(clause, 0) ? clause : NULL;
            train->batch_all = !tree_item(clause, 0);
        }
        if (clause->kind != TREE_SEED) continue;
        int64_t seed;
        if (!to_integer(train->e, elaborate(train->e, clause->items[0], train->scope), &seed)) return false;
        train->seed = (uint64_t)seed;
    }
    return true;
}

/* States of the block belong to a nameless method that does nothing else. */
static bool read_state(Train *train, const Tree *clause) {
    Elaborator *e = train->e;
    if (!tree_item(clause, 0)) {
        diagnose(e->diagnostics, "E0600", clause->span, "a state of a block needs a shape");
        return diagnose_help(e->diagnostics, "write `state %s: [] = 0` for one number", clause->name);
    }
    if (!train->scope->owner) {
        Maker *maker = arena_alloc(e->arena, sizeof *maker);
        *maker = (Maker){.kind = MAKER_METHOD, .name = "train", .tree = train->tree, .scope = train->scope};
        train->scope->owner = arena_alloc(e->arena, sizeof *train->scope->owner);
        *train->scope->owner = (Instance){.maker = maker, .settings = scope_new(e, train->scope), .span = train->tree->span};
    }
    return declare_member(e, clause, train->scope);
}

/* Noted so that a block whose file does not fit can say that another block of the script writes it. */
static void note_checkpoint(Train *train, const Tree *clause) {
    Session *session = train->session;
    CheckpointFile *files = arena_alloc(session->arena, sizeof *files * (size_t)(session->checkpoint_count + 1));
    if (session->checkpoint_count) memcpy(files, session->checkpoints, sizeof *files * (size_t)session->checkpoint_count);
    files[session->checkpoint_count++] = (CheckpointFile){train->checkpoint_path, train->tree, clause->span};
    session->checkpoints = files;
}

static bool read_checkpoint(Train *train, const Tree *clause) {
    bool ok = true;
    const Tree *path = tree_item(clause, 0);
    train->checkpoint_path = path ? to_string(train->e, elaborate(train->e, path, train->scope)) : clause->name;
    train->checkpoint_every = tree_item(clause, 1) ? every_steps(train, clause->items[1], &ok) : train->steps_per_epoch;
    if (train->checkpoint_every < 1) train->checkpoint_every = 1;
    if (train->checkpoint_path) note_checkpoint(train, clause);
    return ok && train->checkpoint_path;
}

static bool read_clause(Train *train, const Tree *clause) {
    switch ((int)clause->kind) {
    case TREE_MINIMIZE: return read_objective(train, clause, &train->objectives[train->objective_count++]);
    case TREE_USING:
        for (int k = 0; k < train->optimizer_count; k++)
            if (!train->optimizers[k].selector && !tree_item(clause, 1)) {
                clause_twice(train, clause, "using");
                return diagnose_help(train->e->diagnostics, "several optimizers share the parameters out: `using sgd{} on net.**.w`");
            }
        return read_optimizer(train, clause, &train->optimizers[train->optimizer_count++]);
    case TREE_METHOD_USE: return read_method(train, clause, &train->methods[train->method_count++]);
    case TREE_WATCH: return read_watch(train, clause, WATCH_SHOW, &train->watches[train->watch_count++]);
    case TREE_LOG: return read_watch(train, clause, WATCH_LOG, &train->watches[train->watch_count++]);
    case TREE_STOP: return read_watch(train, clause, WATCH_STOP, &train->watches[train->watch_count++]);
    case TREE_KEEP: return read_keep(train, clause, &train->watches[train->watch_count++]);
    case TREE_EVERY:
    case TREE_AT: return read_event(train, clause, NULL, &train->events[train->event_count++]);
    case TREE_CHECKPOINT: return read_checkpoint(train, clause);
    case TREE_DRAW: {
        Stream *stream = add_stream(train, clause->name, clause->items[0]);
        stream->is_draw = true;
        return open_stream(train, stream, tree_item(clause, 1), false);
    }
    case TREE_STATE: return read_state(train, clause);
    case TREE_BATCH:
    case TREE_SEED:
    case TREE_LET:
    case TREE_COMMIT: return true;
    }
    if (clause->kind == TREE_PRECISION) {
        diagnose(train->e->diagnostics, "E0600", clause->span, "the precision is one for all of a script");
        return diagnose_help(train->e->diagnostics, "write `precision %s` at the top of the script", clause->name);
    }
    return diagnose(train->e->diagnostics, "E0600", clause->span, "a train block cannot hold this clause");
}

static bool read_method_events(Train *train) {
    for (int k = 0; k < train->method_count + train->optimizer_count; k++) {
        Instance *method = k < train->method_count ? train->methods[k].method : train->optimizers[k - train->method_count].method;
        const Tree *tree = method->maker->tree;
        for (int j = 1; j < tree->count; j++) {
            if (tree->items[j]->kind != TREE_EVERY && tree->items[j]->kind != TREE_AT) continue;
            Event *events = arena_alloc(train->e->arena, sizeof *events * (size_t)(train->event_count + 1));
            if (train->event_count) memcpy(events, train->events, sizeof *events * (size_t)train->event_count);
            train->events = events;
            if (!read_event(train, tree->items[j], method, &events[train->event_count++])) return false;
        }
    }
    return true;
}

static bool has_optimizer(Train *train) {
    if (!train->objective_count) {
        diagnose(train->e->diagnostics, "E0600", train->tree->span, "the block says nothing to minimize");
        return diagnose_help(train->e->diagnostics, "add `minimize cross_entropy(net(x), y)`");
    }
    for (int k = 0; k < train->objective_count; k++) {
        if (train->objectives[k].optimizer.method || train->optimizer_count) continue;
        diagnose(train->e->diagnostics, "E0600", train->objectives[k].tree->span, "no optimizer for this `minimize`");
        for (int j = 0; j < train->method_count; j++)
            if (method_hook(train->methods[j].method, "update"))
                return diagnose_help(train->e->diagnostics, "'%s' is an optimizer: write `using` instead of `with`",
                                     train->methods[j].method->maker->name);
        return diagnose_help(train->e->diagnostics, "add `using adam{lr = 1e-3}`");
    }
    return true;
}

static bool read_duration(Train *train) {
    const Tree *duration = tree_item(train->tree, 2);
    bool ok;
    if (!duration)
        return diagnose(train->e->diagnostics, "E0600", train->tree->span, "the block says no duration"),
               diagnose_help(train->e->diagnostics, "write `for 10 epochs` or `for 300 steps`");
    if (!strcmp(duration->name, "percent"))
        return diagnose(train->e->diagnostics, "E0600", duration->span, "the length of a run is in steps or epochs");
    train->total_steps = train_steps_of(train, duration, &ok);
    return ok;
}

bool train_read(Train *train) {
    size_t clauses = (size_t)train->tree->count + 1;
    Arena *arena = train->e->arena;
    train->objectives = arena_alloc(arena, clauses * sizeof *train->objectives);
    train->optimizers = arena_alloc(arena, clauses * sizeof *train->optimizers);
    train->methods = arena_alloc(arena, clauses * sizeof *train->methods);
    train->watches = arena_alloc(arena, clauses * sizeof *train->watches);
    train->events = arena_alloc(arena, clauses * sizeof *train->events);
    if (!read_targets(train) || !read_seed(train) || !read_data(train) || !read_duration(train)) return false;
    for (int k = 3; k < train->tree->count; k++)
        if (!read_clause(train, train->tree->items[k])) return false;
    return has_optimizer(train) && read_method_events(train);
}

void train_free(Train *train) {
    for (int k = 0; k < train->objective_count; k++)
        if (train->objectives[k].program) program_free(train->objectives[k].program);
    for (int k = 0; k < train->watch_count; k++)
        if (train->watches[k].program) program_free(train->watches[k].program);
    for (int k = 0; k < train->event_count; k++)
        if (train->events[k].program) program_free(train->events[k].program);
    for (int k = 0; k < train->stream_count; k++) batches_free(train->streams[k].batches);
    table_free(&train->best);
}
