/* Matrix products, convolutions and pooling: one element of the result at a time, its sum in the order of the operands' elements. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>

typedef long long Number; /* as it prints */

/* Matrix products ------------------------------------------------------------------------------------------------------- */

typedef struct Product {
    Shape batch; /* m, n, k below it */
    Number m, n, k;
    Affine a, b, out; /* where the matrices of a batch begin */
    const char *a_at, *b_at, *out_at;
    const char *row; /* the index along m */
    bool transpose_a, transpose_b;
} Product;

static Product product_of(C99 *c, const C99Step *step) {
    Shape a = step->input[0]->shape, b = step->input[1]->shape, out = step->output[0]->shape;
    Product p = {.transpose_a = step->step->ints[0] != 0, .transpose_b = step->step->ints[1] != 0, .batch = out};
    p.batch.rank = out.rank - 2;
    p.m = out.dims[out.rank - 2], p.n = out.dims[out.rank - 1], p.k = a.dims[p.transpose_a ? a.rank - 2 : a.rank - 1];
    p.row = p.m == 1 ? "0" : "m";
    p.a = affine_of(a), p.out = affine_of(out);
    if (b.rank == out.rank) p.b = affine_of(b);
    p.a_at = c99_offset(c, &p.a, p.batch, 'i'), p.b_at = c99_offset(c, &p.b, p.batch, 'i'), p.out_at = c99_offset(c, &p.out, p.batch, 'i');
    return p;
}

static const char *element_of_a(C99 *c, const C99Step *step, const Product *p) {
    const char *place = p->transpose_a ? c99_row(c, "k", p->m, p->row) : c99_row(c, p->row, p->k, "k");
    return arena_format(c->arena, "%s[%s]", step->in[0], c99_plus(c, p->a_at, place));
}

static const char *element_of(C99 *c, const char *array, const char *begin, const char *row, Number width, const char *column) {
    return arena_format(c->arena, "%s[%s]", array, c99_plus(c, begin, c99_row(c, row, width, column)));
}

/* b stored [n, k]: each element is the product of two rows. */
static void by_rows(C99 *c, const C99Step *step, const Product *p, const char *sum_type) {
    c99_open(c, "for (long n = 0; n < %lld; n++)", p->n);
    c99_line(c, "%s sum = 0;", sum_type);
    c99_line(c, "for (long k = 0; k < %lld; k++) sum += (%s)%s * %s;", p->k, sum_type, element_of_a(c, step, p),
             element_of(c, step->in[1], p->b_at, "n", p->k, "k"));
    c99_line(c, "%s = (%s)sum;", element_of(c, step->out[0], p->out_at, p->row, p->n, "n"), c99_type(c, step->output[0]->dtype));
    c99_close(c);
}

/* b stored [k, n]: a line of sums goes through its rows, so that memory is read in order. */
static void by_lines(C99 *c, const C99Step *step, const Product *p, const char *sum_type) {
    if (p->n > c->line_sums) c->line_sums = p->n;
    c99_line(c, "for (long n = 0; n < %lld; n++) %s_line[n] = 0;", p->n, c->name);
    c99_open(c, "for (long k = 0; k < %lld; k++)", p->k);
    c99_line(c, "const %s a = %s;", sum_type, element_of_a(c, step, p));
    c99_line(c, "for (long n = 0; n < %lld; n++) %s_line[n] += a * %s;", p->n, c->name,
             element_of(c, step->in[1], p->b_at, "k", p->n, "n"));
    c99_close(c);
    c99_line(c, "for (long n = 0; n < %lld; n++) %s = (%s)%s_line[n];", p->n, element_of(c, step->out[0], p->out_at, p->row, p->n, "n"),
             c99_type(c, step->output[0]->dtype), c->name);
}

bool c99_matmul(C99 *c, const C99Step *step) {
    Product p = product_of(c, step);
    const char *sum_type = c99_sum_type(c, step->output[0]->dtype);
    c99_nest(c, p.batch, 'i');
    if (p.m != 1) c99_open(c, "for (long m = 0; m < %lld; m++)", p.m);
    if (p.transpose_b) by_rows(c, step, &p, sum_type);
    else by_lines(c, step, &p, sum_type);
    if (p.m != 1) c99_close(c);
    c99_nest_end(c, p.batch);
    return true;
}

