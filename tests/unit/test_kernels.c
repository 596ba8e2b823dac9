/* Kernels that move, pick, order and pool elements, against naive loops on odd shapes. */
#include "tests/unit/kernel_case.h"

#include <stdio.h>

static const DType DTYPES[] = {DTYPE_BOOL, DTYPE_I64, DTYPE_F32, DTYPE_F64};

static const Shape *shapes(size_t *count) {
    static Shape list[16];
    list[0] = shape_scalar(), list[1] = SHAPE(1), list[2] = SHAPE(0), list[3] = SHAPE(7);
    list[4] = SHAPE(5, 3), list[5] = SHAPE(1, 9), list[6] = SHAPE(4, 0, 2), list[7] = SHAPE(3, 1, 5);
    list[8] = SHAPE(2, 3, 4, 5), list[9] = SHAPE(3, 2, 1, 4, 2), list[10] = SHAPE(67, 130), list[11] = SHAPE(3, 40, 33);
    list[12] = SHAPE(70000), list[13] = SHAPE(2, 2, 2, 2, 2, 2, 2, 3), list[14] = SHAPE(300, 401), list[15] = SHAPE(16, 64, 16);
    *count = sizeof list / sizeof list[0];
    return list;
}

static void check_move(Case *c, KernelRun *run, bool (*source)(const Case *, const int64_t *, int64_t *)) {
    assert_true(case_run(c, run, NULL));
    Tensor *x = c->inputs[0], *out = c->outputs[0];
    for (int64_t i = 0; i < tensor_count(out); i++) {
        int64_t position[RANK_MAX] = {0}, from[RANK_MAX] = {0};
        case_position(out->shape, i, position);
        double expected = c->number;
        if (source(c, position, from)) expected = tensor_number(x, case_index(x->shape, from));
        assert_true(tensor_number(out, i) == expected);
    }
    case_free(c);
}

static bool transpose_source(const Case *c, const int64_t *position, int64_t *from) {
    for (int k = 0; k < c->int_count; k++) from[c->ints[k]] = position[k];
    return true;
}

static void test_transpose(void **state) {
    (void)state;
    size_t count;
    const Shape *list = shapes(&count);
    for (size_t s = 0; s < count; s++)
        for (size_t d = 0; d < 4; d++)
            for (int turn = 0; turn < 3; turn++) {
                Case c = {.int_count = list[s].rank};
                Shape out = list[s];
                for (int k = 0; k < out.rank; k++) {
                    /* reversed; rotated; last two exchanged */
                    int swapped = k == out.rank - 1 ? k - 1 : k == out.rank - 2 ? k + 1 : k;
                    c.ints[k] = turn == 0 ? out.rank - 1 - k : turn == 1 ? (k + 1) % out.rank : out.rank < 2 ? k : swapped;
                    out.dims[k] = list[s].dims[c.ints[k]];
                }
                case_input(&c, case_values(DTYPES[d], list[s], s));
                case_output(&c, DTYPES[d], out);
                check_move(&c, kernel_transpose, transpose_source);
            }
}

static bool slice_source(const Case *c, const int64_t *position, int64_t *from) {
    int rank = c->int_count / 2;
    for (int k = 0; k < rank; k++) from[k] = c->ints[k] + c->ints[rank + k] * position[k];
    return true;
}

static void test_slice(void **state) {
    (void)state;
    size_t count;
    const Shape *list = shapes(&count);
    for (size_t s = 0; s < count; s++)
        for (size_t d = 0; d < 4; d++)
            for (int64_t step = 1; step <= 3; step++) {
                int rank = list[s].rank;
                Case c = {.int_count = 2 * rank};
                Shape out = list[s];
                for (int k = 0; k < rank; k++) {
                    c.ints[k] = out.dims[k] > 1 && k % 2 == 0;
                    c.ints[rank + k] = k == rank - 1 ? step : 1;
                    out.dims[k] = (out.dims[k] - c.ints[k] + c.ints[rank + k] - 1) / c.ints[rank + k];
                }
                case_input(&c, case_values(DTYPES[d], list[s], s));
                case_output(&c, DTYPES[d], out);
                check_move(&c, kernel_slice, slice_source);
            }
}

static bool flip_source(const Case *c, const int64_t *position, int64_t *from) {
    for (int k = 0; k < c->int_count; k++) from[k] = c->ints[k] ? c->inputs[0]->shape.dims[k] - 1 - position[k] : position[k];
    return true;
}

