/* From graph to plan: random graphs against one node at a time, the meaning of commits, and how few kernels come out. */
#include "lang/passes/compile.h"
#include "tests/unit/naive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <cmocka.h>

static const CompileOptions CHECKED = {.verify = true};
static const CompileOptions UNFUSED = {.verify = true, .skip_fusion = true};

typedef struct World {
    Sources sources;
    Diagnostics diagnostics;
    Graph *graph;
    uint64_t seed;
} World;

static void world_open(World *world, DType float_type) {
    *world = (World){.seed = 1};
    world->diagnostics.sources = &world->sources;
    world->graph = graph_new(&world->diagnostics, float_type);
}

static void world_close(World *world) {
    graph_free(world->graph);
    diagnostics_clear(&world->diagnostics);
    sources_free(&world->sources);
}

static void show_diagnostics(const World *world) {
    Text text = {0};
    diagnostics_print(&world->diagnostics, &text, false);
    if (text.length > 0) print_error("%s\n", text_string(&text));
    text_free(&text);
}

static uint64_t draw(World *world, uint64_t bound) {
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % bound;
}

static Cell *new_cell(World *world, const char *name, DType dtype, Shape shape) {
    Tensor *tensor = tensor_new(dtype, shape, NULL);
    for (int64_t k = 0; k < tensor_count(tensor); k++)
        tensor_set_number(tensor, k, dtype == DTYPE_I64 ? (double)draw(world, 3) : (double)draw(world, 2001) / 1000 - 1);
    return cell_new(name, tensor);
}

static Program *compile(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count,
                        const CompileOptions *options) {
    Program *program = compile_graph(world->graph, outputs, output_count, commits, commit_count, options, &world->diagnostics);
    show_diagnostics(world);
    assert_non_null(program);
    return program;
}

static void prepare(Program *program, Threads *threads) {
    Fault fault = {0};
    if (!plan_prepare(program->plan, threads, &fault)) fail_msg("%s", fault.message);
}

static void run(Program *program) {
    Fault fault = {0};
    if (!plan_run(program->plan, &fault)) fail_msg("%s", fault.message);
}

static Program *compile_and_run(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count) {
    Program *program = compile(world, outputs, output_count, commits, commit_count, &CHECKED);
    prepare(program, NULL);
    run(program);
    return program;
}

static double output_number(const Program *program, int output, int64_t index) {
    Tensor *tensor = plan_output_tensor(program->plan, output, NULL);
    double value = tensor_number(tensor, index);
    tensor_release(tensor);
    return value;
}

static void show_plan(World *world, Node **outputs, int output_count, const Commit *commits, int commit_count) {
    Text text = {0};
    compile_dump(world->graph, outputs, output_count, commits, commit_count, "plan", &world->diagnostics, &text);
    print_message("%s\n", text_string(&text));
    text_free(&text);
}

/* ---- random graphs ------------------------------------------------------------------------------------------------------ */

enum { POOL_MAX = 160, CELL_COUNT = 10, ROOT_COUNT = 4 };

typedef struct Pool {
    World *world;
    Node *nodes[POOL_MAX];
    int count;
    Cell *cells[CELL_COUNT];
} Pool;

static Node *pick(Pool *pool, DType dtype) {
    for (;;) {
        Node *node = pool->nodes[draw(pool->world, (uint64_t)pool->count)];
        if (node->type.dtype == dtype) return node;
    }
}

static Node *pick_float(Pool *pool) { return pick(pool, pool->world->graph->float_type); }

/* A node of rank 2 or more, first size longer than 2. */
static Node *pick_rows(Pool *pool) {
    for (;;) {
        Node *node = pick_float(pool);
        if (node->type.shape.rank >= 2 && node->type.shape.dims[0] > 2) return node;
    }
}

static Node *random_binary(Pool *pool) {
    static const OpCode ops[] = {OP_ADD, OP_SUB, OP_MUL, OP_MAX, OP_MIN, OP_ADD, OP_MUL};
    Graph *graph = pool->world->graph;
    for (;;) {
        Node *a = pick_float(pool), *b = pick_float(pool);
        Shape shape;
        if (!shape_broadcast(a->type.shape, b->type.shape, &shape) || shape_count(shape) > 4000) continue;
        if (draw(pool->world, 5) == 0)
            return build_ternary(graph, OP_WHERE, build_binary(graph, OP_GREATER, a, b), a, build_number(graph, 0.25));
        return build_unary(graph, OP_TANH, build_binary(graph, ops[draw(pool->world, 7)], a, b));
    }
}

