#include "runtime/kernels/patches.h"

#include "runtime/kernels/axis.h"
#include "runtime/kernels/product_turn.h"
#include "runtime/kernels/wide.h"

#include <string.h>

/* Runs are copied in whole chunks, beyond their end: packed panels have that much slack, and padded storage has a vector's. */
enum { CHUNK_BYTES = 32, WHOLE_BYTES = 128, SLACK_BYTES = 64 };

static Patches layout(const ConvShape *s, int64_t rows) {
    Patches p = {.s = s};
    int64_t width = (s->ow - 1) * s->stride_w + (s->kw - 1) * s->dilation_w + 1;
    p.phase_stride = ceil_div(width, s->stride_w);
    p.row_stride = p.phase_stride * s->stride_w;
    p.channel_stride = p.row_stride * ((rows - 1) * s->stride_h + (s->kh - 1) * s->dilation_h + 1);
    return p;
}

size_t patches_bytes(const ConvShape *s, int64_t images, int64_t rows, int64_t channels) {
    return (size_t)(images * channels * layout(s, rows).channel_stride * s->bytes) + SLACK_BYTES;
}

/* One row of the image, split by column mod stride; NULL is a row of padding. */
#define DEFINE_FILL(TYPE, suffix) \
    static void fill_row_##suffix(const Patches *p, const TYPE *row, TYPE *to) { \
        const ConvShape *s = p->s; \
        for (int64_t phase = 0; phase < s->stride_w; phase++, to += p->phase_stride) { \
            int64_t offset = phase - s->pad_left, stride = s->stride_w; \
            int64_t first = offset < 0 ? ceil_div(-offset, stride) : 0; \
            int64_t end = row && offset < s->w ? ceil_div(s->w - offset, stride) : 0; \
            first = min_i64(first, p->phase_stride); \
            end = max_i64(first, min_i64(end, p->phase_stride)); \
            for (int64_t k = 0; k < first; k++) to[k] = 0; \
            if (stride == 1 && end > first) memcpy(to + first, row + first + offset, (size_t)(end - first) * sizeof(TYPE)); \
            else \
                for (int64_t k = first; k < end; k++) to[k] = row[k * stride + offset]; \
            for (int64_t k = end; k < p->phase_stride; k++) to[k] = 0; \
        } \
    }

DEFINE_FILL(float, f32)
DEFINE_FILL(double, f64)

static void fill_plane(const Patches *p, const char *plane, char *to) {
    const ConvShape *s = p->s;
    int64_t rows = p->channel_stride / p->row_stride, first = p->block.first_row * s->stride_h - s->pad_top;
    for (int64_t r = 0; r < rows; r++, to += p->row_stride * s->bytes) {
        bool is_inside = first + r >= 0 && first + r < s->h;
        const char *row = is_inside ? plane + (first + r) * s->w * s->bytes : NULL;
        if (s->dtype == DTYPE_F32) fill_row_f32(p, (const float *)row, (float *)to);
        else fill_row_f64(p, (const double *)row, (double *)to);
    }
}

Patches patches_of(const ConvShape *s, Block block, const void *x, void *padded) {
    Patches p = layout(s, block.row_count);
    p.block = block;
    p.padded = padded;
    p.image_stride = p.channel_stride * block.channel_count;
    for (int64_t image = 0; image < block.image_count; image++)
        for (int64_t channel = 0; channel < block.channel_count; channel++) {
            int64_t plane = (block.first_image + image) * s->c + block.first_channel + channel;
            int64_t at = image * p.image_stride + channel * p.channel_stride;
            fill_plane(&p, (const char *)x + plane * s->h * s->w * s->bytes, p.padded + at * s->bytes);
        }
    int64_t used = block.image_count * p.image_stride * s->bytes;
    memset(p.padded + used, 0, SLACK_BYTES);
    return p;
}

/* Neighbouring output positions of one output row. */
typedef struct Run {
    int64_t at;            /* element of padded storage for the tap at offset 0 */
    int64_t start, length; /* positions, from the first asked for */
} Run;

static int runs_of(const Patches *p, int64_t first, int64_t count, Run *runs) {
    const ConvShape *s = p->s;
    int64_t per_image = p->block.row_count * s->ow, image = first / per_image;
    int64_t row = first % per_image / s->ow, column = first % s->ow;
    int run_count = 0;
    for (int64_t start = 0; start < count; column = 0) {
        int64_t length = min_i64(s->ow - column, count - start);
        runs[run_count++] = (Run){image * p->image_stride + row * s->stride_h * p->row_stride + column, start, length};
        start += length;
        if (++row == p->block.row_count) row = 0, image++;
    }
    return run_count;
}

