#include "lang/script/session.h"
#include "lang/elaborate/builtins.h"
#include "lang/elaborate/statement.h"
#include "lang/script/library.h"
#include "lang/script/statements.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"
#include "runtime/exec/elementwise.h"

#include <stdlib.h>
#include <string.h>

/* Output ------------------------------------------------------------------------------------------------------------- */

void session_write_text(Session *session, const Text *text) {
    session->output.write(session->output.context, text_string(text), text->length);
}

void session_write(Session *session, const char *format, ...) {
    Text text = {0};
    va_list args;
    va_start(args, format);
    text_addv(&text, format, args);
    va_end(args);
    session_write_text(session, &text);
    text_free(&text);
}

double session_clock(const Session *session) { return session->profile ? profile_now() : 0; }

void session_wrote(Session *session, double start) {
    if (session->profile) session->profile->files += profile_now() - start;
}

static void add_note(Session *session, const char *format, va_list args) {
    Text text = {0};
    text_addv(&text, format, args);
    session->output.note(session->output.context, text_string(&text), text.length);
    text_free(&text);
}

void session_note(Session *session, const char *format, ...) {
    va_list args;
    va_start(args, format);
    add_note(session, format, args);
    va_end(args);
}

void session_done(Session *session, const char *format, ...) {
    va_list args;
    va_start(args, format);
    if (!session->options.quiet) add_note(session, format, args);
    va_end(args);
}

void session_report(Session *session) {
    Text text = {0};
    diagnostics_print(&session->diagnostics, &text, session->options.colour);
    if (text.length) session->output.note(session->output.context, text_string(&text), text.length);
    text_free(&text);
    diagnostics_clear(&session->diagnostics);
}

bool session_interrupt(Session *session) {
    bool finishes_step = session->is_stepping && !session->interrupted;
    session->abandoned = !finishes_step;
    session->interrupted = 1;
    return finishes_step;
}

/* Evaluation --------------------------------------------------------------------------------------------------------- */

static bool keep_results(Session *session, Program *program, Node *const *nodes, int count, Span span) {
    Fault fault = {0};
    for (int k = 0; k < count; k++) {
        Tensor *tensor = count == 1 ? plan_take_output(program->plan, k, &fault) : plan_output_tensor(program->plan, k, &fault);
        if (!tensor) return diagnose_fault(&session->diagnostics, "E0901", span, &fault);
        nodes[k]->materialised = cell_new("value", tensor);
    }
    return true;
}

bool session_prepare(Session *session, Plan *plan, Fault *fault) {
    if (!plan_prepare(plan, session->threads, fault)) return false;
    jit_attach(session->jit, plan);
    return true;
}

static bool run_program(Session *session, Program *program, Span span) {
    Fault fault = {.step = -1};
    if (session_prepare(session, program->plan, &fault) && plan_run(program->plan, &fault)) return true;
    bool placed = fault.step >= 0 && program->step_spans && program->step_spans[fault.step].file;
    return diagnose_fault(&session->diagnostics, "E0901", placed ? program->step_spans[fault.step] : span, &fault);
}

static void keep_constant(Node *node) {
    if (!node->materialised && node->op == OP_CONSTANT) node->materialised = cell_new("constant", tensor_retain(node->constant));
}

static void dump_title(Session *session, Span span) {
    const Source *source = &session->sources.items[span.file];
    int line, column;
    source_position(source, span.start, &line, &column);
    size_t length = strcspn(source->text + span.start, "\n");
    if (span.end > span.start && length > span.end - span.start) length = span.end - span.start;
    session_write(session, "%s:%d: %.*s\n", source->path, line, (int)length, source->text + span.start);
}

Program *session_compile(Session *session, const Graph *graph, Node *const *outputs, int output_count, const Commit *commits,
                         int commit_count, Span span) {
    CompileOptions options = {.verify = session->options.verify, .skip_fusion = session->options.apart};
    if (session->options.dump) {
        Text text = {0};
        dump_title(session, span);
        bool ok = compile_dump(graph, outputs, output_count, commits, commit_count, session->options.dump, &session->diagnostics, &text);
        text_add(&text, text.length ? "\n" : "computed while compiling\n\n");
        if (ok) session_write_text(session, &text);
        text_free(&text);
        if (!ok) return NULL;
    }
    double start = session_clock(session);
    Program *program = compile_graph(graph, outputs, output_count, commits, commit_count, &options, &session->diagnostics);
    if (session->profile) session->profile->compile += profile_now() - start;
    if (program) program->plan->profile = session->profile;
    if (program && session->options.kernels) kernel_set_add(session->options.kernels, program->plan);
    return program;
}

/* The graph that can compute a node: of the top level, or the one under construction; NULL for a node of a step around it. */
static Graph *graph_of(Session *session, const Node *node) {
    if (graph_holds(session->graph, node)) return session->graph;
    return graph_holds(session->elaborator.graph, node) ? session->elaborator.graph : NULL;
}