static Node *random_unary(Pool *pool) {
    static const OpCode ops[] = {OP_NEG, OP_ABS, OP_TANH, OP_EXP, OP_SIGMOID, OP_RELU};
    Graph *graph = pool->world->graph;
    Node *x = pick_float(pool);
    switch (draw(pool->world, 5)) {
    case 0: return build_binary(graph, OP_MUL, x, build_number(graph, (double)draw(pool->world, 3) - 1));
    case 1: return build_binary(graph, OP_POW, build_binary(graph, OP_ADD, build_unary(graph, OP_ABS, x), build_number(graph, 0.5)),
                                build_number(graph, (double)draw(pool->world, 5) / 2 - 1));
    case 2: return build_cast(graph, build_cast(graph, build_binary(graph, OP_MUL, x, build_number(graph, 4)), DTYPE_I64), x->type.dtype);
    default: return build_unary(graph, OP_TANH, build_unary(graph, ops[draw(pool->world, 6)], x));
    }
}

static Node *random_reduce(Pool *pool) {
    static const OpCode ops[] = {OP_REDUCE_SUM, OP_REDUCE_MAX, OP_REDUCE_MIN, OP_REDUCE_SUM};
    Node *x = pick_float(pool);
    uint32_t axes = (uint32_t)draw(pool->world, 1u << x->type.shape.rank);
    return build_unary(pool->world->graph, OP_TANH,
                       build_reduce(pool->world->graph, ops[draw(pool->world, 4)], x, axes, draw(pool->world, 2) == 0));
}

static Node *random_move(Pool *pool) {
    Graph *graph = pool->world->graph;
    Node *x = pick_float(pool);
    int rank = x->type.shape.rank;
    int64_t start[RANK_MAX] = {0}, stop[RANK_MAX], step[RANK_MAX];
    int permutation[RANK_MAX];
    for (int k = 0; k < rank; k++) {
        permutation[k] = rank - 1 - k;
        step[k] = 1 + (int64_t)draw(pool->world, 2);
        stop[k] = x->type.shape.dims[k];
        start[k] = stop[k] > 1 ? (int64_t)draw(pool->world, 2) : 0;
    }
    switch (draw(pool->world, 7)) {
    case 0: return build_transpose(graph, x, permutation);
    case 1: return build_slice(graph, x, start, stop, step);
    case 2: return build_reshape(graph, x, shape_1(shape_count(x->type.shape)));
    case 3: return build_expand(graph, x, (int)draw(pool->world, (uint64_t)rank + 1));
    case 4: return rank > 0 ? build_flip(graph, x, (int)draw(pool->world, (uint64_t)rank)) : x;
    case 5: return rank > 0 ? build_concat(graph, (Node *[]){x, x}, 2, (int)draw(pool->world, (uint64_t)rank)) : x;
    default: return build_stop(graph, x);
    }
}

static Node *random_product(Pool *pool) {
    Graph *graph = pool->world->graph;
    for (int attempt = 0; attempt < 50; attempt++) {
        Node *a = pick_float(pool), *b = pick_float(pool);
        if (a->type.shape.rank != 2 || b->type.shape.rank != 2) continue;
        if (draw(pool->world, 2)) a = build_swap_last(graph, a);
        if (draw(pool->world, 2)) b = build_swap_last(graph, b);
        if (a->type.shape.dims[1] == b->type.shape.dims[0])
            return build_unary(graph, OP_TANH, build_swap_last(graph, build_matmul(graph, a, b)));
    }
    return pick_float(pool);
}

static Node *random_rows(Pool *pool) {
    Graph *graph = pool->world->graph;
    Node *x = pick_rows(pool), *index = pick(pool, DTYPE_I64); /* entries 0 .. 2 */
    Node *rows = build_gather(graph, x, index, 0);
    if (draw(pool->world, 2)) return rows;
    return build_scatter(graph, draw(pool->world, 2) ? OP_SCATTER_SET : OP_SCATTER_ADD, x, index, build_unary(graph, OP_NEG, rows), 0);
}