static void test_flip(void **state) {
    (void)state;
    size_t count;
    const Shape *list = shapes(&count);
    for (size_t s = 0; s < count; s++)
        for (size_t d = 0; d < 4; d++)
            for (int mask = 0; mask < 4; mask++) {
                Case c = {.int_count = list[s].rank};
                for (int k = 0; k < list[s].rank; k++) c.ints[k] = mask >> (k % 2) & 1;
                case_input(&c, case_values(DTYPES[d], list[s], s));
                case_output(&c, DTYPES[d], list[s]);
                check_move(&c, kernel_flip, flip_source);
            }
}

static bool pad_source(const Case *c, const int64_t *position, int64_t *from) {
    int rank = c->int_count / 3;
    for (int k = 0; k < rank; k++) {
        int64_t offset = position[k] - c->ints[k], step = c->ints[2 * rank + k] + 1;
        if (offset < 0 || offset % step != 0 || offset / step >= c->inputs[0]->shape.dims[k]) return false;
        from[k] = offset / step;
    }
    return true;
}

static void test_pad(void **state) {
    (void)state;
    size_t count;
    const Shape *list = shapes(&count);
    for (size_t s = 0; s < count; s++)
        for (size_t d = 0; d < 4; d++)
            for (int64_t interior = 0; interior < 3; interior++) {
                int rank = list[s].rank;
                Case c = {.int_count = 3 * rank, .number = 1};
                Shape out = list[s];
                for (int k = 0; k < rank; k++) {
                    c.ints[k] = k % 3, c.ints[rank + k] = 1 + k % 2, c.ints[2 * rank + k] = k == rank - 1 ? interior : 0;
                    int64_t gaps = out.dims[k] > 0 ? (out.dims[k] - 1) * c.ints[2 * rank + k] : 0;
                    out.dims[k] += gaps + c.ints[k] + c.ints[rank + k];
                }
                if (rank == 8) continue;
                case_input(&c, case_values(DTYPES[d], list[s], s));
                case_output(&c, DTYPES[d], out);
                check_move(&c, kernel_pad, pad_source);
            }
}

static void test_pad_negative(void **state) {
    (void)state;
    Case c = {.number = 9};
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(5), (double[]){1, 2, 3, 4, 5}));
    case_output(&c, DTYPE_F32, SHAPE(3));
    case_ints(&c, INTS(-1, -1, 0));
    assert_true(case_run(&c, kernel_pad, NULL));
    for (int i = 0; i < 3; i++) assert_true(tensor_number(c.outputs[0], i) == i + 2);
    case_free(&c);
}

static void test_concat(void **state) {
    (void)state;
    for (int axis = 0; axis < 3; axis++)
        for (size_t d = 0; d < 4; d++) {
            Case c = {.int_count = 1, .ints = {axis}};
            Shape out = SHAPE(3, 4, 5);
            out.dims[axis] = 0;
            for (int64_t i = 0; i < 4; i++) {
                Shape part = SHAPE(3, 4, 5);
                part.dims[axis] = i == 1 ? 0 : i + 1;
                out.dims[axis] += part.dims[axis];
                case_input(&c, case_values(DTYPES[d], part, (uint64_t)i));
            }
            case_output(&c, DTYPES[d], out);
            assert_true(case_run(&c, kernel_concat, NULL));
            int64_t at = 0;
            for (int i = 0; i < c.input_count; at += c.inputs[i++]->shape.dims[axis])
                for (int64_t k = 0; k < tensor_count(c.inputs[i]); k++) {
                    int64_t position[RANK_MAX];
                    case_position(c.inputs[i]->shape, k, position);
                    position[axis] += at;
                    assert_true(tensor_number(c.outputs[0], case_index(out, position)) == tensor_number(c.inputs[i], k));
                }
            case_free(&c);
        }
}

/* [outer, size, inner] sizes of the gather and scatter tests; the last ones are large enough for several tiles. */
static const int64_t BLOCKS[][4] = {{1, 5, 1, 3}, {2, 4, 3, 7},      {3, 1, 2, 2},    {2, 3, 0, 4},
                                    {2, 3, 4, 0}, {1, 300, 70, 900}, {40, 50, 1, 90}, {5, 200, 130, 100}};

