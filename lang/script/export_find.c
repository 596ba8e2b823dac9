/* Which function is exported, and what it is applied to. */
#include "lang/script/definition.h"
#include "lang/script/export_inside.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

static bool fail(Export *x, const char *format, const char *name) {
    return diagnose(&x->session->diagnostics, "E1002", (Span){0}, format, name);
}

/* The file's own text --------------------------------------------------------------------------------------------------- */

/* Large values that the text names stand in the file as "let NAME". */
static void bind_tensors(Export *x) {
    Elaborator *e = &x->session->elaborator;
    for (size_t k = 0; k < x->table.count; k++) {
        const char *name = x->table.items[k].name;
        if (strncmp(name, "let ", 4)) continue;
        scope_set(e, e->globals, name + 4, value_tensor(build_constant(x->session->graph, x->table.items[k].tensor), (Span){0}));
    }
}

bool export_lacks(Export *x, const char *format) {
    fail(x, format, x->request->model);
    return diagnose_help(&x->session->diagnostics,
                         "name the script that defines it too: `reg compile SCRIPT.reg --model %s --function NAME`", x->request->model);
}

static bool run_definition(Export *x) {
    const char *text = metadata_find(&x->metadata, DEFINITION_TEXT);
    if (!text) return export_lacks(x, "'%s' does not say how its model computes");
    bind_tensors(x);
    return session_run(x->session, x->request->model, text, strlen(text)) ||
           export_lacks(x, "'%s' does not say all of how its model computes");
}

/* The line "NAME PATH" of the model that was asked for, or of the only one. */
static bool read_models(Export *x) {
    Arena *arena = x->session->arena;
    const char *names[64], *at = metadata_find(&x->metadata, DEFINITION_MODELS);
    size_t count = 0;
    for (; at && *at && count < 64; at += strcspn(at, "\n"), at += *at == '\n') {
        size_t length = strcspn(at, " ");
        names[count++] = arena_bytes(arena, at, length);
        const char *path = arena_bytes(arena, at + length + 1, strcspn(at + length + 1, "\n"));
        if (!x->request->function || !strcmp(x->request->function, names[count - 1])) x->name = names[count - 1], x->path = path;
    }
    if (x->name && (x->request->function || count == 1)) return true;
    Text list = {0};
    for (size_t k = 0; k < count; k++) text_addf(&list, "%s%s", k ? ", " : "", names[k]);
    if (!x->request->function) fail(x, "'%s' holds several models: say --function NAME", x->request->model);
    else fail(x, "the file holds no model '%s'", x->request->function);
    const char *nearest = x->request->function ? nearest_name(x->request->function, names, count) : NULL;
    if (nearest) diagnose_help(&x->session->diagnostics, "the nearest name is '%s'", nearest);
    else diagnose_help(&x->session->diagnostics, "it holds: %s", text_string(&list));
    text_free(&list);
    return false;
}

/* "x f32 128 784" or "t = 0.5". */
static bool read_input(Export *x, const char *line, Given *given) {
    Elaborator *e = &x->session->elaborator;
    const char *at = line + strcspn(line, " ");
    if (!strncmp(at, " = ", 3)) {
        uint32_t file = sources_add(&x->session->sources, x->request->model, at + 3, strlen(at + 3));
        Script script = parse_script(x->session->arena, file, e->diagnostics, NULL);
        if (script.root->count != 1 || script.root->items[0]->kind != TREE_EXPRESSION) return false;
        *given = (Given){.is_given = true, .value = elaborate(e, script.root->items[0]->items[0], e->globals)};
        return value_ok(given->value);
    }
    *given = (Given){.is_given = true, .value = {.kind = VALUE_TENSOR}};
    for (int dtype = 0; dtype < DTYPE_COUNT; dtype++) {
        size_t length = strlen(dtype_name((DType)dtype));
        if (strncmp(at + 1, dtype_name((DType)dtype), length)) continue;
        given->type.dtype = (DType)dtype;
        char *end = (char *)(uintptr_t)(at + 1 + length);
        while (*end == ' ' && given->type.shape.rank < RANK_MAX)
            given->type.shape.dims[given->type.shape.rank++] = strtoll(end + 1, &end, 10);
        return *end == '\0';
    }
    return false;
}