static void open_pool(Pool *pool, World *world) {
    *pool = (Pool){.world = world};
    DType f = world->graph->float_type;
    const Shape shapes[CELL_COUNT] = {shape_scalar(), shape_1(5), shape_2(4, 5), shape_2(4, 1), shape_2(1, 5), shape_2(4, 5),
                                      shape_of(3, (int64_t[]){3, 4, 5}), shape_2(40, 5), shape_1(4), shape_1(3)};
    for (int k = 0; k < CELL_COUNT; k++) {
        char name[16];
        snprintf(name, sizeof name, "c%d", k);
        pool->cells[k] = new_cell(world, name, k == CELL_COUNT - 1 ? DTYPE_I64 : f, shapes[k]);
        pool->nodes[pool->count++] = build_leaf(world->graph, pool->cells[k]);
    }
    pool->nodes[pool->count++] = build_number(world->graph, 0.5);
    pool->nodes[pool->count++] = build_full(world->graph, (Type){f, shape_2(4, 5)}, 0.125);
    pool->nodes[pool->count++] = build_cast(world->graph, build_iota(world->graph, DTYPE_I64, shape_2(4, 5), 1), f);
}

static void grow_pool(Pool *pool, int size) {
    while (pool->count < size) {
        Node *node = NULL;
        switch (draw(pool->world, 12)) {
        case 0: case 1: case 2: case 3: node = random_binary(pool); break;
        case 4: case 5: case 6: node = random_unary(pool); break;
        case 7: case 8: node = random_reduce(pool); break;
        case 9: node = random_move(pool); break;
        case 10: node = random_product(pool); break;
        default: node = random_rows(pool); break;
        }
        show_diagnostics(pool->world);
        assert_non_null(node);
        if (node->type.shape.rank < 5 && shape_count(node->type.shape) <= 4000) pool->nodes[pool->count++] = node;
    }
}

/* Outputs, and commits of values that happen to have the type of a cell. */
typedef struct Roots {
    Node *outputs[ROOT_COUNT];
    Commit commits[CELL_COUNT];
    int commit_count;
} Roots;

static void choose_roots(Pool *pool, Roots *roots) {
    *roots = (Roots){0};
    for (int k = 0; k < ROOT_COUNT; k++) roots->outputs[k] = pool->nodes[draw(pool->world, (uint64_t)pool->count)];
    for (int k = 0; k < CELL_COUNT - 1; k++)
        for (int attempt = 0; attempt < 40; attempt++) {
            Node *node = pool->nodes[draw(pool->world, (uint64_t)pool->count)];
            const Tensor *tensor = pool->cells[k]->tensor;
            if (node->type.dtype != tensor->dtype || !shape_equal(node->type.shape, tensor->shape)) continue;
            roots->commits[roots->commit_count++] = (Commit){pool->cells[k], node};
            break;
        }
}

static void check_tensor(const Tensor *tensor, const double *expected, double tolerance, const char *what, uint64_t seed) {
    for (int64_t k = 0; k < tensor_count(tensor); k++) {
        double found = tensor_number(tensor, k);
        if (fabs(found - expected[k]) > tolerance * (1 + fabs(expected[k])))
            fail_msg("seed %llu: %s [%lld] is %.17g, expected %.17g", (unsigned long long)seed, what, (long long)k, found, expected[k]);
    }
}

static void check_random(uint64_t seed, int size, const CompileOptions *options, Threads *threads) {
    World world;
    world_open(&world, DTYPE_F64);
    world.seed = seed;
    Pool pool;
    Roots roots;
    open_pool(&pool, &world);
    grow_pool(&pool, size);
    choose_roots(&pool, &roots);
    Naive naive = naive_run(world.graph);
    Program *program = compile(&world, roots.outputs, ROOT_COUNT, roots.commits, roots.commit_count, options);
    prepare(program, threads);
    Fault fault = {0};
    assert_true(plan_run_range(program->plan, 0, program->plan->commit_start, &fault)); /* harmless before the real run */
    run(program);
    for (int k = 0; k < ROOT_COUNT; k++) {
        Tensor *tensor = plan_output_tensor(program->plan, k, NULL);
        assert_true(shape_equal(tensor->shape, roots.outputs[k]->type.shape));
        check_tensor(tensor, naive.values[roots.outputs[k]->id], 1e-9, "output", seed);
        tensor_release(tensor);
    }
    for (int k = 0; k < roots.commit_count; k++)
        check_tensor(roots.commits[k].cell->tensor, naive.values[roots.commits[k].value->id], 1e-9, roots.commits[k].cell->name, seed);
    naive_free(&naive, world.graph);
    program_free(program);
    for (int k = 0; k < CELL_COUNT; k++) cell_release(pool.cells[k]);
    world_close(&world);
}

