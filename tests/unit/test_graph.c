/* Graphs and builders: structural identity, promotion, broadcasting, messages, einsum against a loop over all labels. */
#include "lang/graph/build.h"
#include "runtime/base/memory.h"
#include "tests/unit/evaluate.h"

#include <ctype.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Setting {
    Sources sources;
    Diagnostics diagnostics;
    Graph *graph;
} Setting;

static int open_setting(void **state) {
    Setting *s = allocate(sizeof *s);
    s->diagnostics.sources = &s->sources;
    sources_add(&s->sources, "", "", 0);
    s->graph = graph_new(&s->diagnostics, DTYPE_F32);
    *state = s;
    return 0;
}

static int close_setting(void **state) {
    Setting *s = *state;
    graph_free(s->graph);
    diagnostics_clear(&s->diagnostics);
    free(s->diagnostics.items);
    sources_free(&s->sources);
    free(s);
    return 0;
}

static Node *leaf(Setting *s, DType dtype, int rank, const int64_t *dims) {
    Tensor *tensor = tensor_zeros(dtype, shape_of(rank, dims), NULL);
    for (int64_t k = 0; k < tensor_count(tensor); k++) tensor_set_number(tensor, k, (double)(k * 7 % 11) - 4);
    Cell *cell = cell_new("x", tensor);
    Node *node = build_leaf(s->graph, cell);
    cell_release(cell);
    return node;
}
#define LEAF(dtype, ...) leaf(s, dtype, sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t), (int64_t[]){__VA_ARGS__})

static void expect_error(Setting *s, Node *node, const char *part) {
    Text text = {0};
    diagnostics_print(&s->diagnostics, &text, false);
    if (node || s->diagnostics.error_count != 1 || !strstr(text_string(&text), part)) {
        print_error("expected one error with \"%s\", found:\n%s\n", part, text_string(&text));
        fail();
    }
    text_free(&text);
    diagnostics_clear(&s->diagnostics);
}

static void test_equal_nodes_are_one(void **state) {
    Setting *s = *state;
    Graph *g = s->graph;
    Node *x = LEAF(DTYPE_F32, 2, 3), *y = LEAF(DTYPE_F32, 2, 3);
    assert_ptr_equal(build_binary(g, OP_ADD, x, y), build_binary(g, OP_ADD, x, y));
    assert_ptr_not_equal(build_binary(g, OP_ADD, x, y), build_binary(g, OP_ADD, y, x));
    assert_ptr_equal(build_number(g, 2), build_number(g, 2));
    assert_ptr_not_equal(build_number(g, 2), build_integer(g, 2));
    assert_ptr_not_equal(build_number(g, 0.0), build_number(g, -0.0));
    assert_ptr_not_equal(build_reduce(g, OP_REDUCE_SUM, x, 1, true), build_reduce(g, OP_REDUCE_SUM, x, 2, true));
    for (int k = 0; k < 2000; k++) build_binary(g, OP_MUL, x, build_number(g, k));
    size_t count = g->node_count;
    for (int k = 0; k < 2000; k++) build_binary(g, OP_MUL, x, build_number(g, k));
    assert_int_equal(count, g->node_count);
    for (size_t k = 0; k < g->node_count; k++)
        for (int j = 0; j < g->nodes[k]->input_count; j++) assert_true(g->nodes[k]->inputs[j]->id < g->nodes[k]->id);
}