/* Convolutions ---------------------------------------------------------------------------------------------------------- */

/* Attributes, in the order of ops.def. */
enum { STRIDE, PAD = 2, DILATION = 6, GROUPS = 8 };

typedef struct Conv {
    Number n, c, h, w, o, kh, kw, oh, ow, group_in, group_out; /* channels of a group */
    const int64_t *ints;
    const char *sum_type;
} Conv;

static Conv conv_of(C99 *c, const C99Step *step, Shape x, Shape kernel, Shape y) {
    return (Conv){.n = x.dims[0],
                  .c = x.dims[1],
                  .h = x.dims[2],
                  .w = x.dims[3],
                  .o = y.dims[1],
                  .kh = kernel.dims[2],
                  .kw = kernel.dims[3],
                  .oh = y.dims[2],
                  .ow = y.dims[3],
                  .group_in = kernel.dims[1],
                  .group_out = kernel.dims[0] / step->step->ints[GROUPS],
                  .ints = step->step->ints,
                  .sum_type = c99_sum_type(c, step->output[0]->dtype)};
}

/* `const long NAME = position * stride + tap * dilation - pad;`, and on to the next tap where that lies in the padding. */
static void read_position(C99 *c, const char *name, const char *position, Number stride, const char *tap, Number dilation, Number before,
                          Number after, Number size) {
    const char *place = c99_plus(c, c99_times(c, stride, position), c99_times(c, dilation, tap));
    c99_line(c, before ? "const long %s = %s - %lld;" : "const long %s = %s;", name, place, before);
    if (before || after) c99_line(c, "if (%s < 0 || %s >= %lld) continue;", name, name, size);
}

bool c99_conv(C99 *c, const C99Step *step) {
    Conv v = conv_of(c, step, step->input[0]->shape, step->input[1]->shape, step->output[0]->shape);
    Shape out = step->output[0]->shape;
    const int64_t *ints = v.ints;
    Affine whole = affine_of(out);
    const char *n = v.n == 1 ? "0" : "i0", *o = v.o == 1 ? "0" : "i1", *y = v.oh == 1 ? "0" : "i2", *x = v.ow == 1 ? "0" : "i3";
    c99_nest(c, out, 'i');
    c99_line(c, "%s sum = 0;", v.sum_type);
    c99_open(c, "for (long k = 0; k < %lld; k++)", v.group_in);
    c99_open(c, "for (long u = 0; u < %lld; u++)", v.kh);
    read_position(c, "h", y, ints[STRIDE], "u", ints[DILATION], ints[PAD], ints[PAD + 1], v.h);
    c99_open(c, "for (long v = 0; v < %lld; v++)", v.kw);
    read_position(c, "w", x, ints[STRIDE + 1], "v", ints[DILATION + 1], ints[PAD + 2], ints[PAD + 3], v.w);
    const char *first = ints[GROUPS] == 1 ? "0" : arena_format(c->arena, "%s / %lld * %lld", o, v.group_out, v.group_in);
    const char *channel = c99_row(c, n, v.c, c99_plus(c, first, "k")), *filter = c99_row(c, o, v.group_in, "k");
    c99_line(c, "sum += (%s)%s[%s] * %s[%s];", v.sum_type, step->in[0], c99_row(c, c99_row(c, channel, v.h, "h"), v.w, "w"), step->in[1],
             c99_row(c, c99_row(c, filter, v.kh, "u"), v.kw, "v"));
    c99_close(c);
    c99_close(c);
    c99_close(c);
    c99_line(c, "%s[%s] = (%s)sum;", step->out[0], c99_offset(c, &whole, out, 'i'), c99_type(c, step->output[0]->dtype));
    c99_nest_end(c, out);
    return true;
}

