/* Convolution against the naive sum, and its adjoints by the identity <conv(x, k), dy> = <x, conv_input> = <k, conv_kernel>. */
#include "tests/unit/kernel_case.h"

#include <stdio.h>

typedef struct Setting {
    int64_t n, c, h, w, o, kh, kw;
    int64_t stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right, dilation_h, dilation_w, groups;
} Setting;

static const Setting SETTINGS[] = {
    {2, 3, 7, 6, 4, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},    /* 3 x 3, same size */
    {3, 2, 5, 5, 3, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},    /* pointwise, small images packed */
    {2, 4, 13, 14, 6, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 2},  /* pointwise, groups, x read directly */
    {2, 4, 9, 8, 6, 3, 2, 2, 3, 1, 0, 2, 1, 1, 1, 2},    /* strides, uneven padding, groups */
    {1, 6, 11, 10, 6, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 6},  /* depthwise, dilated */
    {2, 6, 12, 12, 12, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 6}, /* depthwise with multiplier, strided */
    {2, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},
    {1, 2, 3, 3, 2, 3, 3, 1, 1, 4, 4, 4, 4, 1, 1, 1},   /* padding beyond the kernel */
    {1, 3, 40, 70, 5, 5, 3, 1, 1, 2, 2, 0, 0, 1, 1, 1}, /* several blocks of rows */
    {17, 2, 4, 4, 3, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},  /* several images in a block, an uneven last one */
    {9, 40, 6, 6, 33, 3, 3, 2, 2, 1, 1, 1, 1, 1, 1, 1},
    {1, 2, 6, 6, 2, 2, 2, 3, 3, 0, 0, 0, 0, 2, 1, 1}, /* rows of x that no window reads */
    {0, 2, 4, 4, 2, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1}, /* no images */
    {5, 32, 24, 24, 48, 3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1},
    {67, 17, 9, 8, 5, 3, 3, 3, 3, 0, 0, 1, 1, 1, 1, 1}, /* odd channels, stride 3, an uneven last tile of images */
    {64, 3, 30, 30, 17, 5, 5, 1, 1, 2, 2, 2, 2, 1, 1, 1},
    {33, 16, 20, 20, 32, 1, 1, 2, 2, 0, 0, 0, 0, 1, 1, 1}, /* pointwise, strided */
    {70, 32, 14, 14, 32, 3, 3, 1, 1, 2, 2, 2, 2, 2, 2, 2}, /* dilation, groups */
};
enum { SETTING_COUNT = sizeof SETTINGS / sizeof SETTINGS[0] };

static int64_t output_size(int64_t size, int64_t low, int64_t high, int64_t kernel, int64_t dilation, int64_t stride) {
    return (size + low + high - dilation * (kernel - 1) - 1) / stride + 1;
}

static Shape x_shape(const Setting *s) { return SHAPE(s->n, s->c, s->h, s->w); }
static Shape kernel_shape(const Setting *s) { return SHAPE(s->o, s->c / s->groups, s->kh, s->kw); }

static Shape y_shape(const Setting *s) {
    return SHAPE(s->n, s->o, output_size(s->h, s->pad_top, s->pad_bottom, s->kh, s->dilation_h, s->stride_h),
                 output_size(s->w, s->pad_left, s->pad_right, s->kw, s->dilation_w, s->stride_w));
}

static Case make_case(const Setting *s, Tensor *a, Tensor *b, Shape out) {
    Case c = {0};
    case_input(&c, tensor_retain(a));
    case_input(&c, tensor_retain(b));
    case_output(&c, a->dtype, out);
    case_ints(
        &c, INTS(s->stride_h, s->stride_w, s->pad_top, s->pad_bottom, s->pad_left, s->pad_right, s->dilation_h, s->dilation_w, s->groups));
    return c;
}