static void test_gather(void **state) {
    (void)state;
    for (size_t b = 0; b < sizeof BLOCKS / sizeof BLOCKS[0]; b++)
        for (size_t d = 0; d < 4; d++) {
            const int64_t *n = BLOCKS[b];
            Case c = {.int_count = 1, .ints = {1}};
            Tensor *x = case_input(&c, case_values(DTYPES[d], SHAPE(n[0], n[1], n[2]), b));
            Tensor *index = case_input(&c, case_indices(SHAPE(n[3]), n[1], b));
            Tensor *out = case_output(&c, DTYPES[d], SHAPE(n[0], n[3], n[2]));
            assert_true(case_run(&c, kernel_gather, NULL));
            for (int64_t o = 0; o < n[0]; o++)
                for (int64_t j = 0; j < n[3]; j++)
                    for (int64_t i = 0; i < n[2]; i++)
                        assert_true(tensor_number(out, (o * n[3] + j) * n[2] + i) ==
                                    tensor_number(x, (o * n[1] + tensor_i64(index)[j]) * n[2] + i));
            case_free(&c);
        }
}

static void test_gather_out_of_range(void **state) {
    (void)state;
    Case c = {.int_count = 1, .ints = {0}};
    case_input(&c, case_values(DTYPE_F32, SHAPE(10, 3), 1));
    case_input(&c, case_numbers(DTYPE_I64, SHAPE(2, 2), (double[]){0, 9, 12, -1}));
    case_output(&c, DTYPE_F32, SHAPE(2, 2, 3));
    assert_false(case_run(&c, kernel_gather, NULL));
    assert_string_equal(c.fault.message, "index 12 is out of range for an axis of 10");
    case_free(&c);
}

static void test_gather_along(void **state) {
    (void)state;
    for (size_t b = 0; b < sizeof BLOCKS / sizeof BLOCKS[0]; b++)
        for (size_t d = 0; d < 4; d++) {
            const int64_t *n = BLOCKS[b];
            Case c = {.int_count = 1, .ints = {1}};
            Tensor *x = case_input(&c, case_values(DTYPES[d], SHAPE(n[0], n[1], n[2]), b));
            Tensor *index = case_input(&c, case_indices(SHAPE(n[0], n[3], n[2]), n[1], b));
            Tensor *out = case_output(&c, DTYPES[d], SHAPE(n[0], n[3], n[2]));
            assert_true(case_run(&c, kernel_gather_along, NULL));
            for (int64_t k = 0; k < tensor_count(out); k++)
                assert_true(tensor_number(out, k) == tensor_number(x, (k / (n[3] * n[2]) * n[1] + tensor_i64(index)[k]) * n[2] + k % n[2]));
            case_free(&c);
        }
}

typedef enum Way { WAY_ADD, WAY_SET, WAY_ALONG } Way;

/* The naive scatter, into a copy of the base. */
static Tensor *scattered(const Case *c, const int64_t *n, Way way) {
    Tensor *out = tensor_copy(c->inputs[0], NULL);
    for (int64_t k = 0; k < tensor_count(c->inputs[2]); k++) {
        int64_t o = k / (n[3] * n[2]), j = k / n[2] % n[3], i = k % n[2];
        int64_t at = (o * n[1] + tensor_i64(c->inputs[1])[way == WAY_ALONG ? k : j]) * n[2] + i;
        double update = tensor_number(c->inputs[2], k), old = tensor_number(out, at);
        tensor_set_number(out, at, way == WAY_SET ? update : out->dtype == DTYPE_BOOL ? fmax(old, update) : old + update);
    }
    return out;
}

