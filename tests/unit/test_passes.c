/* From graph to plan: random graphs against one node at a time, and identities. */
#include "tests/unit/naive.h"
#include "tests/unit/world.h"

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
    switch (draw(pool->world, 7)) {
    case 5: return build_binary(graph, OP_LESS, x, build_number(graph, 0.1));
    case 6:
        return build_unary(graph, OP_TANH,
                           build_cast(graph,
                                      build_reduce(graph, OP_REDUCE_SUM, build_binary(graph, OP_GREATER, x, build_number(graph, 0)),
                                                   1u & (uint32_t)x->type.shape.rank, true),
                                      x->type.dtype));
    case 0: return build_binary(graph, OP_MUL, x, build_number(graph, (double)draw(pool->world, 3) - 1));
    case 1:
        return build_binary(graph, OP_POW, build_binary(graph, OP_ADD, build_unary(graph, OP_ABS, x), build_number(graph, 0.5)),
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
    const Shape shapes[CELL_COUNT] = {
        shape_scalar(), shape_1(5), shape_2(4, 5), shape_2(4, 1), shape_2(1, 5), shape_2(4, 5), shape_of(3, (int64_t[]){3, 4, 5}),
        shape_2(40, 5), shape_1(4), shape_1(3)};
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
        case 0:
        case 1:
        case 2:
        case 3: node = random_binary(pool); break;
        case 4:
        case 5:
        case 6: node = random_unary(pool); break;
        case 7:
        case 8: node = random_reduce(pool); break;
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
    Node *last = build_full(graph, (Type){DTYPE_I64, shape_2(6, 1)}, 6), *one = build_reduce(graph, OP_REDUCE_MAX, x, 2, true);
    Node *placed = build_scatter(graph, OP_SCATTER_ALONG_ADD, build_zeros_like(graph, x), last, one, 1);
    assert_int_equal(simplified_steps(&world, build_reduce(graph, OP_REDUCE_SUM, placed, 2, true)), 1); /* the maximum */
    cell_release(cell);
    world_close(&world);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_random_unfused),
        cmocka_unit_test(test_strength_zero),
        cmocka_unit_test(test_identities),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