static double naive(const Setting *s, const Tensor *x, const Tensor *kernel, int64_t at) {
    Shape y = y_shape(s);
    int64_t ox = at % y.dims[3], oy = at / y.dims[3] % y.dims[2], o = at / (y.dims[3] * y.dims[2]) % s->o;
    int64_t n = at / (y.dims[3] * y.dims[2] * s->o), group_c = s->c / s->groups, first_c = o / (s->o / s->groups) * group_c;
    double sum = 0;
    for (int64_t c = 0; c < group_c; c++)
        for (int64_t i = 0; i < s->kh; i++)
            for (int64_t j = 0; j < s->kw; j++) {
                int64_t iy = oy * s->stride_h - s->pad_top + i * s->dilation_h, ix = ox * s->stride_w - s->pad_left + j * s->dilation_w;
                if (iy >= 0 && iy < s->h && ix >= 0 && ix < s->w)
                    sum += tensor_number(x, ((n * s->c + first_c + c) * s->h + iy) * s->w + ix) *
                           tensor_number(kernel, ((o * group_c + c) * s->kh + i) * s->kw + j);
            }
    return sum;
}

static void test_conv_against_naive(void **state) {
    (void)state;
    for (size_t k = 0; k < SETTING_COUNT; k++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            const Setting *s = &SETTINGS[k];
            Tensor *x = case_values(dtype, x_shape(s), k), *kernel = case_values(dtype, kernel_shape(s), k + 50);
            Case c = make_case(s, x, kernel, y_shape(s));
            assert_true(case_run(&c, kernel_conv, scratch_conv));
            for (int64_t i = 0; i < tensor_count(c.outputs[0]); i++)
                assert_near(tensor_number(c.outputs[0], i), naive(s, x, kernel, i), dtype == DTYPE_F32 ? 2e-5 : 1e-13);
            tensor_release(x), tensor_release(kernel);
            case_free(&c);
        }
}

static void test_conv_adjoints(void **state) {
    (void)state;
    for (size_t k = 0; k < SETTING_COUNT; k++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            const Setting *s = &SETTINGS[k];
            double tolerance = dtype == DTYPE_F32 ? 1e-4 : 1e-12;
            Tensor *x = case_values(dtype, x_shape(s), k), *kernel = case_values(dtype, kernel_shape(s), k + 50);
            Tensor *dy = case_values(dtype, y_shape(s), k + 99);
            Case y = make_case(s, x, kernel, y_shape(s));
            Case dx = make_case(s, dy, kernel, x_shape(s)), dk = make_case(s, x, dy, kernel_shape(s));
            assert_true(case_run(&y, kernel_conv, scratch_conv));
            assert_true(case_run(&dx, kernel_conv_input, scratch_conv_input));
            assert_true(case_run(&dk, kernel_conv_kernel, scratch_conv_kernel));
            double expected = case_dot(y.outputs[0], dy);
            assert_near(case_dot(x, dx.outputs[0]), expected, tolerance);
            assert_near(case_dot(kernel, dk.outputs[0]), expected, tolerance);
            tensor_release(x), tensor_release(kernel), tensor_release(dy);
            case_free(&y), case_free(&dx), case_free(&dk);
        }
}