static void test_promotion(void **state) {
    Setting *s = *state;
    Graph *g = s->graph;
    Node *f32 = LEAF(DTYPE_F32, 3), *f64 = LEAF(DTYPE_F64, 3), *i64 = LEAF(DTYPE_I64, 3), *truth = LEAF(DTYPE_BOOL, 3);
    Node *half = build_number(g, 0.5), *two = build_integer(g, 2);
    struct {
        Node *node;
        DType dtype;
    } cases[] = {
        {build_binary(g, OP_ADD, f32, f64), DTYPE_F64},
        {build_binary(g, OP_ADD, i64, f32), DTYPE_F32},
        {build_binary(g, OP_MUL, f64, half), DTYPE_F64},
        {build_binary(g, OP_MUL, i64, half), DTYPE_F32},
        {build_binary(g, OP_MUL, f32, two), DTYPE_F32},
        {build_binary(g, OP_MUL, i64, two), DTYPE_I64},
        {build_binary(g, OP_ADD, truth, truth), DTYPE_I64},
        {build_binary(g, OP_ADD, truth, half), DTYPE_F32},
        {build_binary(g, OP_DIV, i64, i64), DTYPE_F32},
        {build_binary(g, OP_LESS, i64, half), DTYPE_BOOL},
        {build_unary(g, OP_EXP, i64), DTYPE_F32},
        {build_ternary(g, OP_WHERE, truth, f64, two), DTYPE_F64},
        {build_binary(g, OP_MUL, f64, build_binary(g, OP_DIV, build_number(g, 1), build_number(g, 3))), DTYPE_F64},
        {build_mean(g, i64, 1, false), DTYPE_F32},
        {build_binary(g, OP_POW, i64, two), DTYPE_F32},
    };
    for (size_t k = 0; k < sizeof cases / sizeof *cases; k++) assert_int_equal(cases[k].node->type.dtype, cases[k].dtype);
    /* a weak number meets f64 without having been rounded to f32 */
    Tensor *value = evaluate_one(g, build_binary(g, OP_ADD, build_binary(g, OP_SUB, f64, f64), build_number(g, 0.1)), NULL);
    assert_true(tensor_number(value, 0) == 0.1);
    tensor_release(value);
}

static void test_messages(void **state) {
    Setting *s = *state;
    Graph *g = s->graph;
    Node *x = LEAF(DTYPE_F32, 32, 10), *y = LEAF(DTYPE_F32, 32, 9), *truth = LEAF(DTYPE_BOOL, 32);
    expect_error(s, build_binary(g, OP_ADD, x, y), "shapes [32, 10] and [32, 9] do not broadcast");
    expect_error(s, build_matmul(g, x, y), "shapes [32, 10] and [32, 9] do not fit a matrix product");
    expect_error(s, build_reduce(g, OP_REDUCE_SUM, x, 4, false), "axis 2 is out of range for the shape [32, 10]");
    expect_error(s, build_softmax(g, x, -3), "axis -3 is out of range");
    expect_error(s, build_select(g, x, 1, 10), "index 10 is out of range for axis 1 of [32, 10]");
    expect_error(s, build_reshape(g, x, shape_2(32, 11)), "cannot reshape [32, 10] (320 elements) to [32, 11] (352 elements)");
    expect_error(s, build_binary(g, OP_AND, truth, x), "'and' needs true or false");
    expect_error(s, build_gather(g, x, x, 0), "an index must be whole numbers (i64), found f32");
    expect_error(s, build_concat(g, (Node *[]){x, y}, 2, 0), "shapes [32, 10] and [32, 9] cannot be joined along axis 0");
    expect_error(s, build_einsum(g, "ij,jk->ik", (Node *[]){x, y}, 2), "'j' is 10 in one place and 32 in another");
    expect_error(s, build_einsum(g, "ij,ij->ii", (Node *[]){x, x}, 2), "'i' stands twice in the result");
    expect_error(s, build_einsum(g, "ij->ik", &x, 1), "'k' is in the result but in no operand");
    expect_error(s, build_einsum(g, "ij,ij", &x, 1), "names more operands than the 1 given");
    expect_error(s, build_einsum(g, "ijk", &x, 1), "operand 1 has 3 labels but the shape [32, 10]");
    expect_error(s, build_einsum(g, "i;j", &x, 1), "an equation holds letters");
    Node *matrix = LEAF(DTYPE_F32, 2, 3);
    expect_error(s, build_full_call(g, OP_CHOLESKY, &matrix, 1, NULL, 0, NULL),
                 "'cholesky' needs square matrices [..., n, n], found [2, 3]");
}

