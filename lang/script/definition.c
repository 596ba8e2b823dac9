#include "lang/script/definition.h"
#include "runtime/base/memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* Names ----------------------------------------------------------------------------------------------------------------- */

static bool is_done(Definition *d, const char *key) {
    for (int k = 0; k < d->done_count; k++)
        if (!strcmp(d->done[k], key)) return true;
    d->done = arena_grow(d->session->arena, d->done, sizeof *d->done, d->done_count, &d->done_capacity);
    d->done[d->done_count++] = key;
    return false;
}

static void add_source(const Definition *d, Span span, Text *out) {
    text_add_bytes(out, d->session->sources.items[span.file].text + span.start, span.end - span.start);
}

static void add_definition(Definition *d, const Tree *tree) {
    definition_need(d, tree);
    add_source(d, tree->span, &d->text);
    text_add(&d->text, "\n\n");
}

static bool is_own_definition(const Definition *d, const Field *field) {
    const Function *function = field->value.kind == VALUE_FUNCTION ? field->value.function : NULL;
    return function && function->tree && function->tree->kind != TREE_LAMBDA && function->scope == d->session->elaborator.globals &&
           !strcmp(function->name, field->name);
}

static void add_let(Definition *d, const Field *field) {
    Text value = {0};
    if (is_own_definition(d, field)) add_definition(d, field->value.function->tree);
    else if (definition_value(d, field->value, &value)) text_addf(&d->text, "let %s = %s\n\n", field->name, text_string(&value));
    else if (field->value.kind == VALUE_TENSOR && !d->session->options.check_only) {
        Tensor *tensor = to_tensor(&d->session->elaborator, field->value);
        if (tensor) table_add(d->table, arena_format(d->session->arena, "let %s", field->name), tensor_retain(tensor));
    }
    text_free(&value);
}

static const Field *find(const Field *fields, int count, const char *name) {
    for (int k = 0; k < count; k++)
        if (!strcmp(fields[k].name, name)) return &fields[k];
    return NULL;
}

/* The callback of a name check that finds the names of the script: what is outside the tree is asked for here. */
static bool need_name(void *context, NameSpace space, const char *name) {
    Definition *d = context;
    const Scope *globals = d->session->elaborator.globals;
    const Field *maker = find(globals->makers, globals->maker_count, name), *value = find(globals->fields, globals->count, name);
    if (space == NAMES_MAKERS && maker && maker->value.kind == VALUE_MAKER) {
        if (!is_done(d, arena_format(d->session->arena, "%s{", name))) add_definition(d, maker->value.maker->tree);
    } else if (value) {
        if (!is_done(d, arena_string(d->session->arena, name))) add_let(d, value);
    }
    return true;
}

static void list_nothing(void *context, NameSpace space, void (*add)(void *, const char *), void *sink) {
    (void)context, (void)space, (void)add, (void)sink;
}

void definition_need(Definition *d, const Tree *tree) {
    Tree *statement = (Tree *)(uintptr_t)tree;
    Tree expression = {.kind = TREE_EXPRESSION, .span = tree->span, .items = &statement, .count = 1};
    Tree *only = tree->kind == TREE_LAMBDA || tree->kind == TREE_NAME || tree->kind == TREE_MAKE ? &expression : statement;
    Tree root = {.kind = TREE_BLOCK, .span = tree->span, .items = &only, .count = 1};
    Script script = {.root = &root, .file = tree->span.file};
    NameSource source = {d, need_name, list_nothing};
    Diagnostics unused = {.sources = &d->session->sources};
    names_check(&script, &source, &unused);
    diagnostics_clear(&unused);
}

/* Models ---------------------------------------------------------------------------------------------------------------- */

static void add_input(Definition *d, const char *name, const Given *given, Text *out) {
    if (!given->is_given) return;
    if (given->value.kind == VALUE_TENSOR) {
        text_addf(out, "%s %s", name, dtype_name(given->type.dtype));
        for (int k = 0; k < given->type.shape.rank; k++) text_addf(out, " %" PRId64, given->type.shape.dims[k]);
        text_add(out, "\n");
        return;
    }
    Text value = {0};
    if (definition_value(d, given->value, &value)) text_addf(out, "%s = %s\n", name, text_string(&value));
    text_free(&value);
}

/* A parameter or state below the model with its path from there; NULL: it has none. */
static const Cell *any_cell(Definition *d, Instance *model, const char *below, const char **path) {
    Arena *arena = d->session->arena;
    for (int k = 0; k < model->member_count; k++) {
        *path = arena_format(arena, "%s.%s", below, model->members[k].name);
        if (model->members[k].cell) return model->members[k].cell;
    }
    for (int k = 0; k < model->part_count; k++) {
        const Part *part = &model->parts[k];
        const Cell *cell = part->name ? any_cell(d, part->instance, arena_format(arena, "%s.%s", below, part->name), path) : NULL;
        if (cell) return cell;
    }
    return NULL;
}

/* What the names of its tensors begin with: of a nameless copy, the path of what it was copied from. */
static const char *saved_path(Definition *d, Instance *model) {
    const char *below, *own = instance_path(&d->session->elaborator, model);
    const Cell *cell = any_cell(d, model, "", &below);
    size_t length = cell ? strlen(cell->name) : 0, tail = cell ? strlen(below) : 0;
    if (length <= tail || strcmp(cell->name + length - tail, below)) return own;
    return arena_bytes(d->session->arena, cell->name, length - tail);
}

/* A path as one name. */
static const char *let_name(Definition *d, const char *path) {
    char *name = arena_string(d->session->arena, path);
    for (char *at = name; *at; at++)
        if (*at == '.') *at = '_';
    return name;
}

void definition_add(Definition *d, Instance *model) {
    const char *path = saved_path(d, model), *name = let_name(d, path);
    const Tree *inputs = model->maker->tree->items[1];
    Text value = {0}, given = {0};
    bool ok = model->given && definition_value(d, (Value){.kind = VALUE_INSTANCE, .instance = model}, &value);
    for (int k = 0; ok && k < inputs->count; k++) add_input(d, inputs->items[k]->name, &model->given[k], &given);
    if (ok) {
        is_done(d, name);
        text_addf(&d->text, "let %s = %s\n", name, text_string(&value));
        text_addf(&d->models, "%s %s\n", name, path);
        metadata_add(d->metadata, arena_format(d->session->arena, DEFINITION_INPUTS ".%s", name), text_string(&given));
    }
    text_free(&value);
    text_free(&given);
}

void definition_finish(Definition *d) {
    if (d->models.length) {
        Text text = {0};
        text_addf(&text, "%s%s", d->session->elaborator.float_type == DTYPE_F64 ? "precision f64\n\n" : "", text_string(&d->text));
        metadata_add(d->metadata, DEFINITION_TEXT, text_string(&text));
        metadata_add(d->metadata, DEFINITION_MODELS, text_string(&d->models));
        text_free(&text);
    }
    text_free(&d->text);
    text_free(&d->models);
}