bool session_evaluate_all(Session *session, Node *const *nodes, int count, Span span) {
    Node **needed = allocate(sizeof *needed * (size_t)(count + 1));
    int needed_count = 0;
    for (int k = 0; k < count; k++) {
        keep_constant(nodes[k]);
        bool again = false;
        for (int j = 0; j < needed_count; j++) again = again || needed[j] == nodes[k];
        if (!nodes[k]->materialised && !again) needed[needed_count++] = nodes[k];
    }
    bool ok = true;
    Graph *graph = needed_count ? graph_of(session, needed[0]) : NULL;
    if (needed_count && !graph) {
        ok = diagnose(&session->diagnostics, "E0402", span, "this is computed inside a training step, and must be known before it");
        diagnose_help(&session->diagnostics, "schedules, the batch and what follows from them have no value outside the step");
    }
    if (graph) {
        Program *program = session_compile(session, graph, needed, needed_count, NULL, 0, span);
        ok = program && run_program(session, program, span) && keep_results(session, program, needed, needed_count, span);
        if (program) program_free(program);
    }
    free(needed);
    return ok;
}

Tensor *session_evaluate(Session *session, Node *node, Span span) {
    return session_evaluate_all(session, &node, 1, span) ? node->materialised->tensor : NULL;
}

static Tensor *host_evaluate(void *context, Node *node, Span span) { return session_evaluate(context, node, span); }

/* Standard library --------------------------------------------------------------------------------------------------- */

static bool is_loaded(Session *session, int file) {
    Value unused = record_field(&(Record){.fields = session->elaborator.standard->fields, .count = session->elaborator.standard->count},
                                library_files[file].path);
    return value_ok(unused);
}

static bool load_library(Session *session, int file) {
    Elaborator *e = &session->elaborator;
    const LibraryFile *library = &library_files[file];
    scope_set(e, e->standard, library->path, value_bool(true, (Span){0}));
    uint32_t source = sources_add(&session->sources, library->path, library->text, library->length);
    session->sources.items[source].is_library = true;
    Script script = parse_script(session->arena, source, &session->diagnostics, NULL);
    Graph *graph = e->graph;
    e->graph = session->graph;
    for (int k = 0; k < script.root->count; k++) {
        const Tree *tree = script.root->items[k];
        if (!define(e, tree, e->standard, true)) elaborate_statement(e, tree, e->standard, NULL);
    }
    e->graph = graph;
    return true;
}

static bool host_define(void *context, const char *name, bool is_maker) {
    Session *session = context;
    int file = library_find(name, is_maker);
    if (file < 0) return false;
    if (!is_loaded(session, file)) load_library(session, file);
    return true;
}

/* Names -------------------------------------------------------------------------------------------------------------- */

static bool names_know(void *context, NameSpace space, const char *name) {
    Session *session = context;
    Scope *globals = session->elaborator.globals;
    Field *fields = space == NAMES_MAKERS ? globals->makers : globals->fields;
    int count = space == NAMES_MAKERS ? globals->maker_count : globals->count;
    for (int k = 0; k < count; k++)
        if (!strcmp(fields[k].name, name)) return true;
    if (library_find(name, space == NAMES_MAKERS) >= 0) return true;
    return space == NAMES_VALUES && (builtin_find(name) || is_initialiser(name));
}

static void names_list(void *context, NameSpace space, void (*add)(void *, const char *), void *sink) {
    Session *session = context;
    Scope *globals = session->elaborator.globals;
    bool makers = space == NAMES_MAKERS;
    for (int k = 0; k < (makers ? globals->maker_count : globals->count); k++)
        add(sink, (makers ? globals->makers : globals->fields)[k].name);
    for (int k = 0; k < library_name_count; k++) {
        const char *kind = library_names[k].kind;
        if ((!strcmp(kind, "model") || !strcmp(kind, "method")) == makers) add(sink, library_names[k].name);
    }
    for (int k = 0; !makers && builtin_at(k); k++) {
        char name[64];
        add(sink, arena_string(session->arena, builtin_name(builtin_at(k), name)));
    }
}

NameSource session_names(Session *session) { return (NameSource){session, names_know, names_list}; }

/* Life --------------------------------------------------------------------------------------------------------------- */

static void note_jit(void *context, const char *message) {
    session_note(context, "reg: --jit on: %s\nhelp: the kernels are interpreted instead, to the same bits\n", message);
}

/* Those that a compiled program carries for this processor (reg compile). */
static void load_kernels(Session *session) {
    char name[KERNELS_NAME];
    const BundleFile *file = bundle_find(session->options.bundle, kernels_name(elementwise_level(), name));
    Fault fault = {0};
    if (file && !jit_add_object(session->jit, file->bytes, file->length, &fault)) note_jit(session, fault.message);
}