static void test_random_graphs(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 1000; seed++) check_random(seed, 20 + (int)(seed % 120), &CHECKED, NULL);
}

static void test_random_unfused(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 60; seed++) check_random(seed, 20 + (int)(seed % 120), &UNFUSED, NULL);
}

/* ---- commits ------------------------------------------------------------------------------------------------------------ */

static void fill(Cell *cell, double value) {
    for (int64_t k = 0; k < tensor_count(cell->tensor); k++) tensor_set_number(cell->tensor, k, value + (double)k);
}

static int count_labels(const Program *program, const char *part) {
    int count = 0;
    for (int k = 0; k < program->plan->step_count; k++) count += strstr(program->step_labels[k], part) != NULL;
    return count;
}

static void test_swap(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Cell *a = new_cell(&world, "a", DTYPE_F32, shape_1(3)), *b = new_cell(&world, "b", DTYPE_F32, shape_1(3));
    fill(a, 10), fill(b, 20);
    Node *x = build_leaf(world.graph, a), *y = build_leaf(world.graph, b);
    Commit commits[] = {{a, y}, {b, x}};
    Program *program = compile_and_run(&world, &x, 1, commits, 2);
    assert_true(tensor_number(a->tensor, 1) == 21 && tensor_number(b->tensor, 1) == 11);
    assert_true(output_number(program, 0, 1) == 11); /* the value from before the step */
    program_free(program);
    cell_release(a), cell_release(b);
    world_close(&world);
}

/* Each reads the other's old value, transposed, so that neither may be overwritten first. */
static void test_crossed_updates(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Cell *a = new_cell(&world, "a", DTYPE_F64, shape_2(40, 40)), *b = new_cell(&world, "b", DTYPE_F64, shape_2(40, 40));
    fill(a, 0), fill(b, 5000);
    Node *x = build_leaf(world.graph, a), *y = build_leaf(world.graph, b), *one = build_number(world.graph, 1);
    Commit commits[] = {{a, build_binary(world.graph, OP_ADD, build_swap_last(world.graph, y), one)},
                        {b, build_binary(world.graph, OP_SUB, build_swap_last(world.graph, x), one)}};
    Program *program = compile_and_run(&world, NULL, 0, commits, 2);
    assert_true(tensor_number(a->tensor, 3) == 5000 + 120 + 1);
    assert_true(tensor_number(b->tensor, 3) == 120 - 1);
    program_free(program);
    cell_release(a), cell_release(b);
    world_close(&world);
}

typedef struct Adam {
    Cell *w, *m, *v, *step;
} Adam;

static Node *times(Graph *graph, Node *a, double b) { return build_binary(graph, OP_MUL, a, build_number(graph, b)); }
static Node *plus(Graph *graph, Node *a, Node *b) { return build_binary(graph, OP_ADD, a, b); }

static int adam_commits(Graph *graph, const Adam *adam, Node *g, Node *rate, Commit *commits) {
    Node *w = build_leaf(graph, adam->w), *m = build_leaf(graph, adam->m), *v = build_leaf(graph, adam->v);
    m = plus(graph, times(graph, m, 0.9), times(graph, g, 0.1));
    v = plus(graph, times(graph, v, 0.999), times(graph, build_binary(graph, OP_MUL, g, g), 0.001));
    Node *change = build_binary(graph, OP_DIV, build_binary(graph, OP_MUL, m, rate),
                                plus(graph, build_unary(graph, OP_SQRT, v), build_number(graph, 1e-8)));
    commits[0] = (Commit){adam->w, build_binary(graph, OP_SUB, w, change)};
    commits[1] = (Commit){adam->m, m};
    commits[2] = (Commit){adam->v, v};
    return 3;
}

