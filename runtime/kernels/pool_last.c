/* Pooling of images whose channels lie last: every loop runs along the channels of one place. */
#include "runtime/kernels/pool.h"
#include "runtime/kernels/warm.h"
#include "runtime/kernels/wide.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

enum { CHANNELS = 64 }; /* at a time: values and taps of a window stay in the first-level cache */

/* MASK: whole numbers as wide as TYPE. */
#define DEFINE_LAST(TYPE, MASK, suffix) \
    /* Channels [0, count) of one window. A larger value is taken, and the first NaN is kept. */ \
    static inline __attribute__((always_inline)) void window_##suffix(const Pool *p, const TYPE *in, Reach rows, Reach columns, \
                                                                      int64_t count, TYPE *out, int64_t *index) { \
        TYPE best[CHANNELS]; \
        MASK place[CHANNELS]; \
        bool is_empty = rows.first >= rows.end || columns.first >= columns.end; \
        MASK first = is_empty ? 0 : (MASK)(rows.first * p->w + columns.first); \
        for (int64_t c = 0; c < count; c++) best[c] = is_empty ? -(TYPE)INFINITY : in[first * p->channels + c], place[c] = first; \
        for (int64_t y = rows.first; y < rows.end; y++) \
            for (int64_t x = columns.first; x < columns.end; x++) { \
                const TYPE *value = in + (y * p->w + x) * p->channels; \
                MASK here = (MASK)(y * p->w + x); \
                for (int64_t c = 0; c < count; c++) { \
                    place[c] = !(best[c] >= value[c]) & (best[c] == best[c]) ? here : place[c]; \
                    best[c] = !(best[c] >= value[c]) & (best[c] == best[c]) ? value[c] : best[c]; \
                } \
            } \
        for (int64_t c = 0; c < count; c++) out[c] = best[c]; \
        for (int64_t c = 0; c < count; c++) index[c] = place[c]; \
    } \
    WIDE void pool_last_largest_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w * p->channels; \
        for (int64_t oy = 0; oy < p->oh; oy++) { \
            Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h); \
            warm(in + rows.first * p->w * p->channels, (rows.end - rows.first) * p->w * p->channels * (int64_t)sizeof *in); \
            for (int64_t ox = 0; ox < p->ow; ox++) { \
                Reach columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w); \
                int64_t at = ((plane * p->oh + oy) * p->ow + ox) * p->channels; \
                for (int64_t c = 0; c < p->channels; c += CHANNELS) { \
                    int64_t count = p->channels - c < CHANNELS ? p->channels - c : CHANNELS; \
                    window_##suffix(p, in + c, rows, columns, count, (TYPE *)p->out + at + c, p->index + at + c); \
                } \
            } \
        } \
    } \
    /* Each place collects from the windows that cover it, in their order: nothing needs clearing first. */ \
    WIDE void pool_last_place_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->oh * p->ow * p->channels; \
        const int64_t *index = p->index + plane * p->oh * p->ow * p->channels; \
        TYPE *out = (TYPE *)p->out + plane * p->h * p->w * p->channels; \
        for (int64_t y = 0; y < p->h; y++) \
            for (int64_t x = 0; x < p->w; x++, out += p->channels) { \
                Reach rows = covering(y, p->stride_h, p->pad_top, p->kh, p->oh); \
                Reach columns = covering(x, p->stride_w, p->pad_left, p->kw, p->ow); \
                int64_t here = y * p->w + x; \
                bool is_first = true; \
                for (int64_t oy = rows.first; oy < rows.end; oy++) \
                    for (int64_t ox = columns.first; ox < columns.end; ox++) { \
                        const TYPE *value = in + (oy * p->ow + ox) * p->channels; \
                        const int64_t *place = index + (oy * p->ow + ox) * p->channels; \
                        if (is_first) \
                            for (int64_t c = 0; c < p->channels; c++) out[c] = place[c] == here ? value[c] : 0; \
                        else \
                            for (int64_t c = 0; c < p->channels; c++) out[c] += place[c] == here ? value[c] : 0; \
                        is_first = false; \
                    } \
                if (is_first) memset(out, 0, (size_t)p->channels * sizeof *out); \
            } \
    } \
    WIDE void pool_last_sum_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->h * p->w * p->channels; \
        TYPE *out = (TYPE *)p->out + plane * p->oh * p->ow * p->channels; \
        for (int64_t oy = 0; oy < p->oh; oy++) \
            for (int64_t ox = 0; ox < p->ow; ox++, out += p->channels) { \
                Reach rows = reach(oy, p->stride_h, p->pad_top, p->kh, p->h), columns = reach(ox, p->stride_w, p->pad_left, p->kw, p->w); \
                memset(out, 0, (size_t)p->channels * sizeof *out); \
                for (int64_t y = rows.first; y < rows.end; y++) \
                    for (int64_t x = columns.first; x < columns.end; x++) \
                        for (int64_t c = 0; c < p->channels; c++) out[c] += in[(y * p->w + x) * p->channels + c]; \
            } \
    } \
    WIDE void pool_last_spread_##suffix(const Pool *p, int64_t plane) { \
        const TYPE *in = (const TYPE *)p->in + plane * p->oh * p->ow * p->channels; \
        TYPE *out = (TYPE *)p->out + plane * p->h * p->w * p->channels; \
        for (int64_t y = 0; y < p->h; y++) \
            for (int64_t x = 0; x < p->w; x++, out += p->channels) { \
                Reach rows = covering(y, p->stride_h, p->pad_top, p->kh, p->oh); \
                Reach columns = covering(x, p->stride_w, p->pad_left, p->kw, p->ow); \
                memset(out, 0, (size_t)p->channels * sizeof *out); \
                for (int64_t oy = rows.first; oy < rows.end; oy++) \
                    for (int64_t ox = columns.first; ox < columns.end; ox++) \
                        for (int64_t c = 0; c < p->channels; c++) out[c] += in[(oy * p->ow + ox) * p->channels + c]; \
            } \
    }

DEFINE_LAST(float, int32_t, f32)
DEFINE_LAST(double, int64_t, f64)