/* Offsets of consecutive taps, counted up rather than divided out: there are as many as a panel has rows. */
void patches_tap_offsets(const Patches *p, int64_t first, int64_t count, int64_t *offsets) {
    const ConvShape *s = p->s;
    int64_t channel = first / (s->kh * s->kw), i = first / s->kw % s->kh, j = first % s->kw;
    int64_t phase = j * s->dilation_w % s->stride_w, column = j * s->dilation_w / s->stride_w;
    for (int64_t k = 0; k < count; k++) {
        int64_t row = channel * p->channel_stride + i * s->dilation_h * p->row_stride;
        offsets[k] = row + phase * p->phase_stride + column;
        phase += s->dilation_w;
        for (; phase >= s->stride_w; phase -= s->stride_w) column++;
        if (++j < s->kw) continue;
        j = phase = column = 0;
        if (++i == s->kh) i = 0, channel++;
    }
}

/* Tap by tap and run by run in order, so that what a chunk writes too far is written over. */
WIDE static void copy_runs(const char *padded, const Run *runs, int run_count, const int64_t *offsets, int64_t depth, int64_t bytes,
                           int64_t row_bytes, char *packed) {
    for (int64_t k = 0; k < depth; k++, packed += row_bytes)
        for (int r = 0; r < run_count; r++) {
            const char *from = padded + (runs[r].at + offsets[k]) * bytes;
            char *to = packed + runs[r].start * bytes;
            for (int64_t done = 0; done < runs[r].length * bytes; done += CHUNK_BYTES) memcpy(to + done, from + done, CHUNK_BYTES);
        }
}

/* One run that fills the panel: a fixed number of chunks. */
WIDE static void copy_whole(const char *padded, const int64_t *offsets, int64_t depth, int64_t bytes, char *packed) {
    for (int64_t k = 0; k < depth; k++) memcpy(packed + k * WHOLE_BYTES, padded + offsets[k] * bytes, WHOLE_BYTES);
}

/* packed[tap, position]. */
static void pack_columns(const Factor *factor, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth,
                         void *packed) {
    const Patches *p = factor->data;
    int64_t bytes = p->s->bytes, offsets[PRODUCT_DEPTH] = {0};
    Run runs[PRODUCT_LINES_MAX] = {0};
    int run_count = runs_of(p, first_line, lines, runs);
    patches_tap_offsets(p, first_depth, depth, offsets);
    int64_t row_bytes = width * bytes;
    if (run_count == 1 && lines == width && row_bytes == WHOLE_BYTES)
        copy_whole(p->padded + runs[0].at * bytes, offsets, depth, bytes, packed);
    else copy_runs(p->padded, runs, run_count, offsets, depth, bytes, row_bytes, packed);
    for (int64_t k = 0; lines < width && k < depth; k++)
        memset((char *)packed + k * row_bytes + lines * bytes, 0, (size_t)((width - lines) * bytes));
}

/* packed[position, tap]: four taps by four positions are turned in registers. */
#define DEFINE_PACK_TAPS(TYPE, suffix) \
    static void pack_taps_##suffix(const Patches *p, const Run *run, const int64_t *offsets, int64_t lines, int64_t width, TYPE *packed) { \
        const TYPE *padded = (const TYPE *)p->padded + run->at; \
        int64_t whole = run->length / 4 * 4, tap = 0; \
        for (; tap + 4 <= lines; tap += 4) { \
            const TYPE *a = padded + offsets[tap], *b = padded + offsets[tap + 1]; \
            const TYPE *c = padded + offsets[tap + 2], *d = padded + offsets[tap + 3]; \
            TYPE *to = packed + tap; \
            for (int64_t x = 0; x < whole; x += 4) turn_4_##suffix(to + x * width, width, a + x, b + x, c + x, d + x); \
            for (int64_t x = whole; x < run->length; x++) \
                to[x * width] = a[x], to[x * width + 1] = b[x], to[x * width + 2] = c[x], to[x * width + 3] = d[x]; \
        } \
        for (; tap < width; tap++) \
            for (int64_t x = 0; x < run->length; x++) packed[x * width + tap] = tap < lines ? padded[offsets[tap] + x] : 0; \
    }

DEFINE_PACK_TAPS(float, f32)
DEFINE_PACK_TAPS(double, f64)

static void pack_taps(const Factor *factor, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth,
                      void *packed) {
    const Patches *p = factor->data;
    int64_t offsets[PRODUCT_LINES_MAX];
    Run runs[PRODUCT_DEPTH];
    int run_count = runs_of(p, first_depth, depth, runs);
    patches_tap_offsets(p, first_line, lines, offsets);
    for (int r = 0; r < run_count; r++)
        if (p->s->dtype == DTYPE_F32) pack_taps_f32(p, &runs[r], offsets, lines, width, (float *)packed + runs[r].start * width);
        else pack_taps_f64(p, &runs[r], offsets, lines, width, (double *)packed + runs[r].start * width);
}

Factor patches_columns(const Patches *patches) { return (Factor){.data = patches, .pack = pack_columns}; }

Factor patches_transposed(const Patches *patches) { return (Factor){.data = patches, .pack = pack_taps}; }