static Node *adam_rate(Graph *graph, Node *step) {
    Node *one = build_number(graph, 1);
    Node *t = build_cast(graph, step, graph->float_type);
    Node *second = build_binary(graph, OP_SUB, one, build_binary(graph, OP_POW, build_number(graph, 0.999), t));
    Node *first = build_binary(graph, OP_SUB, one, build_binary(graph, OP_POW, build_number(graph, 0.9), t));
    return build_binary(graph, OP_DIV, times(graph, build_unary(graph, OP_SQRT, second), 1e-3), first);
}

static void test_adam_in_place(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Shape shape = shape_2(300, 20);
    Adam adam = {new_cell(&world, "w", DTYPE_F32, shape), new_cell(&world, "m", DTYPE_F32, shape), new_cell(&world, "v", DTYPE_F32, shape),
                 new_cell(&world, "step", DTYPE_I64, shape_scalar())};
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(30, 300)), *dy = new_cell(&world, "dy", DTYPE_F32, shape_2(30, 20));
    fill(adam.m, 0), fill(adam.v, 0), fill(adam.step, 0);
    Node *step = plus(graph, build_leaf(graph, adam.step), build_integer(graph, 1));
    Node *g = build_matmul(graph, build_swap_last(graph, build_leaf(graph, x)), build_leaf(graph, dy));
    Commit commits[4];
    int count = adam_commits(graph, &adam, g, adam_rate(graph, step), commits);
    commits[count++] = (Commit){adam.step, step};
    double w0 = tensor_number(adam.w->tensor, 7), m0 = tensor_number(adam.m->tensor, 7), v0 = tensor_number(adam.v->tensor, 7);
    Program *program = compile(&world, &g, 1, commits, count, &CHECKED);
    prepare(program, NULL);
    run(program);
    if (program->plan->step_count > 5) show_plan(&world, &g, 1, commits, count);
    assert_true(program->plan->step_count <= 5); /* product, scalars, one update, the step's counter */
    assert_int_equal(count_labels(program, "matmul"), 1);
    double gradient = output_number(program, 0, 7), m = 0.9 * m0 + 0.1 * gradient, v = 0.999 * v0 + 0.001 * gradient * gradient;
    double rate = 1e-3 * sqrt(1 - 0.999) / (1 - 0.9);
    assert_true(fabs(tensor_number(adam.m->tensor, 7) - m) < 1e-5);
    assert_true(fabs(tensor_number(adam.w->tensor, 7) - (w0 - rate * m / (sqrt(v) + 1e-8))) < 1e-5);
    assert_true(tensor_number(adam.step->tensor, 0) == 1);
    program_free(program);
    cell_release(adam.w), cell_release(adam.m), cell_release(adam.v), cell_release(adam.step), cell_release(x), cell_release(dy);
    world_close(&world);
}

/* t[i] <- 0.7 t[i] + 0.3 p: in place, and the rows read are the old ones. */
static void test_table(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *table = new_cell(&world, "t", DTYPE_F32, shape_2(100, 4)), *p = new_cell(&world, "p", DTYPE_F32, shape_2(3, 4));
    Cell *index = new_cell(&world, "i", DTYPE_I64, shape_1(3));
    fill(index, 5), fill(table, 0), fill(p, 1000);
    Node *t = build_leaf(graph, table), *i = build_leaf(graph, index);
    Node *rows = build_gather(graph, t, i, 0);
    Node *fresh = plus(graph, times(graph, rows, 0.5), times(graph, build_leaf(graph, p), 0.5));
    Commit commit = {table, build_scatter(graph, OP_SCATTER_SET, t, i, fresh, 0)};
    Node *sum = build_sum_all(graph, rows);
    Program *program = compile_and_run(&world, &sum, 1, &commit, 1);
    assert_true(tensor_number(table->tensor, 20) == (20 + 1000) / 2.0);
    assert_true(tensor_number(table->tensor, 19) == 19 && tensor_number(table->tensor, 32) == 32);
    assert_int_equal(count_labels(program, "copy"), 0);
    assert_true(program->plan->slab_bytes < 100 * 4 * 4); /* no second table */
    program_free(program);
    cell_release(table), cell_release(p), cell_release(index);
    world_close(&world);
}