/* The output position whose tap reads an input position, and on to the next tap where there is none. */
static void read_source(C99 *c, const char *name, const char *position, const char *tap, Number stride, Number dilation, Number before,
                        Number size) {
    const char *begin = before ? c99_plus(c, position, arena_format(c->arena, "%lld", before)) : position;
    c99_line(c, "const long %s = %s - %s;", name, begin, c99_times(c, dilation, tap));
    if (stride == 1) c99_line(c, "if (%s < 0 || %s >= %lld) continue;", name, name, size);
    else c99_line(c, "if (%s < 0 || %s %% %lld != 0 || %s / %lld >= %lld) continue;", name, name, stride, name, stride, size);
}

static const char *over(C99 *c, const char *index, int64_t stride) {
    return stride == 1 ? index : arena_format(c->arena, "%s / %lld", index, (Number)stride);
}

/* The adjoint: each input element collects from the outputs that it went into. */
bool c99_conv_input(C99 *c, const C99Step *step) {
    Shape out = step->output[0]->shape;
    Conv v = conv_of(c, step, out, step->input[1]->shape, step->input[0]->shape);
    const int64_t *ints = v.ints;
    Affine whole = affine_of(out);
    const char *n = v.n == 1 ? "0" : "i0", *k = v.c == 1 ? "0" : "i1", *y = v.h == 1 ? "0" : "i2", *x = v.w == 1 ? "0" : "i3";
    c99_nest(c, out, 'i');
    c99_line(c, "%s sum = 0;", v.sum_type);
    bool one_group = ints[GROUPS] == 1;
    const char *first = one_group ? "0" : arena_format(c->arena, "%s / %lld * %lld", k, v.group_in, v.group_out);
    c99_open(c, "for (long o = %s, last = o + %lld; o < last; o++)", first, v.group_out);
    c99_open(c, "for (long u = 0; u < %lld; u++)", v.kh);
    read_source(c, "h", y, "u", ints[STRIDE], ints[DILATION], ints[PAD], v.oh);
    c99_open(c, "for (long v = 0; v < %lld; v++)", v.kw);
    read_source(c, "w", x, "v", ints[STRIDE + 1], ints[DILATION + 1], ints[PAD + 2], v.ow);
    const char *source = c99_row(c, c99_row(c, c99_row(c, n, v.o, "o"), v.oh, over(c, "h", ints[STRIDE])), v.ow,
                                 over(c, "w", ints[STRIDE + 1]));
    const char *filter = c99_row(c, "o", v.group_in, one_group ? k : arena_format(c->arena, "%s %% %lld", k, v.group_in));
    c99_line(c, "sum += (%s)%s[%s] * %s[%s];", v.sum_type, step->in[0], source, step->in[1],
             c99_row(c, c99_row(c, filter, v.kh, "u"), v.kw, "v"));
    c99_close(c);
    c99_close(c);
    c99_close(c);
    c99_line(c, "%s[%s] = (%s)sum;", step->out[0], c99_offset(c, &whole, out, 'i'), c99_type(c, step->output[0]->dtype));
    c99_nest_end(c, out);
    return true;
}

/* Pooling --------------------------------------------------------------------------------------------------------------- */

/* Attributes: kh, kw, stride_h, stride_w, pad_top, pad_bottom, pad_left, pad_right. */
typedef struct Window {
    Number planes, h, w, oh, ow;
    const int64_t *ints;
} Window;

static Window window_of(const C99Step *step, Shape image, Shape windows) {
    return (Window){image.dims[0] * image.dims[1], image.dims[2], image.dims[3], windows.dims[2], windows.dims[3], step->step->ints};
}

/* Opens the loops over the taps of the window at (row, column) of plane p: h and w are in the image. */
static void open_taps(C99 *c, const Window *w) {
    const int64_t *ints = w->ints;
    c99_open(c, "for (long u = 0; u < %lld; u++)", (Number)ints[0]);
    read_position(c, "h", "row", ints[2], "u", 1, ints[4], ints[5], w->h);
    c99_open(c, "for (long v = 0; v < %lld; v++)", (Number)ints[1]);
    read_position(c, "w", "column", ints[3], "v", 1, ints[6], ints[7], w->w);
}

