#include "runtime/kernels/depthwise.h"

#include "runtime/kernels/axis.h"
#include "runtime/kernels/patches.h"
#include "runtime/kernels/slots.h"
#include "runtime/kernels/wide.h"

#include <string.h>

enum { TAPS_MAX = 128, OUTPUTS_MAX = 4, VECTOR_BYTES = 64 };

typedef struct Depthwise {
    const ConvShape *s;
    const char *x, *kernel, *dy;
    char *out;
    Slots slots;
} Depthwise;

/* More taps or outputs than that are worth a matrix product. */
bool conv_is_depthwise(const ConvShape *s) { return s->group_c == 1 && s->group_o <= OUTPUTS_MAX && s->kh * s->kw <= TAPS_MAX; }

static size_t slot_bytes(const ConvShape *s) { return slots_round(patches_bytes(s, 1, s->oh, 1)); }

size_t depthwise_scratch(const ConvShape *s) { return slot_bytes(s) * SLOT_COUNT; }

/* The padded plane that output channel `o` of one image reads. */
static Patches plane_of(const Depthwise *d, int64_t image, int64_t o, void *memory) {
    Block block = {.first_image = image, .image_count = 1, .row_count = d->s->oh, .first_channel = o / d->s->group_o, .channel_count = 1};
    return patches_of(d->s, block, d->x, memory);
}

/* A vector of neighbouring output positions: y = sum over taps of weight * x. The last vector of a row reads on into the next
 * row or the slack after the plane, and keeps only what belongs to the row. */
#define DEFINE_DEPTHWISE(T, suffix) \
    typedef T Vector_##suffix __attribute__((vector_size(VECTOR_BYTES))); \
    typedef T Loose_##suffix __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T)), may_alias)); \
    enum { LANES_##suffix = VECTOR_BYTES / sizeof(T) }; \
    WIDE static void plane_##suffix(const Patches *p, const int64_t *offsets, const T *weights, T *y) { \
        const ConvShape *s = p->s; \
        int64_t taps = s->kh * s->kw; \
        for (int64_t row = 0; row < s->oh; row++) \
            for (int64_t column = 0; column < s->ow; column += LANES_##suffix) { \
                const T *x = (const T *)p->padded + row * s->stride_h * p->row_stride + column; \
                Vector_##suffix sum = {0}; \
                for (int64_t k = 0; k < taps; k++) sum += weights[k] * *(const Loose_##suffix *)(x + offsets[k]); \
                T *to = y + row * s->ow + column; \
                if (s->ow - column >= LANES_##suffix) *(Loose_##suffix *)to = sum; \
                else memcpy(to, &sum, (size_t)(s->ow - column) * sizeof(T)); \
            } \
    } \
    WIDE static void add_taps_##suffix(const Patches *p, const int64_t *offsets, const T *dy, Vector_##suffix *sums) { \
        const ConvShape *s = p->s; \
        int64_t taps = s->kh * s->kw; \
        for (int64_t row = 0; row < s->oh; row++) \
            for (int64_t column = 0; column < s->ow; column += LANES_##suffix) { \
                const T *x = (const T *)p->padded + row * s->stride_h * p->row_stride + column; \
                Vector_##suffix part = {0}; \
                if (s->ow - column >= LANES_##suffix) part = *(const Loose_##suffix *)(dy + row * s->ow + column); \
                else memcpy(&part, dy + row * s->ow + column, (size_t)(s->ow - column) * sizeof(T)); \
                for (int64_t k = 0; k < taps; k++) sums[k] += part * *(const Loose_##suffix *)(x + offsets[k]); \
            } \
    } \
    static void all_images_##suffix(const Depthwise *d, int64_t o, void *memory) { \
        const ConvShape *s = d->s; \
        int64_t offsets[TAPS_MAX], taps = s->kh * s->kw; \
        Vector_##suffix sums[TAPS_MAX]; \
        memset(sums, 0, (size_t)taps * sizeof *sums); \
        for (int64_t image = 0; image < s->n; image++) { \
            Patches p = plane_of(d, image, o, memory); \
            patches_tap_offsets(&p, 0, taps, offsets); \
            add_taps_##suffix(&p, offsets, (const T *)d->dy + (image * s->o + o) * s->oh * s->ow, sums); \
        } \
        for (int64_t k = 0; k < taps; k++) { \
            for (int half = LANES_##suffix / 2; half > 0; half /= 2) \
                for (int lane = 0; lane < half; lane++) sums[k][lane] += sums[k][lane + half]; \
            ((T *)d->out)[o * taps + k] = sums[k][0]; \
        } \
    }

DEFINE_DEPTHWISE(float, f32)
DEFINE_DEPTHWISE(double, f64)

/* One plane of y. */
static void conv_tile(void *context, int64_t tile) {
    Depthwise *d = context;
    const ConvShape *s = d->s;
    int64_t offsets[TAPS_MAX], taps = s->kh * s->kw, o = tile % s->o;
    void *slot = slots_take(&d->slots);
    Patches p = plane_of(d, tile / s->o, o, slot);
    patches_tap_offsets(&p, 0, taps, offsets);
    if (s->dtype == DTYPE_F32) plane_f32(&p, offsets, (const float *)d->kernel + o * taps, (float *)d->out + tile * s->oh * s->ow);
    else plane_f64(&p, offsets, (const double *)d->kernel + o * taps, (double *)d->out + tile * s->oh * s->ow);
    slots_give(&d->slots, slot);
}

void depthwise_conv(const ConvShape *s, const void *x, const void *kernel, void *y, void *scratch, Threads *threads) {
    Depthwise d = {.s = s, .x = x, .kernel = kernel, .out = y, .slots = {.memory = scratch, .slot_bytes = slot_bytes(s)}};
    threads_run(threads, s->n * s->o, conv_tile, &d);
}

/* The taps of one output channel. */
static void kernel_tile(void *context, int64_t tile) {
    Depthwise *d = context;
    void *slot = slots_take(&d->slots);
    if (d->s->dtype == DTYPE_F32) all_images_f32(d, tile, slot);
    else all_images_f64(d, tile, slot);
    slots_give(&d->slots, slot);
}

void depthwise_kernel(const ConvShape *s, const void *x, const void *dy, void *dk, void *scratch, Threads *threads) {
    Depthwise d = {.s = s, .x = x, .dy = dy, .out = dk, .slots = {.memory = scratch, .slot_bytes = slot_bytes(s)}};
    threads_run(threads, s->o, kernel_tile, &d);
}