static bool read_inputs(Export *x) {
    const char *at = metadata_find(&x->metadata, arena_format(x->session->arena, DEFINITION_INPUTS ".%s", x->name));
    Given *given = arena_alloc(x->session->arena, sizeof *given * (size_t)(x->parameters->count + 1));
    for (; at && *at; at += strcspn(at, "\n"), at += *at == '\n') {
        const char *line = arena_bytes(x->session->arena, at, strcspn(at, "\n"));
        size_t length = strcspn(line, " ");
        for (int k = 0; k < x->parameters->count; k++) {
            const char *name = x->parameters->items[k]->name;
            if (strlen(name) != length || strncmp(name, line, length)) continue;
            if (!read_input(x, line, &given[k])) return fail(x, "the definition in '%s' cannot be read", x->request->model);
        }
    }
    x->given = given;
    return true;
}

/* The script ------------------------------------------------------------------------------------------------------------ */

static bool is_callable(Value value) {
    return (value.kind == VALUE_INSTANCE && value.instance->maker->kind == MAKER_MODEL) || value.kind == VALUE_FUNCTION;
}

/* The first part of the names in the file, where they all begin alike. */
static const char *common_root(Export *x) {
    const char *root = NULL;
    for (size_t k = 0; k < x->table.count; k++) {
        const char *name = x->table.items[k].name;
        const char *own = arena_bytes(x->session->arena, name, strcspn(name, "."));
        if (!strncmp(name, "let ", 4)) continue;
        if (root && strcmp(root, own)) return NULL;
        root = own;
    }
    return root;
}

static bool unknown_function(Export *x) {
    const Scope *globals = x->session->elaborator.globals;
    const char **names = allocate(sizeof *names * (size_t)(globals->count + 1));
    size_t count = 0;
    for (int k = 0; k < globals->count; k++)
        if (is_callable(globals->fields[k].value)) names[count++] = globals->fields[k].name;
    fail(x, "the script has no model or function '%s'", x->name);
    const char *nearest = nearest_name(x->name, names, count);
    Value maker;
    if (nearest) diagnose_help(&x->session->diagnostics, "the nearest name is '%s'", nearest);
    else if (scope_find_maker(&x->session->elaborator, x->session->elaborator.globals, x->name, &maker))
        diagnose_help(&x->session->diagnostics, "'%s' says how to make models; name one that was made, such as `let net = %s{…}`", x->name,
                      x->name);
    free(names);
    return false;
}

static bool find_in_script(Export *x) {
    x->path = common_root(x);
    x->name = x->request->function ? x->request->function : x->path;
    if (!x->name) return fail(x, "'%s' holds several models: say --function NAME", x->request->model);
    const Scope *globals = x->session->elaborator.globals;
    x->callee = record_field(&(Record){.fields = globals->fields, .count = globals->count}, x->name);
    return is_callable(x->callee) || unknown_function(x);
}

/* Both ------------------------------------------------------------------------------------------------------------------ */

/* A pipe of models and functions takes what its first stage takes. */
static void read_callee(Export *x) {
    Value value = x->callee;
    while (value.kind == VALUE_FUNCTION && value.function->stages) value = value.function->stages[0];
    bool is_model = value.kind == VALUE_INSTANCE;
    x->parameters = is_model ? value.instance->maker->tree->items[1] : value.function->tree ? value.function->tree->items[0] : NULL;
    x->given = is_model ? value.instance->given : value.function->given;
}

static bool find_in_file(Export *x) {
    if (!run_definition(x) || !read_models(x)) return false;
    const Scope *globals = x->session->elaborator.globals;
    x->callee = record_field(&(Record){.fields = globals->fields, .count = globals->count}, x->name);
    if (!is_callable(x->callee)) return fail(x, "the definition in '%s' cannot be read", x->request->model);
    read_callee(x);
    return read_inputs(x);
}

bool export_find(Export *x) {
    if (!x->request->has_script) return find_in_file(x);
    if (!find_in_script(x)) return false;
    read_callee(x);
    if (x->parameters && x->given) return true;
    fail(x, "the sizes of the inputs of '%s' are not known, since the script never applies it", x->name);
    return diagnose_help(&x->session->diagnostics, "apply it once, such as `%s(zeros([1, 784]))`", x->name);
}