static void open_planes(C99 *c, Number planes, Number rows, Number columns) {
    c99_open(c, "for (long p = 0; p < %lld; p++)", planes);
    c99_open(c, "for (long row = 0; row < %lld; row++)", rows);
    c99_open(c, "for (long column = 0; column < %lld; column++)", columns);
}

static void close_all(C99 *c, int count) {
    for (int k = 0; k < count; k++) c99_close(c);
}

bool c99_max_pool(C99 *c, const C99Step *step) {
    Window w = window_of(step, step->input[0]->shape, step->output[0]->shape);
    const char *type = c99_type(c, step->output[0]->dtype);
    c99_type(c, DTYPE_I64);
    open_planes(c, w.planes, w.oh, w.ow);
    c99_line(c, "%s best = -INFINITY;", type);
    c99_line(c, "long place = -1;");
    open_taps(c, &w);
    c99_line(c, "const %s value = %s[(p * %lld + h) * %lld + w];", type, step->in[0], w.h, w.w);
    c99_line(c, "if (place < 0 || (best == best && !(best >= value))) best = value, place = h * %lld + w;", w.w);
    close_all(c, 2);
    c99_line(c, "%s[(p * %lld + row) * %lld + column] = best;", step->out[0], w.oh, w.ow);
    c99_line(c, "%s[(p * %lld + row) * %lld + column] = place < 0 ? 0 : place;", step->out[1], w.oh, w.ow);
    close_all(c, 3);
    return true;
}

/* Windows in order, so that repeated places add up as in the runtime. */
bool c99_max_pool_adjoint(C99 *c, const C99Step *step) {
    Window w = window_of(step, step->output[0]->shape, step->input[0]->shape);
    c99_line(c, "for (long i = 0; i < %lld; i++) %s[i] = 0;", w.planes * w.h * w.w, step->out[0]);
    c99_open(c, "for (long p = 0; p < %lld; p++)", w.planes);
    c99_open(c, "for (long k = %lld * p; k < %lld * (p + 1); k++)", w.oh * w.ow, w.oh * w.ow);
    c99_line(c, "%s[%lld * p + (long)%s[k]] += %s[k];", step->out[0], w.h * w.w, step->in[1], step->in[0]);
    close_all(c, 2);
    return true;
}

bool c99_window_sum(C99 *c, const C99Step *step) {
    Window w = window_of(step, step->input[0]->shape, step->output[0]->shape);
    DType dtype = step->output[0]->dtype;
    open_planes(c, w.planes, w.oh, w.ow);
    c99_line(c, "%s sum = 0;", c99_sum_type(c, dtype));
    open_taps(c, &w);
    c99_line(c, "sum += %s[(p * %lld + h) * %lld + w];", step->in[0], w.h, w.w);
    close_all(c, 2);
    c99_line(c, "%s[(p * %lld + row) * %lld + column] = (%s)sum;", step->out[0], w.oh, w.ow, c99_type(c, dtype));
    close_all(c, 3);
    return true;
}

bool c99_window_sum_adjoint(C99 *c, const C99Step *step) {
    Window w = window_of(step, step->output[0]->shape, step->input[0]->shape);
    DType dtype = step->output[0]->dtype;
    open_planes(c, w.planes, w.h, w.w);
    c99_line(c, "%s sum = 0;", c99_sum_type(c, dtype));
    c99_open(c, "for (long u = 0; u < %lld; u++)", (Number)w.ints[0]);
    read_source(c, "h", "row", "u", w.ints[2], 1, w.ints[4], w.oh);
    c99_open(c, "for (long v = 0; v < %lld; v++)", (Number)w.ints[1]);
    read_source(c, "w", "column", "v", w.ints[3], 1, w.ints[6], w.ow);
    c99_line(c, "sum += %s[%s];", step->in[0], c99_row(c, c99_row(c, "p", w.oh, over(c, "h", w.ints[2])), w.ow, over(c, "w", w.ints[3])));
    close_all(c, 2);
    c99_line(c, "%s[(p * %lld + row) * %lld + column] = (%s)sum;", step->out[0], w.h, w.w, c99_type(c, dtype));
    close_all(c, 3);
    return true;
}
