#include "lang/ops/op.h"
#include "lang/script/export_inside.h"
#include "lang/script/view_members.h"
#include "runtime/base/memory.h"

#include <inttypes.h>
#include <string.h>

/* Values of the file ---------------------------------------------------------------------------------------------------- */

/* Under the name that the script has for it; of the exported model also under the name that it was saved by. */
static const Tensor *saved_tensor(Export *x, const char *name) {
    const Tensor *tensor = table_find(&x->table, name);
    if (tensor || x->callee.kind != VALUE_INSTANCE || !x->path) return tensor;
    const char *own = instance_path(&x->session->elaborator, x->callee.instance);
    size_t length = strlen(own);
    if (strncmp(name, own, length) || name[length] != '.') return NULL;
    return table_find(&x->table, arena_format(x->session->arena, "%s%s", x->path, name + length));
}

static const Tensor *value_of(void *context, const Buffer *buffer) {
    Export *x = context;
    Diagnostics *diagnostics = &x->session->diagnostics;
    const char *name = buffer->cell->name;
    const Tensor *tensor = saved_tensor(x, name);
    char needed[SHAPE_TEXT], found[SHAPE_TEXT];
    if (!tensor) {
        diagnose(diagnostics, "E1002", (Span){0}, "'%s' has no '%s', which '%s' computes with", x->request->model, name, x->name);
        diagnose_help(diagnostics, is_view_name(name) ? "it belongs to a method of the script's model: save that model, not a folded one"
                                                      : "save it too: `save {a = …, b = …} to …` writes several models to one file");
        return NULL;
    }
    if (shape_count(tensor->shape) == shape_count(buffer->shape) && tensor->dtype == buffer->dtype) return tensor;
    diagnose(diagnostics, "E0400", (Span){0}, "'%s' needs %s %s for '%s', and the file holds %s %s", x->name, dtype_name(buffer->dtype),
             shape_text(buffer->shape, needed), name, dtype_name(tensor->dtype), shape_text(tensor->shape, found));
    return NULL;
}

static Span place_of(void *context, const char *op) {
    const Export *x = context;
    const Graph *graph = x->session->graph;
    for (size_t k = x->first_node; k < graph->node_count; k++)
        if (!strcmp(op_of(graph->nodes[k])->name, op)) return graph->nodes[k]->span;
    return (Span){0};
}

/* Without its method a stored value says nothing. */
static bool refuse_views(Export *x) {
    for (size_t k = 0; !x->request->has_script && k < x->table.count; k++) {
        const char *name = x->table.items[k].name;
        if (!is_view_name(name)) continue;
        diagnose(&x->session->diagnostics, "E1002", (Span){0}, "the file holds '%s': the model reads its weights through a method", name);
        return diagnose_help(&x->session->diagnostics, "write the weights that it computes with: `save folded(net) to …`");
    }
    return true;
}

/* Data that the script loaded is no parameter: it is known, and so is what is computed from it alone. */
static bool is_data(const Value *value, const Cell *cell) {
    if (value->kind == VALUE_TENSOR) return value->node->op == OP_LEAF && value->node->cell == cell;
    bool found = false;
    for (int k = 0; value->kind == VALUE_RECORD && k < value->record->count; k++)
        found = found || is_data(&value->record->fields[k].value, cell);
    return found;
}

static bool is_known(Export *x, const Cell *cell) {
    const Scope *globals = x->session->elaborator.globals;
    for (int k = 0; k < globals->count; k++)
        if (!session_variable(x->session, globals->fields[k].name) && is_data(&globals->fields[k].value, cell)) return cell->tensor != NULL;
    return false;
}

static void settle_data(Export *x) {
    const Graph *graph = x->session->graph;
    for (size_t k = 0; k < graph->node_count; k++) {
        Node *node = graph->nodes[k];
        if (node->op != OP_LEAF || !is_known(x, node->cell)) continue;
        node->op = OP_CONSTANT;
        node->constant = tensor_retain(node->cell->tensor);
        cell_release(node->cell);
        node->cell = NULL;
    }
}

/* Results --------------------------------------------------------------------------------------------------------------- */

static bool add_output(Export *x, const char *name, Value value);

static bool add_fields(Export *x, const char *name, Value value) {
    bool is_record = value.kind == VALUE_RECORD;
    int count = is_record ? value.record->count : value.list->count;
    for (int k = 0; k < count; k++) {
        Arena *arena = x->session->arena;
        const char *own = is_record ? value.record->fields[k].name : arena_format(arena, "%d", k);
        const char *inner = *name ? arena_format(arena, "%s_%s", name, own) : is_record ? own : arena_format(arena, "y_%s", own);
        if (!add_output(x, inner, is_record ? value.record->fields[k].value : value.list->items[k])) return false;
    }
    return true;
}

static bool holds_tensor(Value value) {
    for (int k = 0; value.kind == VALUE_LIST && k < value.list->count; k++)
        if (value.list->items[k].kind == VALUE_TENSOR || holds_tensor(value.list->items[k])) return true;
    return false;
}

