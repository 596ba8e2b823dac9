#include "runtime/kernels/columns.h"

#include "runtime/kernels/axis.h"

#include <string.h>

enum { COLUMN_BYTES = 512 * 1024, COLUMNS_MAX = 4096, SMALL_IMAGE = 128, WANTED_TILES = 8 };

ConvShape conv_shape(DType dtype, Shape x, Shape kernel, Shape y, const int64_t *ints) {
    return (ConvShape){
        .n = x.dims[0], .c = x.dims[1], .h = x.dims[2], .w = x.dims[3],
        .o = kernel.dims[0], .kh = kernel.dims[2], .kw = kernel.dims[3],
        .oh = y.dims[2], .ow = y.dims[3],
        .stride_h = ints[0], .stride_w = ints[1], .pad_top = ints[2], .pad_left = ints[4],
        .dilation_h = ints[6], .dilation_w = ints[7], .groups = ints[8],
        .group_c = x.dims[1] / ints[8], .group_o = kernel.dims[0] / ints[8],
        .dtype = dtype, .bytes = (int64_t)dtype_bytes(dtype),
    };
}

Cut conv_cut(const ConvShape *s, int64_t matrix_rows) {
    int64_t area = max_i64(1, s->oh * s->ow);
    int64_t columns = min_i64(COLUMNS_MAX, COLUMN_BYTES / max_i64(1, matrix_rows * s->bytes));
    Cut cut = {.images = 1, .rows = max_i64(1, s->oh)};
    if (area < SMALL_IMAGE) {
        int64_t fitting = max_i64(1, max_i64(columns, 64) / area);
        cut.images = max_i64(1, min_i64(fitting, ceil_div(s->n, WANTED_TILES)));
    } else {
        int64_t rows = max_i64(1, max_i64(columns, 64) / s->ow);
        cut.rows = ceil_div(s->oh, ceil_div(s->oh, rows));
    }
    cut.image_blocks = ceil_div(s->n, cut.images);
    cut.row_blocks = ceil_div(max_i64(1, s->oh), cut.rows);
    return cut;
}

bool conv_is_pointwise(const ConvShape *s) {
    return s->kh == 1 && s->kw == 1 && s->stride_h == 1 && s->stride_w == 1 && s->pad_top == 0 && s->pad_left == 0 &&
           s->oh == s->h && s->ow == s->w;
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
    Span rows, columns;         /* output positions that read the image */
    int64_t row_offset, column_offset;
    int64_t first_row, row_count;
} Line;

static Line line_at(const ConvShape *s, const Block *block, int64_t i, int64_t j) {
    Line line = {.first_row = block->first_row, .row_count = block->row_count};
    line.row_offset = i * s->dilation_h - s->pad_top;
    line.column_offset = j * s->dilation_w - s->pad_left;
    line.rows = valid_span(line.row_offset, s->stride_h, s->h, block->first_row, block->first_row + block->row_count);
    line.columns = valid_span(line.column_offset, s->stride_w, s->w, 0, s->ow);
    return line;
}