static void test_scatter(void **state) {
    (void)state;
    KernelRun *runs[] = {kernel_scatter_add, kernel_scatter_set, kernel_scatter_along_add};
    for (size_t b = 0; b < sizeof BLOCKS / sizeof BLOCKS[0]; b++)
        for (size_t d = 0; d < 4; d++)
            for (Way way = WAY_ADD; way <= WAY_ALONG; way++) {
                const int64_t *n = BLOCKS[b];
                Case c = {.int_count = 1, .ints = {1}};
                case_input(&c, case_values(DTYPES[d], SHAPE(n[0], n[1], n[2]), b));
                case_input(&c, case_indices(way == WAY_ALONG ? SHAPE(n[0], n[3], n[2]) : SHAPE(n[3]), n[1], b));
                case_input(&c, case_values(DTYPES[d], SHAPE(n[0], n[3], n[2]), b + 7));
                Tensor *out = case_output(&c, DTYPES[d], SHAPE(n[0], n[1], n[2]));
                assert_true(case_run(&c, runs[way], NULL));
                Tensor *expected = scattered(&c, n, way);
                for (int64_t k = 0; k < tensor_count(out); k++) assert_true(tensor_number(out, k) == tensor_number(expected, k));
                /* In place: the output is the base. */
                if (tensor_bytes(out) > 0) {
                    memcpy(out->data, c.inputs[0]->data, tensor_bytes(out));
                    Tensor *base = c.inputs[0];
                    c.inputs[0] = out;
                    assert_true(case_run_once(&c, runs[way], NULL, NULL, c.outputs));
                    c.inputs[0] = base;
                    assert_memory_equal(out->data, expected->data, tensor_bytes(out));
                }
                tensor_release(expected);
                case_free(&c);
            }
}

/* Values in order (NaN is the largest), equal ones by index, index a permutation that leads back to x. */
static void check_sorted(const Case *c, int64_t size, int64_t inner) {
    const Tensor *x = c->inputs[0], *values = c->outputs[0], *index = c->outputs[1];
    for (int64_t k = 0; k < tensor_count(values); k++) {
        int64_t j = k / inner % size, base = k - j * inner;
        double value = tensor_number(values, k), from = tensor_number(x, base + tensor_i64(index)[k] * inner);
        assert_true(value == from || (isnan(value) && isnan(from)));
        if (j == 0) continue;
        double before = tensor_number(values, k - inner);
        bool is_ordered = c->ints[1] ? before > value : before < value;
        bool ties = before == value || (isnan(before) && isnan(value));
        assert_true(is_ordered || isnan(c->ints[1] ? before : value) > isnan(c->ints[1] ? value : before) ||
                    (ties && tensor_i64(index)[k - inner] < tensor_i64(index)[k]));
    }
}

/* The first places are those of the whole sort. */
static void check_first(Case *c, const int64_t *n, int64_t kept) {
    Case first = {.int_count = 3, .ints = {1, c->ints[1], kept}};
    case_input(&first, tensor_retain(c->inputs[0]));
    for (int part = 0; part < 2; part++) case_output(&first, c->outputs[part]->dtype, SHAPE(n[0], kept, n[2]));
    assert_true(case_run(&first, kernel_sort, scratch_sort));
    for (int part = 0; part < 2; part++)
        for (int64_t k = 0; k < n[0] * kept * n[2]; k++) {
            int64_t at = k / (kept * n[2]) * n[1] * n[2] + k % (kept * n[2]);
            double found = tensor_number(first.outputs[part], k), expected = tensor_number(c->outputs[part], at);
            assert_true(found == expected || (isnan(found) && isnan(expected)));
        }
    case_free(&first);
}

static void test_sort(void **state) {
    (void)state;
    static const int64_t SIZES[][3] = {{1, 1, 1}, {2, 5, 3}, {1, 0, 2}, {3, 49, 1}, {2, 200, 2}, {1, 5000, 1}, {70, 600, 3}};
    for (size_t b = 0; b < sizeof SIZES / sizeof SIZES[0]; b++)
        for (size_t d = 0; d < 4; d++)
            for (int descending = 0; descending < 2; descending++) {
                const int64_t *n = SIZES[b];
                Case c = {.int_count = 3, .ints = {1, descending, n[1]}};
                Tensor *x = case_input(&c, case_values(DTYPES[d], SHAPE(n[0], n[1], n[2]), b));
                for (int64_t k = 0; dtype_is_float(x->dtype) && k < tensor_count(x); k++)
                    if (k % 7 == 3) tensor_set_number(x, k, k % 3 == 0 ? (double)NAN : k % 3 == 1 ? -0.0 : (double)INFINITY);
                case_output(&c, DTYPES[d], x->shape);
                case_output(&c, DTYPE_I64, x->shape);
                assert_true(case_run(&c, kernel_sort, scratch_sort));
                check_sorted(&c, n[1], n[2]);
                for (int64_t kept = 0; kept <= n[1]; kept += 1 + kept * 2) check_first(&c, n, kept);
                case_free(&c);
            }
}