static void test_plain_outputs(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *a = new_cell(&world, "a", DTYPE_F32, shape_2(2, 3));
    fill(a, 1);
    Node *leaf = build_leaf(graph, a), *empty = build_slice(graph, leaf, (int64_t[]){0, 0}, (int64_t[]){0, 3}, (int64_t[]){1, 1});
    Node *outputs[] = {leaf, leaf, build_number(graph, 3), build_reshape(graph, leaf, shape_1(6)), build_sum_all(graph, leaf),
                       empty, build_full(graph, (Type){DTYPE_I64, shape_2(2, 2)}, 7), build_sum_all(graph, empty),
                       build_unary(graph, OP_EXP, empty)};
    Program *program = compile_and_run(&world, outputs, 9, NULL, 0);
    assert_true(output_number(program, 0, 5) == 6 && output_number(program, 1, 0) == 1 && output_number(program, 2, 0) == 3);
    assert_true(output_number(program, 3, 4) == 5 && output_number(program, 4, 0) == 21);
    assert_true(output_number(program, 6, 3) == 7 && output_number(program, 7, 0) == 0);
    assert_int_equal(shape_count(plan_output(program->plan, 5).shape), 0);
    program_free(program);
    cell_release(a);
    world_close(&world);
}

/* x <- x / 2 + c until x < 1.1, at most 50 times; with a twin that records. */
static void test_loop(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F64);
    Graph *graph = world.graph;
    Cell *x = new_cell(&world, "x", DTYPE_F64, shape_scalar()), *c = new_cell(&world, "c", DTYPE_F64, shape_scalar());
    Cell *captured = cell_new("c", tensor_scalar(DTYPE_F64, 0)), *carry = cell_new("x", tensor_scalar(DTYPE_F64, 0));
    fill(x, 9), fill(c, 0.5);
    Graph *inner = graph_new_body(graph);
    Node *leaf = build_leaf(inner, carry), *next = plus(inner, times(inner, leaf, 0.5), build_leaf(inner, captured));
    LoopBody body = {.graph = inner, .captured_cells = &captured, .captured_count = 1, .carry_cells = &carry, .carry_count = 1,
                     .condition = build_binary(inner, OP_LESS, leaf, build_number(inner, 1.1)), .next = &next, .max = 50};
    NodeSpec spec = {.op = OP_LOOP, .inputs = {build_leaf(graph, c), build_leaf(graph, x)}, .input_count = 2, .int_count = 1,
                     .loop = &body};
    Node *plain = graph_add(graph, &spec);
    spec.ints[0] = 1;
    Node *recorded = graph_add(graph, &spec);
    Node *outputs[] = {times(graph, build_part(graph, plain, 0), 2), build_part(graph, plain, 1), build_part(graph, recorded, 2)};
    Program *program = compile_and_run(&world, outputs, 3, NULL, 0);
    assert_int_equal(count_labels(program, "loop"), 1);
    assert_true(output_number(program, 0, 0) == 2 * (1 + 8.0 / 128)); /* 1 + 8 / 2^7 is the first below 1.1 */
    assert_true(output_number(program, 1, 0) == 7);
    assert_true(output_number(program, 2, 0) == 9 && output_number(program, 2, 1) == 5 && output_number(program, 2, 8) == 0);
    program_free(program);
    cell_release(x), cell_release(c), cell_release(captured), cell_release(carry);
    world_close(&world);
}

static void test_several_results(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(3, 40));
    Node *values = build_unary(graph, OP_NEG, build_leaf(graph, x));
    Node *sorted = build_full_call(graph, OP_SORT, &values, 1, (int64_t[]){1, 0}, 2, NULL);
    Node *outputs[] = {build_part(graph, sorted, 0), build_gather_along(graph, values, build_part(graph, sorted, 1), 1)};
    Node *index_only = build_part(graph, build_full_call(graph, OP_SORT, &values, 1, (int64_t[]){1, 1}, 2, NULL), 1);
    Program *program = compile_and_run(&world, (Node *[]){outputs[0], outputs[1], index_only}, 3, NULL, 0);
    for (int64_t k = 0; k < 120; k++) {
        assert_true(output_number(program, 0, k) == output_number(program, 1, k));
        assert_true(k % 40 == 0 || output_number(program, 0, k - 1) <= output_number(program, 0, k));
    }
    program_free(program);
    cell_release(x);
    world_close(&world);
}