#define DEFINE_COLUMNS(TYPE, suffix)                                                                              \
    static void zero_##suffix(TYPE *to, int64_t count) {                                                          \
        for (int64_t k = 0; k < count; k++)                                                                       \
            to[k] = 0;                                                                                            \
    }                                                                                                             \
    /* Whole rows in one move where input and output rows are equally long; the ends of rows are zeroed after. */ \
    static void copy_lines_##suffix(const ConvShape *s, const Line *line, const TYPE *plane, TYPE *to) {          \
        int64_t row = line->rows.first, width = line->columns.end - line->columns.first;                          \
        bool flat = s->stride_h == 1 && s->stride_w == 1 && s->ow == s->w && width > 0 && line->rows.end > row;   \
        if (flat)                                                                                                 \
            memcpy(to + (row - line->first_row) * s->ow + line->columns.first,                                    \
                   plane + (row + line->row_offset) * s->w + line->columns.first + line->column_offset,           \
                   (size_t)((line->rows.end - 1 - row) * s->ow + width) * sizeof(TYPE));                          \
        for (; row < line->rows.end; row++) {                                                                     \
            TYPE *out = to + (row - line->first_row) * s->ow;                                                     \
            zero_##suffix(out, line->columns.first);                                                              \
            zero_##suffix(out + line->columns.end, s->ow - line->columns.end);                                    \
            if (flat || width == 0)                                                                               \
                continue;                                                                                         \
            const TYPE *from = plane + (row * s->stride_h + line->row_offset) * s->w + line->column_offset;       \
            if (s->stride_w == 1)                                                                                 \
                memcpy(out + line->columns.first, from + line->columns.first, (size_t)width * sizeof(TYPE));      \
            else                                                                                                  \
                for (int64_t k = line->columns.first; k < line->columns.end; k++)                                 \
                    out[k] = from[k * s->stride_w];                                                               \
        }                                                                                                         \
        int64_t above = line->rows.first - line->first_row;                                                       \
        int64_t below = line->first_row + line->row_count - line->rows.end;                                       \
        memset(to, 0, (size_t)(above * s->ow) * sizeof(TYPE));                                                    \
        memset(to + (line->row_count - below) * s->ow, 0, (size_t)(below * s->ow) * sizeof(TYPE));                \
    }                                                                                                             \
    static void add_lines_##suffix(const ConvShape *s, const Line *line, const TYPE *from, TYPE *plane) {         \
        for (int64_t row = line->rows.first; row < line->rows.end; row++) {                                       \
            const TYPE *in = from + (row - line->first_row) * s->ow;                                              \
            TYPE *to = plane + (row * s->stride_h + line->row_offset) * s->w + line->column_offset;               \
            for (int64_t k = line->columns.first; k < line->columns.end; k++)                                     \
                to[k * s->stride_w] += in[k];                                                                     \
        }                                                                                                         \
    }

DEFINE_COLUMNS(float, f32)
DEFINE_COLUMNS(double, f64)

typedef void VisitLine(const ConvShape *s, const Line *line, char *plane, char *columns);

static void copy_line(const ConvShape *s, const Line *line, char *plane, char *columns) {
    if (s->dtype == DTYPE_F32)
        copy_lines_f32(s, line, (const float *)plane, (float *)columns);
    else
        copy_lines_f64(s, line, (const double *)plane, (double *)columns);
}

static void add_line(const ConvShape *s, const Line *line, char *plane, char *columns) {
    if (s->dtype == DTYPE_F32)
        add_lines_f32(s, line, (const float *)columns, (float *)plane);
    else
        add_lines_f64(s, line, (const double *)columns, (double *)plane);
}

static void visit_lines(const ConvShape *s, const Block *block, char *x, char *columns, VisitLine *visit) {
    int64_t stride = block_columns(s, block) * s->bytes, image_bytes = block->row_count * s->ow * s->bytes;
    int64_t plane_bytes = s->h * s->w * s->bytes;
    for (int64_t image = 0; image < block->image_count; image++)
        for (int64_t channel = 0; channel < block->channel_count; channel++)
            for (int64_t k = 0; k < s->kh * s->kw; k++) {
                Line line = line_at(s, block, k / s->kw, k % s->kw);
                char *plane = x + ((block->first_image + image) * s->c + block->first_channel + channel) * plane_bytes;
                visit(s, &line, plane, columns + (channel * s->kh * s->kw + k) * stride + image * image_bytes);
            }
}

void columns_from_image(const ConvShape *s, const Block *block, const void *x, void *columns) {
    visit_lines(s, block, (char *)x, columns, copy_line);
}

void columns_to_image(const ConvShape *s, const Block *block, const void *columns, void *dx) {
    visit_lines(s, block, dx, (char *)columns, add_line);
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
