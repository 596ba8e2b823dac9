/* k v and k^T f(k v) in one reading of k: found where it is right, and the same numbers. */
#include "tests/unit/naive.h"
#include "tests/unit/world.h"

#include "runtime/exec/threads.h"

typedef struct Parts {
    World world;
    Cell *k, *v, *a;
    Node *matrix, *vector, *other, *y;
} Parts;

static void open_parts(Parts *p, DType dtype, int64_t m, int64_t n) {
    world_open(&p->world, dtype);
    p->k = new_cell(&p->world, "k", dtype, shape_2(m, n));
    p->v = new_cell(&p->world, "v", dtype, shape_1(n));
    p->a = new_cell(&p->world, "a", dtype, shape_1(m));
    p->matrix = build_leaf(p->world.graph, p->k);
    p->vector = build_leaf(p->world.graph, p->v);
    p->other = build_leaf(p->world.graph, p->a);
    p->y = build_matmul(p->world.graph, p->matrix, p->vector);
}

static void close_parts(Parts *p) {
    cell_release(p->k), cell_release(p->v), cell_release(p->a);
    world_close(&p->world);
}

/* Programs from y to z. */
static Node *z_same(Parts *p) { return p->y; }
static Node *z_residual(Parts *p) { return build_binary(p->world.graph, OP_SUB, p->y, p->other); }
static Node *z_scaled(Parts *p) { return build_binary(p->world.graph, OP_MUL, p->other, build_unary(p->world.graph, OP_TANH, p->y)); }
static Node *z_quotient(Parts *p) {
    Graph *graph = p->world.graph;
    Node *safe = plus(graph, build_unary(graph, OP_ABS, p->y), build_number(graph, 0.5));
    return times(graph, build_binary(graph, OP_DIV, p->other, safe), 0.25);
}

typedef Node *Middle(Parts *p);
static Middle *const programs[] = {z_same, z_residual, z_scaled, z_quotient};

/* w = k^T z, in the ways that it can be written. */
static Node *w_of(Parts *p, Node *z, int way) {
    Graph *graph = p->world.graph;
    return way == 0 ? build_matmul(graph, build_swap_last(graph, p->matrix), z) : build_matmul(graph, z, p->matrix);
}

static void check_same(DType dtype, int64_t m, int64_t n, Middle *program, int way) {
    Parts p;
    open_parts(&p, dtype, m, n);
    Node *z = program(&p), *roots[] = {w_of(&p, z, way), z};
    Naive naive = naive_run(p.world.graph);
    Program *compiled = compile_and_run(&p.world, roots, 2, NULL, 0);
    assert_int_equal(count_labels(compiled, "sweep"), 1);
    assert_int_equal(count_labels(compiled, "matmul"), 0);
    for (int root = 0; root < 2; root++)
        for (int64_t i = 0; i < shape_count(roots[root]->type.shape); i++) {
            double expected = naive.values[roots[root]->id][i], tolerance = dtype == DTYPE_F64 ? 1e-11 : 2e-3;
            if (fabs(output_number(compiled, root, i) - expected) > tolerance * (1 + fabs(expected)))
                fail_msg("[%d, %d] %s[%d] is %g, expected %g", (int)m, (int)n, root ? "z" : "w", (int)i, output_number(compiled, root, i),
                         expected);
        }
    program_free(compiled);
    naive_free(&naive, p.world.graph);
    close_parts(&p);
}

static void test_values(void **state) {
    (void)state;
    static const int64_t sizes[][2] = {{2, 2}, {3, 5}, {4, 16}, {37, 129}, {130, 33}};
    for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++)
        for (size_t k = 0; k < sizeof programs / sizeof *programs; k++)
            for (int way = 0; way < 2; way++) {
                check_same(DTYPE_F64, sizes[s][0], sizes[s][1], programs[k], way);
                check_same(DTYPE_F32, sizes[s][0], sizes[s][1], programs[k], way);
            }
}

/* Rows are cut into tiles by shapes: any number of threads adds them in the same order. */
static void test_threads(void **state) {
    (void)state;
    Tensor *first = NULL;
    for (int count = 1; count <= 4; count++) {
        Parts p;
        open_parts(&p, DTYPE_F32, 700, 900);
        Node *w = w_of(&p, z_quotient(&p), 0);
        Program *compiled = compile(&p.world, &w, 1, NULL, 0, &CHECKED);
        Threads *threads = threads_new(count);
        prepare(compiled, threads);
        run(compiled);
        Tensor *found = plan_output_tensor(compiled->plan, 0, NULL);
        if (first == NULL) first = found;
        else {
            assert_memory_equal(found->data, first->data, 900 * sizeof(float));
            tensor_release(found);
        }
        program_free(compiled);
        threads_free(threads);
        close_parts(&p);
    }
    tensor_release(first);
}

static int sweeps_of(Parts *p, Node **roots, int count) {
    Program *compiled = compile(&p->world, roots, count, NULL, 0, &CHECKED);
    int found = count_labels(compiled, "sweep");
    program_free(compiled);
    return found;
}

/* Where y is needed for something else, or z mixes rows, or it is not the same matrix, nothing is gained or right. */
static void test_refusals(void **state) {
    (void)state;
    Parts p;
    open_parts(&p, DTYPE_F64, 20, 20);
    Graph *graph = p.world.graph;
    Node *residual = z_residual(&p), *shared[] = {w_of(&p, residual, 0), build_unary(graph, OP_EXP, p.y)};
    assert_int_equal(sweeps_of(&p, shared, 2), 0);
    assert_int_equal(sweeps_of(&p, shared, 1), 1);
    Node *mixed = w_of(&p, build_binary(graph, OP_DIV, p.y, build_sum_all(graph, build_unary(graph, OP_EXP, p.y))), 0);
    assert_int_equal(sweeps_of(&p, &mixed, 1), 0);
    Node *forward = build_matmul(graph, p.matrix, residual); /* k f(k v): not the transpose */
    assert_int_equal(sweeps_of(&p, &forward, 1), 0);
    Node *columns = build_matmul(graph, p.matrix, build_unary(graph, OP_TANH, build_matmul(graph, p.vector, p.matrix))); /* k f(k^T v) */
    assert_int_equal(sweeps_of(&p, &columns, 1), 0);
    close_parts(&p);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