Session *session_new(SessionOptions options, SessionOutput output) {
    Session *session = allocate(sizeof *session);
    session->arena = arena_new();
    session->options = options;
    session->output = output;
    session->diagnostics.sources = &session->sources;
    sources_add(&session->sources, "", "", 0);
    session->graph = graph_new_apart(&session->diagnostics, DTYPE_F32);
    session->threads = threads_new(options.threads);
    threads_watch(session->threads, &session->abandoned);
    session->jit = jit_new(options.jit, note_jit, session);
    if (options.jit != JIT_OFF) load_kernels(session);
    session->log = runlog_new();
    session->profile = options.profile ? profile_new() : NULL;
    session->page = page_new("Reg");
    Elaborator *e = &session->elaborator;
    e->arena = session->arena;
    e->diagnostics = &session->diagnostics;
    e->host = (ElaboratorHost){session, host_evaluate, host_define};
    e->graph = session->graph;
    e->float_type = DTYPE_F32;
    e->check_only = options.check_only;
    e->interrupt = &session->abandoned;
    e->pass = 1;
    e->standard = scope_new(e, NULL);
    e->globals = scope_new(e, e->standard);
    return session;
}

void session_free(Session *session) {
    if (!session) return;
    list_free(&session->planned);
    runlog_free(session->log);
    page_free(session->page);
    graph_free(session->graph);
    jit_free(session->jit);
    profile_free(session->profile);
    threads_free(session->threads);
    diagnostics_clear(&session->diagnostics);
    sources_free(&session->sources);
    arena_free(session->arena);
    free(session);
}

Variable *session_variable(Session *session, const char *name) {
    for (int k = session->variable_count; k-- > 0;)
        if (!strcmp(session->variables[k].name, name)) return &session->variables[k];
    return NULL;
}

void session_set_directory(Session *session, const char *path) {
    const char *slash = strrchr(path, '/');
    session->directory = slash ? arena_bytes(session->arena, path, slash == path ? 1 : (size_t)(slash - path)) : "";
}

/* Running ------------------------------------------------------------------------------------------------------------ */

/* `--set name=value` replaces the value of a top-level let: text for a let that holds text, an expression otherwise. */
static bool apply_override(Session *session, Tree *let, const Override *override) {
    Tree *value = let->items[0];
    if (value->kind == TREE_STRING) {
        Tree *string = arena_alloc(session->arena, sizeof *string);
        *string = *value;
        string->name = arena_string(session->arena, override->value);
        let->items[0] = string;
        return true;
    }
    uint32_t file = sources_add(&session->sources, "--set", override->value, strlen(override->value));
    Script script = parse_script(session->arena, file, &session->diagnostics, NULL);
    Tree *statement = script.root->count == 1 ? script.root->items[0] : NULL;
    if (session->diagnostics.error_count) return false;
    if (!statement || statement->kind != TREE_EXPRESSION)
        return diagnose(&session->diagnostics, "E1001", (Span){0}, "--set %s=%s: the value is not an expression", override->name,
                        override->value);
    let->items[0] = statement->items[0];
    return true;
}

static bool apply_overrides(Session *session, const Script *script) {
    for (int k = 0; k < session->options.override_count; k++) {
        Override *override = &session->options.overrides[k];
        const char **names = arena_alloc(session->arena, sizeof *names * (size_t)(script->root->count + 1));
        size_t count = 0;
        for (int j = 0; j < script->root->count; j++) {
            Tree *tree = script->root->items[j];
            if (tree->kind != TREE_LET) continue;
            names[count++] = tree->name;
            if (strcmp(tree->name, override->name)) continue;
            if (!apply_override(session, tree, override)) return false;
            override->is_used = true;
        }
        if (override->is_used) continue;
        const char *nearest = nearest_name(override->name, names, count);
        diagnose(&session->diagnostics, "E1001", (Span){0}, "--set %s: the script has no top-level `let %s`", override->name,
                 override->name);
        if (nearest) diagnose_help(&session->diagnostics, "the nearest name is '%s'", nearest);
        return false;
    }
    return true;
}

bool session_run_script(Session *session, const Script *script) {
    for (int k = 0; k < script->root->count; k++) {
        session->statement++;
        if (!statement_run(session, script->root->items[k], session->elaborator.globals)) return false;
        if (session->interrupted) return false;
    }
    return true;
}

bool session_read(Session *session, const char *path, const char *text, size_t length, Script *script, bool *incomplete) {
    uint32_t file = sources_add(&session->sources, path, text, length);
    *script = parse_script(session->arena, file, &session->diagnostics, incomplete);
    if (session->diagnostics.error_count || !statement_imports(session, script)) return false;
    NameSource names = session_names(session);
    return names_check(script, &names, &session->diagnostics) && apply_overrides(session, script);
}

bool session_run(Session *session, const char *path, const char *text, size_t length) {
    Script script;
    if (!session_read(session, path, text, length, &script, NULL)) return false;
    return session_run_script(session, &script) && !session->diagnostics.error_count;
}