/* h, w, kh, kw, stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right */
static const int64_t POOLS[][10] = {{4, 4, 2, 2, 2, 2, 0, 0, 0, 0}, {5, 7, 3, 2, 1, 2, 1, 1, 0, 1}, {1, 1, 1, 1, 1, 1, 0, 0, 0, 0},
                                    {6, 5, 3, 3, 2, 2, 1, 1, 1, 1}, {3, 3, 1, 1, 2, 2, 2, 2, 2, 2}, {0, 4, 2, 2, 2, 2, 1, 1, 0, 0}};

static int64_t pooled(int64_t size, int64_t low, int64_t high, int64_t window, int64_t stride) {
    return (size + low + high - window) / stride + 1;
}

static void check_pool(const Case *c, const int64_t *p, int64_t k, double *sum, double *best, int64_t *best_at) {
    Shape out = c->outputs[0]->shape;
    int64_t oy = k / out.dims[3] % out.dims[2], ox = k % out.dims[3], plane = k / (out.dims[2] * out.dims[3]);
    *sum = 0, *best = -(double)INFINITY, *best_at = 0;
    bool is_first = true;
    for (int64_t y = oy * p[4] - p[6]; y < oy * p[4] - p[6] + p[2]; y++)
        for (int64_t x = ox * p[5] - p[8]; x < ox * p[5] - p[8] + p[3]; x++) {
            if (y < 0 || y >= p[0] || x < 0 || x >= p[1]) continue;
            double value = tensor_number(c->inputs[0], (plane * p[0] + y) * p[1] + x);
            *sum += value;
            if (is_first || value > *best) *best = value, *best_at = y * p[1] + x;
            is_first = false;
        }
}

static void test_pools(void **state) {
    (void)state;
    for (size_t b = 0; b < sizeof POOLS / sizeof POOLS[0]; b++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            const int64_t *p = POOLS[b];
            Case c = {.int_count = 8};
            memcpy(c.ints, p + 2, 8 * sizeof *p);
            case_input(&c, case_values(dtype, SHAPE(2, 3, p[0], p[1]), b));
            Shape out = SHAPE(2, 3, pooled(p[0], p[6], p[7], p[2], p[4]), pooled(p[1], p[8], p[9], p[3], p[5]));
            case_output(&c, dtype, out);
            Case sums = {.int_count = 8};
            memcpy(sums.ints, c.ints, sizeof c.ints);
            case_input(&sums, tensor_retain(c.inputs[0]));
            case_output(&sums, dtype, out);
            case_output(&c, DTYPE_I64, out);
            assert_true(case_run(&c, kernel_max_pool, NULL));
            assert_true(case_run(&sums, kernel_window_sum, NULL));
            for (int64_t k = 0; k < shape_count(out); k++) {
                double sum, best;
                int64_t best_at;
                check_pool(&c, p, k, &sum, &best, &best_at);
                assert_true(tensor_number(c.outputs[0], k) == best && tensor_i64(c.outputs[1])[k] == best_at);
                assert_near(tensor_number(sums.outputs[0], k), sum, 1e-6);
            }
            /* <window_sum(x), dy> == <x, adjoint(dy)> */
            Case back = {.int_count = 8};
            memcpy(back.ints, c.ints, sizeof c.ints);
            Tensor *dy = case_input(&back, case_values(dtype, out, 77));
            Tensor *dx = case_output(&back, dtype, c.inputs[0]->shape);
            assert_true(case_run(&back, kernel_window_sum_adjoint, NULL));
            assert_near(case_dot(sums.outputs[0], dy), case_dot(c.inputs[0], dx), dtype == DTYPE_F32 ? 1e-5 : 1e-13);
            case_free(&c), case_free(&sums), case_free(&back);
        }
}

/* [n, c, h, w] as [n, h, w, c]. */
static Tensor *channels_last(const Tensor *planes) {
    const int64_t *d = planes->shape.dims;
    Tensor *last = tensor_zeros(planes->dtype, SHAPE(d[0], d[2], d[3], d[1]), NULL);
    for (int64_t i = 0; i < tensor_count(planes); i++) {
        int64_t p[RANK_MAX];
        case_position(planes->shape, i, p);
        int64_t to = case_index(last->shape, (int64_t[RANK_MAX]){p[0], p[2], p[3], p[1]});
        if (planes->dtype == DTYPE_I64) tensor_i64(last)[to] = tensor_i64(planes)[i];
        else tensor_set_number(last, to, tensor_number(planes, i));
    }
    return last;
}

