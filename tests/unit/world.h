/* A graph to build in, cells with values, and programs that are compiled, checked and run: for the tests of the passes. */
#ifndef REG_TESTS_WORLD_H
#define REG_TESTS_WORLD_H

#include "lang/graph/build.h"
#include "lang/passes/compile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static const CompileOptions CHECKED = {.verify = true};                      /* the verifier runs after each pass */
static const CompileOptions UNFUSED = {.verify = true, .skip_fusion = true}; /* one op per step */
static const CompileOptions WHOLE = {.verify = true, .skip_rows = true};     /* no blocks of rows */

typedef struct World {
    Sources sources;
    Diagnostics diagnostics;
    Graph *graph;
    uint64_t seed;
} World;

static inline void world_open(World *world, DType float_type) {
    *world = (World){.seed = 1};
    world->diagnostics.sources = &world->sources;
    world->graph = graph_new(&world->diagnostics, float_type);
}

static inline void world_close(World *world) {
    graph_free(world->graph);
    diagnostics_clear(&world->diagnostics);
    sources_free(&world->sources);
}

static inline void show_diagnostics(const World *world) {
    Text text = {0};
    diagnostics_print(&world->diagnostics, &text, false);
    if (text.length > 0) print_error("%s\n", text_string(&text));
    text_free(&text);
}

static inline uint64_t draw(World *world, uint64_t bound) {
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % bound;
}

static inline Cell *new_cell(World *world, const char *name, DType dtype, Shape shape) {
    Tensor *tensor = tensor_new(dtype, shape, NULL);
    for (int64_t k = 0; k < tensor_count(tensor); k++)
        tensor_set_number(tensor, k, dtype == DTYPE_I64 ? (double)draw(world, 3) : (double)draw(world, 2001) / 1000 - 1);
    return cell_new(name, tensor);
}

static inline Program *compile(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count,
                               const CompileOptions *options) {
    Program *program = compile_graph(world->graph, outputs, output_count, commits, commit_count, options, &world->diagnostics);
    show_diagnostics(world);
    assert_non_null(program);
    return program;
}

static inline void prepare(Program *program, Threads *threads) {
    Fault fault = {0};
    if (!plan_prepare(program->plan, threads, &fault)) fail_msg("%s", fault.message);
}

static inline void run(Program *program) {
    Fault fault = {0};
    if (!plan_run(program->plan, &fault)) fail_msg("%s", fault.message);
}

static inline Program *compile_and_run(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count) {
    Program *program = compile(world, outputs, output_count, commits, commit_count, &CHECKED);
    prepare(program, NULL);
    run(program);
    return program;
}

static inline double output_number(const Program *program, int output, int64_t index) {
    Tensor *tensor = plan_output_tensor(program->plan, output, NULL);
    double value = tensor_number(tensor, index);
    tensor_release(tensor);
    return value;
}

static inline void show_plan(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count) {
    Text text = {0};
    compile_dump(world->graph, outputs, output_count, commits, commit_count, "plan", &world->diagnostics, &text);
    print_message("%s\n", text_string(&text));
    text_free(&text);
}

static inline void fill(Cell *cell, double value) {
    for (int64_t k = 0; k < tensor_count(cell->tensor); k++) tensor_set_number(cell->tensor, k, value + (double)k);
}

static inline int count_labels(const Program *program, const char *part) {
    int count = 0;
    for (int k = 0; k < program->plan->step_count; k++) count += strstr(program->step_labels[k], part) != NULL;
    return count;
}

static inline Node *times(Graph *graph, Node *a, double b) { return build_binary(graph, OP_MUL, a, build_number(graph, b)); }
static inline Node *plus(Graph *graph, Node *a, Node *b) { return build_binary(graph, OP_ADD, a, b); }

#endif