/* ---- identities --------------------------------------------------------------------------------------------------------- */

static void test_strength_zero(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(50, 50));
    Node *leaf = build_leaf(graph, x), *loss = build_sum_all(graph, build_unary(graph, OP_EXP, leaf));
    Node *penalty = build_sum_all(graph, build_matmul(graph, leaf, build_unary(graph, OP_LOG, leaf)));
    Node *with = plus(graph, loss, times(graph, penalty, 0));
    Program *program = compile(&world, &with, 1, NULL, 0, &CHECKED), *bare = compile(&world, &loss, 1, NULL, 0, &CHECKED);
    assert_int_equal(program->plan->step_count, bare->plan->step_count);
    assert_int_equal(program->plan->step_count, 1);
    program_free(program), program_free(bare);
    cell_release(x);
    world_close(&world);
}

static int simplified_steps(World *world, Node *node) {
    Program *program = compile(world, &node, 1, NULL, 0, &UNFUSED);
    int steps = program->plan->step_count;
    program_free(program);
    return steps;
}

static void test_identities(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(6, 7));
    Node *x = build_leaf(graph, cell), *zero = build_number(graph, 0);
    assert_int_equal(simplified_steps(&world, plus(graph, times(graph, x, 1), zero)), 0);
    assert_int_equal(simplified_steps(&world, build_unary(graph, OP_NEG, build_unary(graph, OP_NEG, x))), 0);
    assert_int_equal(simplified_steps(&world, build_swap_last(graph, build_swap_last(graph, x))), 0);
    assert_int_equal(simplified_steps(&world, build_matmul(graph, build_swap_last(graph, x), x)), 1);
    assert_int_equal(simplified_steps(&world, build_swap_last(graph, build_matmul(graph, build_swap_last(graph, x), x))), 1);
    assert_int_equal(simplified_steps(&world, build_binary(graph, OP_POW, x, build_number(graph, 2))), 1);
    assert_int_equal(simplified_steps(&world, build_expand(graph, build_reshape(graph, x, shape_1(42)), 0)), 0);
    assert_int_equal(simplified_steps(&world, build_cast(graph, build_cast(graph, x, DTYPE_F64), DTYPE_F32)), 0);
    assert_int_equal(simplified_steps(&world, build_unary(graph, OP_EXP, build_unary(graph, OP_LGAMMA, build_number(graph, 3.5)))), 0);
    assert_int_equal(simplified_steps(&world, build_stop(graph, x)), 0);
    cell_release(cell);
    world_close(&world);
}

/* ---- fusion ------------------------------------------------------------------------------------------------------------- */

/* Forward and backward of softmax cross-entropy over [128, 10], written out. */
static void test_cross_entropy(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *logits = new_cell(&world, "z", DTYPE_F32, shape_2(128, 10)), *labels = new_cell(&world, "y", DTYPE_I64, shape_1(128));
    Node *z = build_leaf(graph, logits), *target = build_one_hot(graph, build_leaf(graph, labels), 10);
    Node *log_p = build_log_softmax(graph, z, 1);
    Node *loss = build_unary(graph, OP_NEG, build_mean(graph, build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, target, log_p), 2, false), 1, false));
    Node *gradient = times(graph, build_binary(graph, OP_SUB, build_softmax(graph, z, 1), target), 1.0 / 128);
    Node *outputs[] = {loss, gradient, build_reduce(graph, OP_REDUCE_SUM, gradient, 1, false)};
    Program *program = compile_and_run(&world, outputs, 3, NULL, 0);
    if (program->plan->step_count > 8) show_plan(&world, outputs, 3, NULL, 0);
    assert_true(program->plan->step_count <= 8);
    double sum = 0;
    for (int64_t k = 0; k < 10; k++) sum += output_number(program, 2, k);
    assert_true(fabs(sum) < 1e-6);
    program_free(program);
    cell_release(logits), cell_release(labels);
    world_close(&world);
}