static void assert_same_last(const Tensor *last, const Tensor *planes) {
    Tensor *expected = channels_last(planes);
    for (int64_t i = 0; i < tensor_count(expected); i++)
        if (tensor_number(last, i) != tensor_number(expected, i)) assert_near(tensor_number(last, i), tensor_number(expected, i), 1e-6);
    tensor_release(expected);
}

/* Runs a pooling kernel on planes and with channels last; they must agree. Returns the case of planes. */
static Case check_pool_last(KernelRun *run, const int64_t *ints, Tensor *a, Tensor *b, Shape out, bool has_index) {
    Case planes = {.int_count = 8}, last = {.int_count = 9};
    memcpy(planes.ints, ints, 8 * sizeof *ints);
    memcpy(last.ints, ints, 8 * sizeof *ints);
    last.ints[8] = 1;
    Shape last_out = SHAPE(out.dims[0], out.dims[2], out.dims[3], out.dims[1]);
    case_input(&planes, tensor_retain(a)), case_input(&last, channels_last(a));
    if (b) case_input(&planes, tensor_retain(b)), case_input(&last, channels_last(b));
    case_output(&planes, a->dtype, out), case_output(&last, a->dtype, last_out);
    if (has_index) case_output(&planes, DTYPE_I64, out), case_output(&last, DTYPE_I64, last_out);
    assert_true(case_run(&planes, run, NULL) && case_run(&last, run, NULL));
    for (int k = 0; k < planes.output_count; k++) assert_same_last(last.outputs[k], planes.outputs[k]);
    case_free(&last);
    return planes;
}

static void test_pools_channels_last(void **state) {
    (void)state;
    for (size_t b = 0; b < sizeof POOLS / sizeof POOLS[0]; b++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++)
            for (int64_t channels = 1; channels < 150; channels += 67) {
                const int64_t *p = POOLS[b];
                Shape in = SHAPE(2, channels, p[0], p[1]);
                Shape out = SHAPE(2, channels, pooled(p[0], p[6], p[7], p[2], p[4]), pooled(p[1], p[8], p[9], p[3], p[5]));
                Tensor *x = case_values(dtype, in, b), *dy = case_values(dtype, out, 77);
                Case largest = check_pool_last(kernel_max_pool, p + 2, x, NULL, out, true);
                Case sum = check_pool_last(kernel_window_sum, p + 2, x, NULL, out, false);
                Case spread = check_pool_last(kernel_window_sum_adjoint, p + 2, dy, NULL, in, false);
                if (p[0] > 0 && p[6] < p[2] && p[8] < p[3]) { /* no window that lies in the padding altogether */
                    Case placed = check_pool_last(kernel_max_pool_adjoint, p + 2, dy, largest.outputs[1], in, false);
                    assert_near(case_dot(largest.outputs[0], dy), case_dot(placed.outputs[0], x), dtype == DTYPE_F32 ? 1e-5 : 1e-13);
                    case_free(&placed);
                }
                tensor_release(x), tensor_release(dy);
                case_free(&largest), case_free(&sum), case_free(&spread);
            }
}

static void test_max_pool_nan(void **state) {
    (void)state;
    Case c = {0};
    case_input(&c, case_numbers(DTYPE_F32, SHAPE(1, 1, 2, 2), (double[]){1, (double)NAN, 3, 2}));
    case_output(&c, DTYPE_F32, SHAPE(1, 1, 1, 1));
    case_output(&c, DTYPE_I64, SHAPE(1, 1, 1, 1));
    case_ints(&c, INTS(2, 2, 2, 2, 0, 0, 0, 0));
    assert_true(case_run(&c, kernel_max_pool, NULL));
    assert_true(isnan(tensor_number(c.outputs[0], 0)) && tensor_i64(c.outputs[1])[0] == 1);
    case_free(&c);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_transpose),    cmocka_unit_test(test_slice),
        cmocka_unit_test(test_flip),         cmocka_unit_test(test_pad),
        cmocka_unit_test(test_pad_negative), cmocka_unit_test(test_concat),
        cmocka_unit_test(test_gather),       cmocka_unit_test(test_gather_out_of_range),
        cmocka_unit_test(test_gather_along), cmocka_unit_test(test_scatter),
        cmocka_unit_test(test_sort),         cmocka_unit_test(test_pools),
        cmocka_unit_test(test_max_pool_nan), cmocka_unit_test(test_pools_channels_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
