#include "runtime/kernels/columns.h"

#include "runtime/kernels/axis.h"

#include <stddef.h>
#include <string.h>

enum { SMALL_IMAGE = 128, WANTED_TILES = 8 };

ConvShape conv_shape(DType dtype, Shape x, Shape kernel, Shape y, const int64_t *ints) {
    return (ConvShape){
        .n = x.dims[0],
        .c = x.dims[1],
        .h = x.dims[2],
        .w = x.dims[3],
        .o = kernel.dims[0],
        .kh = kernel.dims[2],
        .kw = kernel.dims[3],
        .oh = y.dims[2],
        .ow = y.dims[3],
        .stride_h = ints[0],
        .stride_w = ints[1],
        .pad_top = ints[2],
        .pad_left = ints[4],
        .dilation_h = ints[6],
        .dilation_w = ints[7],
        .groups = ints[8],
        .group_c = x.dims[1] / ints[8],
        .group_o = kernel.dims[0] / ints[8],
        .dtype = dtype,
        .bytes = (int64_t)dtype_bytes(dtype),
    };
}

/* The numbers before `dtype` leave no gaps. */
bool conv_shape_equal(const ConvShape *a, const ConvShape *b) {
    return a->dtype == b->dtype && memcmp(a, b, offsetof(ConvShape, dtype)) == 0;
}

Cut conv_cut(const ConvShape *s, int64_t columns) {
    int64_t area = max_i64(1, s->oh * s->ow);
    Cut cut = {.images = 1, .rows = max_i64(1, s->oh)};
    if (area < SMALL_IMAGE) {
        int64_t fitting = max_i64(1, columns / area);
        cut.images = max_i64(1, min_i64(fitting, ceil_div(s->n, WANTED_TILES)));
    } else {
        int64_t rows = max_i64(1, columns / s->ow);
        cut.rows = ceil_div(s->oh, ceil_div(s->oh, rows));
    }
    cut.image_blocks = ceil_div(s->n, cut.images);
    cut.row_blocks = ceil_div(max_i64(1, s->oh), cut.rows);
    return cut;
}

bool conv_is_pointwise(const ConvShape *s) {
    return s->kh == 1 && s->kw == 1 && s->stride_h == 1 && s->stride_w == 1 && s->pad_top == 0 && s->pad_left == 0 && s->oh == s->h &&
           s->ow == s->w;
}

/* Output positions [first, end) of one axis for which `position * stride + offset` lies in [0, size). */
typedef struct Span {
    int64_t first, end;
} Span;

static Span valid_span(int64_t offset, int64_t stride, int64_t size, int64_t from, int64_t to) {
    int64_t first = offset < 0 ? ceil_div(-offset, stride) : 0;
    int64_t end = offset < size ? ceil_div(size - offset, stride) : 0;
    first = min_i64(max_i64(first, from), to);
    return (Span){first, max_i64(first, min_i64(end, to))};
}

/* One row of the column matrix for one image: kernel position (i, j) of one channel plane. */
typedef struct Line {
    Span rows, columns; /* output positions that read the image */
    int64_t row_offset, column_offset;
    int64_t first_row;
} Line;

static Line line_at(const ConvShape *s, const Block *block, int64_t i, int64_t j) {
    Line line = {.first_row = block->first_row};
    line.row_offset = i * s->dilation_h - s->pad_top;
    line.column_offset = j * s->dilation_w - s->pad_left;
    line.rows = valid_span(line.row_offset, s->stride_h, s->h, block->first_row, block->first_row + block->row_count);
    line.columns = valid_span(line.column_offset, s->stride_w, s->w, 0, s->ow);
    return line;
}

#define DEFINE_ADD_LINES(TYPE, suffix) \
    static void add_lines_##suffix(const ConvShape *s, const Line *line, const TYPE *from, TYPE *plane) { \
        for (int64_t row = line->rows.first; row < line->rows.end; row++) { \
            const TYPE *in = from + (row - line->first_row) * s->ow; \
            TYPE *to = plane + (row * s->stride_h + line->row_offset) * s->w + line->column_offset; \
            for (int64_t k = line->columns.first; k < line->columns.end; k++) to[k * s->stride_w] += in[k]; \
        } \
    }

DEFINE_ADD_LINES(float, f32)
DEFINE_ADD_LINES(double, f64)

void columns_to_image(const ConvShape *s, const Block *block, const void *columns, void *dx) {
    int64_t stride = block_columns(s, block), taps = s->kh * s->kw;
    for (int64_t image = 0; image < block->image_count; image++)
        for (int64_t channel = 0; channel < block->channel_count; channel++)
            for (int64_t k = 0; k < taps; k++) {
                Line line = line_at(s, block, k / s->kw, k % s->kw);
                int64_t plane = ((block->first_image + image) * s->c + block->first_channel + channel) * s->h * s->w;
                int64_t from = (channel * taps + k) * stride + image * block->row_count * s->ow;
                if (s->dtype == DTYPE_F32) add_lines_f32(s, &line, (const float *)columns + from, (float *)dx + plane);
                else add_lines_f64(s, &line, (const double *)columns + from, (double *)dx + plane);
            }
}

static void move_images(const ConvShape *s, const Block *block, int64_t first_o, int64_t o_count, char *y, char *packed, bool pack) {
    int64_t bytes = block->row_count * s->ow * s->bytes, area = s->oh * s->ow * s->bytes;
    for (int64_t channel = 0; channel < o_count; channel++)
        for (int64_t image = 0; image < block->image_count; image++) {
            char *at = y + ((block->first_image + image) * s->o + first_o + channel) * area + block->first_row * s->ow * s->bytes;
            char *column = packed + (channel * block->image_count + image) * bytes;
            memcpy(pack ? column : at, pack ? at : column, (size_t)bytes);
        }
}

void columns_pack(const ConvShape *s, const Block *block, int64_t first_o, int64_t o_count, const void *y, void *packed) {
    move_images(s, block, first_o, o_count, (char *)y, packed, true);
}

void columns_unpack(const ConvShape *s, const Block *block, int64_t first_o, int64_t o_count, const void *packed, void *y) {
    move_images(s, block, first_o, o_count, y, (char *)packed, false);
}