static void test_dump(void **state) {
    Setting *s = *state;
    Graph *g = s->graph;
    Node *x = LEAF(DTYPE_F32, 4, 3), *w = LEAF(DTYPE_F32, 5, 3);
    Node *y = build_unary(g, OP_RELU, build_matmul_flags(g, x, w, false, true));
    Node *out = build_binary(g, OP_MUL, build_reduce(g, OP_REDUCE_SUM, build_transpose(g, y, (int[]){1, 0}), 2, false),
                             build_number(g, 0.5));
    Text text = {0};
    graph_dump(g, &out, 1, &text);
    assert_string_equal(text_string(&text), "%1 = leaf[f32 [4, 3]] \"x\"\n"
                                            "%2 = leaf[f32 [5, 3]] \"x\"\n"
                                            "%3 = matmul[f32 [4, 5]] %1 %2 ta=0 tb=1\n"
                                            "%4 = relu[f32 [4, 5]] %3\n"
                                            "%5 = transpose[f32 [5, 4]] %4 perm=[1, 0]\n"
                                            "%6 = reduce_sum[f32 [5, 1]] %5 axes=2\n"
                                            "%7 = reshape[f32 [5]] %6\n"
                                            "%8 = constant[f32 []] 0.5\n"
                                            "%9 = reshape[f32 [1]] %8\n"
                                            "%10 = broadcast[f32 [5]] %9\n"
                                            "%11 = mul[f32 [5]] %7 %10\n"
                                            "return %11\n");
    text_free(&text);
}

/* --- einsum -------------------------------------------------------------------------------------------------------------- */

typedef struct Naive {
    char labels[16];
    int64_t sizes[16];
    int count;
} Naive;

static int64_t offset_of(const Naive *n, const int64_t *index, const char *labels, size_t rank) {
    int64_t at = 0;
    for (size_t k = 0; k < rank; k++) {
        int label = (int)(strchr(n->labels, labels[k]) - n->labels);
        at = at * n->sizes[label] + index[label];
    }
    return at;
}

static void check_einsum(Setting *s, const char *equation, int count, Node **operands) {
    Naive n = {0};
    const char *at = equation, *arrow = strstr(equation, "->"), *starts[4];
    for (int k = 0; k < count; k++) {
        starts[k] = at;
        for (int axis = 0; isalpha((unsigned char)*at); at++, axis++)
            if (!strchr(n.labels, *at) || n.count == 0) {
                n.sizes[n.count] = operands[k]->type.shape.dims[axis];
                n.labels[n.count++] = *at;
            }
        at++;
    }
    Node *node = build_einsum(s->graph, equation, operands, count);
    assert_non_null(node);
    double expected[256] = {0};
    int64_t index[16] = {0}, total = 1;
    for (int k = 0; k < n.count; k++) total *= n.sizes[k];
    for (int64_t step = 0; step < total; step++) {
        int64_t rest = step;
        for (int k = 0; k < n.count; k++) index[k] = rest % n.sizes[k], rest /= n.sizes[k];
        double product = 1;
        for (int k = 0; k < count; k++)
            product *= tensor_number(operands[k]->cell->tensor, offset_of(&n, index, starts[k], (size_t)operands[k]->type.shape.rank));
        expected[offset_of(&n, index, arrow + 2, strlen(arrow + 2))] += product;
    }
    Fault fault = {0};
    Tensor *value = evaluate_one(s->graph, node, &fault);
    assert_non_null(value);
    assert_int_equal(value->shape.rank, (int)strlen(arrow + 2));
    for (int64_t k = 0; k < tensor_count(value); k++)
        if (fabs(tensor_number(value, k) - expected[k]) > 1e-9 * fmax(1, fabs(expected[k]))) {
            print_error("einsum(\"%s\") element %d: %g, expected %g\n", equation, (int)k, tensor_number(value, k), expected[k]);
            fail();
        }
    tensor_release(value);
}