/* The adjoint identity sees sums only; here each entry of dx and dk is checked by convolving with one-hot arrays. */
static void test_conv_adjoint_entries(void **state) {
    (void)state;
    for (size_t k = 0; k < 9; k++) {
        const Setting *s = &SETTINGS[k];
        if (shape_count(x_shape(s)) > 600) continue;
        Tensor *x = case_values(DTYPE_F64, x_shape(s), k), *kernel = case_values(DTYPE_F64, kernel_shape(s), k + 50);
        Tensor *dy = case_values(DTYPE_F64, y_shape(s), k + 99);
        Case dx = make_case(s, dy, kernel, x_shape(s)), dk = make_case(s, x, dy, kernel_shape(s));
        assert_true(case_run(&dx, kernel_conv_input, scratch_conv_input));
        assert_true(case_run(&dk, kernel_conv_kernel, scratch_conv_kernel));
        for (int which = 0; which < 2; which++) {
            const Tensor *result = which ? dk.outputs[0] : dx.outputs[0];
            for (int64_t i = 0; i < tensor_count(result); i++) {
                Tensor *hot = tensor_zeros(DTYPE_F64, result->shape, NULL);
                tensor_set_number(hot, i, 1);
                Case y = which ? make_case(s, x, hot, y_shape(s)) : make_case(s, hot, kernel, y_shape(s));
                assert_true(case_run_once(&y, kernel_conv, scratch_conv, NULL, y.outputs));
                assert_near(tensor_number(result, i), case_dot(y.outputs[0], dy), 1e-12);
                tensor_release(hot);
                case_free(&y);
            }
        }
        tensor_release(x), tensor_release(kernel), tensor_release(dy);
        case_free(&dx), case_free(&dk);
    }
}

/* [n, c, h, w] as [n, h, w, c]. */
static Tensor *channels_last(const Tensor *planes) {
    const int64_t *d = planes->shape.dims;
    Tensor *last = tensor_zeros(planes->dtype, SHAPE(d[0], d[2], d[3], d[1]), NULL);
    for (int64_t i = 0; i < tensor_count(planes); i++) {
        int64_t p[RANK_MAX];
        case_position(planes->shape, i, p);
        tensor_set_number(last, case_index(last->shape, (int64_t[RANK_MAX]){p[0], p[2], p[3], p[1]}), tensor_number(planes, i));
    }
    return last;
}

static void check_last(const Setting *s, Tensor *a, Tensor *b, Shape out, bool is_kernel, KernelRun *run, KernelScratch *scratch) {
    Case expected = make_case(s, a, b, out);
    assert_true(case_run(&expected, run, scratch));
    Tensor *last_a = channels_last(a), *last_b = is_kernel ? channels_last(b) : tensor_retain(b);
    Shape last_out = is_kernel ? out : SHAPE(out.dims[0], out.dims[2], out.dims[3], out.dims[1]);
    Case last = make_case(s, last_a, last_b, last_out);
    last.ints[last.int_count++] = 1;
    assert_true(case_run(&last, run, scratch));
    Tensor *wanted = is_kernel ? tensor_retain(expected.outputs[0]) : channels_last(expected.outputs[0]);
    double terms = is_kernel ? (double)tensor_count(b) / (double)s->o : 0; /* of a sum over images and positions */
    for (int64_t i = 0; i < tensor_count(wanted); i++)
        assert_near(tensor_number(last.outputs[0], i), tensor_number(wanted, i), a->dtype == DTYPE_F32 ? 1e-4 + 2e-8 * terms : 1e-12);
    tensor_release(last_a), tensor_release(last_b), tensor_release(wanted);
    case_free(&expected), case_free(&last);
}

static void test_channels_last(void **state) {
    (void)state;
    for (size_t k = 0; k < SETTING_COUNT; k++)
        for (DType dtype = DTYPE_F32; dtype <= DTYPE_F64; dtype++) {
            const Setting *s = &SETTINGS[k];
            Tensor *x = case_values(dtype, x_shape(s), k), *kernel = case_values(dtype, kernel_shape(s), k + 50);
            Tensor *dy = case_values(dtype, y_shape(s), k + 99);
            check_last(s, x, kernel, y_shape(s), false, kernel_conv, scratch_conv);
            check_last(s, dy, kernel, x_shape(s), false, kernel_conv_input, scratch_conv_input);
            check_last(s, x, dy, kernel_shape(s), true, kernel_conv_kernel, scratch_conv_kernel);
            tensor_release(x), tensor_release(kernel), tensor_release(dy);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conv_against_naive),
        cmocka_unit_test(test_conv_adjoints),
        cmocka_unit_test(test_conv_adjoint_entries),
        cmocka_unit_test(test_channels_last),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