/* The same bits for any number of threads, and with or without fusion. */
static void test_same_bits(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    Cell *cell = new_cell(&world, "x", DTYPE_F32, shape_2(700, 190));
    Node *x = build_leaf(graph, cell), *e = build_unary(graph, OP_EXP, x);
    Node *bias = build_reduce(graph, OP_REDUCE_MAX, x, 1, true);
    Node *outputs[] = {build_sum_all(graph, e), build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_MUL, e, bias), 1, false),
                       build_reduce(graph, OP_REDUCE_SUM, e, 2, false), build_softmax(graph, x, 1)};
    Tensor *expected[4] = {0};
    for (int variant = 0; variant < 4; variant++) {
        Program *program = compile(&world, outputs, 4, NULL, 0, variant == 3 ? &UNFUSED : &CHECKED);
        Threads *threads = variant == 0 ? NULL : threads_new(variant == 2 ? 4 : 2);
        prepare(program, threads);
        run(program);
        for (int k = 0; k < 4; k++) {
            Tensor *found = plan_output_tensor(program->plan, k, NULL);
            if (variant > 0 && memcmp(found->data, expected[k]->data, tensor_bytes(found)) != 0) fail_msg("variant %d output %d differs", variant, k);
            if (variant > 0) tensor_release(found);
            else expected[k] = found;
        }
        program_free(program);
        if (threads != NULL) threads_free(threads);
    }
    for (int k = 0; k < 4; k++) tensor_release(expected[k]);
    cell_release(cell);
    world_close(&world);
}

/* A long graph compiles in near linear time. */
static void test_compile_time(void **state) {
    (void)state;
    World world;
    world_open(&world, DTYPE_F32);
    Graph *graph = world.graph;
    enum { LAYERS = 800 };
    static Commit commits[LAYERS];
    Cell *x = new_cell(&world, "x", DTYPE_F32, shape_2(64, 32));
    Node *h = build_leaf(graph, x);
    for (int k = 0; k < LAYERS; k++) {
        Cell *w = new_cell(&world, "w", DTYPE_F32, shape_2(32, 32));
        Node *leaf = build_leaf(graph, w), *product = build_matmul(graph, h, leaf);
        h = build_softmax(graph, plus(graph, build_unary(graph, OP_TANH, product), build_reduce(graph, OP_REDUCE_SUM, leaf, 1, true)), 1);
        Node *g = build_matmul(graph, build_swap_last(graph, product), h);
        commits[k] = (Commit){w, build_binary(graph, OP_SUB, leaf, times(graph, g, 0.1 + k))};
        cell_release(w);
    }
    Node *loss = build_sum_all(graph, h);
    struct timespec begin, end;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    Program *program = compile(&world, &loss, 1, commits, LAYERS, &(CompileOptions){.verify = false});
    clock_gettime(CLOCK_MONOTONIC, &end);
    double seconds = (double)(end.tv_sec - begin.tv_sec) + 1e-9 * (double)(end.tv_nsec - begin.tv_nsec);
    print_message("%zu nodes, %d steps, %zu slab bytes, compiled in %.3f s\n", graph->node_count, program->plan->step_count,
                  program->plan->slab_bytes, seconds);
    assert_true(seconds < 2);
    program_free(program);
    cell_release(x);
    world_close(&world);
}

int main(int argc, char **argv) {
    if (argc > 1) {
        uint64_t seed = strtoull(argv[1], NULL, 10);
        check_random(seed, 20 + (int)(seed % 120), &CHECKED, NULL);
        return 0;
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs), cmocka_unit_test(test_random_unfused), cmocka_unit_test(test_swap),
        cmocka_unit_test(test_crossed_updates), cmocka_unit_test(test_adam_in_place), cmocka_unit_test(test_table),
        cmocka_unit_test(test_plain_outputs), cmocka_unit_test(test_loop), cmocka_unit_test(test_several_results),
        cmocka_unit_test(test_strength_zero), cmocka_unit_test(test_identities),
        cmocka_unit_test(test_cross_entropy), cmocka_unit_test(test_same_bits), cmocka_unit_test(test_compile_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