static void test_einsum(void **state) {
    Setting *s = *state;
    Node *ij = LEAF(DTYPE_F64, 2, 3), *jk = LEAF(DTYPE_F64, 3, 4), *bij = LEAF(DTYPE_F64, 2, 2, 3), *bjk = LEAF(DTYPE_F64, 2, 3, 4);
    Node *ii = LEAF(DTYPE_F64, 3, 3), *i = LEAF(DTYPE_F64, 3), *kl = LEAF(DTYPE_F64, 4, 2), *iji = LEAF(DTYPE_F64, 3, 2, 3);
    Node *iiii = LEAF(DTYPE_F64, 2, 2, 2, 2);
    check_einsum(s, "ij,jk->ik", 2, (Node *[]){ij, jk});
    check_einsum(s, "ij,jk->ki", 2, (Node *[]){ij, jk});
    check_einsum(s, "ji,kj->ik", 2, (Node *[]){jk, ij});
    check_einsum(s, "bij,bjk->bik", 2, (Node *[]){bij, bjk});
    check_einsum(s, "bij,bjk->ikb", 2, (Node *[]){bij, bjk});
    check_einsum(s, "bij,bjk->ik", 2, (Node *[]){bij, bjk});
    check_einsum(s, "bij,jk->bik", 2, (Node *[]){bij, jk});
    check_einsum(s, "jk,bij->bki", 2, (Node *[]){jk, bij});
    check_einsum(s, "ii->i", 1, &ii);
    check_einsum(s, "ii->", 1, &ii);
    check_einsum(s, "iji->j", 1, &iji);
    check_einsum(s, "iji->ij", 1, &iji);
    check_einsum(s, "iiii->i", 1, &iiii);
    check_einsum(s, "ij->ji", 1, &ij);
    check_einsum(s, "ij->", 1, &ij);
    check_einsum(s, "i,j->ij", 2, (Node *[]){i, i});
    check_einsum(s, "i,i->", 2, (Node *[]){i, i});
    check_einsum(s, "i,i->i", 2, (Node *[]){i, i});
    check_einsum(s, "ij,i->j", 2, (Node *[]){ii, i});
    check_einsum(s, "ij,jk,kl->il", 3, (Node *[]){ij, jk, kl});
    check_einsum(s, "ij,jk,kl->jli", 3, (Node *[]){ij, jk, kl});
    check_einsum(s, "ij,kl->ijkl", 2, (Node *[]){ij, kl});
    check_einsum(s, "ab,cd,e->bd", 3, (Node *[]){ij, jk, i});
}

static void test_einsum_shapes(void **state) {
    Setting *s = *state;
    Graph *g = s->graph;
    Node *a = LEAF(DTYPE_F64, 5, 1, 2, 3), *b = LEAF(DTYPE_F64, 4, 3, 6), *m = LEAF(DTYPE_F64, 2, 3);
    char text[SHAPE_TEXT];
    assert_string_equal(shape_text(build_einsum(g, "...ij,...jk->...ik", (Node *[]){a, b}, 2)->type.shape, text), "[5, 4, 2, 6]");
    assert_string_equal(shape_text(build_einsum(g, "...ij,...jk", (Node *[]){a, b}, 2)->type.shape, text), "[5, 4, 2, 6]");
    assert_string_equal(shape_text(build_einsum(g, "ba", &m, 1)->type.shape, text), "[3, 2]");
    assert_string_equal(shape_text(build_einsum(g, "...i->...", &a, 1)->type.shape, text), "[5, 1, 2]");
    assert_string_equal(shape_text(build_einsum(g, " i j , k j -> k i ", (Node *[]){m, m}, 2)->type.shape, text), "[2, 2]");
    Node *product = build_einsum(g, "ij,kj->ik", (Node *[]){m, m}, 2); /* no transpose is made: the flag does it */
    for (Node *node = product; node->input_count > 0; node = node->inputs[0]) assert_int_not_equal(node->op, OP_TRANSPOSE);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_setting, close_setting)
    const struct CMUnitTest tests[] = {
        TEST(test_equal_nodes_are_one), TEST(test_promotion), TEST(test_messages), TEST(test_dump), TEST(test_einsum),
        TEST(test_einsum_shapes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