static bool becomes_tensor(Value value) {
    return value.kind == VALUE_TENSOR || value.kind == VALUE_NUMBER || value.kind == VALUE_BOOL || value.kind == VALUE_LIST ||
           value.kind == VALUE_RANGE;
}

static bool add_output(Export *x, const char *name, Value value) {
    if (value.kind == VALUE_RECORD || holds_tensor(value)) return add_fields(x, name, value);
    if (x->output_count == EXPORT_ARGUMENTS)
        return diagnose(&x->session->diagnostics, "E1002", (Span){0}, "'%s' gives more than %d results", x->name, EXPORT_ARGUMENTS);
    char found[KIND_TEXT];
    if (!becomes_tensor(value))
        return diagnose(&x->session->diagnostics, "E1002", value.span.file ? value.span : x->parameters->span,
                        "'%s' cannot be written as C: it gives %s, expected tensors", x->name, value_describe(value, found));
    Node *node = to_node(&x->session->elaborator, value);
    if (!node) return false;
    x->results[x->output_count] = node;
    x->outputs[x->output_count++] = (C99Argument){.name = *name ? name : "y", .type = node->type};
    return true;
}

static bool apply(Export *x) {
    Elaborator *e = &x->session->elaborator;
    e->graph = x->session->graph;
    e->pass++;
    x->first_node = x->session->graph->node_count;
    x->first_site = e->site_count;
    e->training = e->commits_allowed = false;
    Value value = call_value(e, x->callee, x->arguments, x->argument_count, (Span){0});
    if (value_ok(value) && add_output(x, "", value)) return true;
    return x->request->has_script ? false : export_lacks(x, "'%s' does not say all of how its model computes");
}

/* The texts ------------------------------------------------------------------------------------------------------------- */

static void add_sizes(Text *out, const char *what, const C99Argument *arguments, int count) {
    char shape[SHAPE_TEXT];
    for (int k = 0; k < count; k++)
        text_addf(out, "%s%s %s %s", k ? ", " : what, arguments[k].name, dtype_name(arguments[k].type.dtype),
                  shape_text(arguments[k].type.shape, shape));
}

static const char *about(Export *x) {
    Text text = {0};
    const char *slash = strrchr(x->request->model, '/');
    text_addf(&text, "%s: one evaluation, written by Reg from %s.\n", x->name, slash ? slash + 1 : x->request->model);
    add_sizes(&text, "From ", x->inputs, x->input_count);
    add_sizes(&text, x->input_count ? " to " : "Gives ", x->outputs, x->output_count);
    text_add(&text, ".\n");
    if (x->constants.length) text_addf(&text, "Made for %s.\n", text_string(&x->constants));
    const char *kept = arena_string(x->session->arena, text_string(&text));
    text_free(&text);
    return kept;
}

/* "dir/net.c": the source, its header beside it, and what the one includes. */
static bool choose_paths(Export *x, Exported *out, const char **included) {
    Arena *arena = x->session->arena;
    out->name = c99_identifier(arena, x->name);
    out->source_path = x->request->output ? x->request->output : arena_format(arena, "%s.c", out->name);
    size_t length = strlen(out->source_path);
    if (length < 3 || strcmp(out->source_path + length - 2, ".c"))
        return diagnose(&x->session->diagnostics, "E1001", (Span){0}, "a function is written to a file that ends in .c, found '%s'",
                        out->source_path);
    const char *stem = arena_bytes(arena, out->source_path, length - 2), *slash = strrchr(stem, '/');
    out->header_path = arena_format(arena, "%s.h", stem);
    *included = slash ? slash + 1 : stem;
    return true;
}

static bool write_texts(Export *x, Exported *out) {
    const char *included = NULL;
    CompileOptions options = {.verify = x->session->options.verify, .portable = true};
    if (!choose_paths(x, out, &included)) return false;
    Program *program = compile_graph(x->session->graph, x->results, x->output_count, NULL, 0, &options, &x->session->diagnostics);
    if (!program) return false;
    C99Request request = {.program = program,
                          .name = out->name,
                          .header = included,
                          .about = about(x),
                          .inputs = x->inputs,
                          .outputs = x->outputs,
                          .input_count = x->input_count,
                          .output_count = x->output_count,
                          .value_of = value_of,
                          .place_of = place_of,
                          .context = x,
                          .diagnostics = &x->session->diagnostics};
    bool ok = c99_write(&request, &out->source, &out->header);
    program_free(program);
    return ok;
}

bool export_function(Session *session, const ExportRequest *request, Exported *out) {
    Export x = {.session = session, .request = request};
    Fault fault = {0};
    *out = (Exported){0};
    bool ok = safetensors_read(request->model, &x.table, &x.metadata, &fault) ||
              diagnose_fault(&session->diagnostics, "E0800", (Span){0}, &fault);
    ok = ok && refuse_views(&x) && export_find(&x) && export_inputs(&x) && apply(&x) && export_draws(&x);
    if (ok) settle_data(&x);
    ok = ok && write_texts(&x, out);
    if (!ok) {
        text_free(&out->source);
        text_free(&out->header);
    }
    text_free(&x.constants);
    table_free(&x.table);
    metadata_free(&x.metadata);
    return ok;
}
