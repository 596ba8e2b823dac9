#include "runtime/kernels/conv_last.h"

#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/slots.h"
#include "runtime/kernels/strided.h"

#include <stdatomic.h>
#include <string.h>

enum { CHANNELS_LAST = 9, WORTH_A_TILE = 1 << 22, TILES_MAX = 64, SUMS_MAX = 8, SUM_ELEMENTS = 1 << 14, OPERANDS = 3 };

bool conv_is_last(const KernelCall *call) { return call->int_count > CHANNELS_LAST && call->ints[CHANNELS_LAST] != 0; }

static Shape planes(Shape last) { return (Shape){.rank = 4, .dims = {last.dims[0], last.dims[3], last.dims[1], last.dims[2]}}; }

/* x, kernel and y of a call; for each kind two are inputs. */
static ConvShape shape_of_call(const KernelCall *call, ConvKind kind) {
    Shape a = call->inputs[0].shape, b = call->inputs[1].shape, out = call->outputs[0].shape;
    DType dtype = call->outputs[0].dtype;
    switch (kind) {
    case CONV_FORWARD: return conv_shape(dtype, planes(a), b, planes(out), call->ints);
    case CONV_INPUT: return conv_shape(dtype, planes(out), b, planes(a), call->ints);
    case CONV_KERNEL: return conv_shape(dtype, planes(a), out, planes(b), call->ints);
    }
    return (ConvShape){0};
}

/* ---- by oneDNN: tiles of images ---------------------------------------------------------------------------------------- */

/* Images of a tile that is worth a thread, by shapes only; a divisor of n where one is near. */
static int64_t images_per_tile(const ConvShape *s, int64_t tiles_max) {
    int64_t products = max_i64(1, s->o * s->oh * s->ow * s->group_c * s->kh * s->kw);
    int64_t least = max_i64(ceil_div(WORTH_A_TILE, products), ceil_div(s->n, tiles_max));
    for (int64_t images = least; images < min_i64(2 * least, s->n); images++)
        if (s->n % images == 0) return images;
    return min_i64(least, s->n);
}

typedef struct Last {
    const OnednnConv *conv;
    int64_t tiles;
    int64_t part_bytes; /* CONV_KERNEL: of the sum over one tile's images */
    const void *a, *b;
    char *out;
    Slots slots;
    atomic_bool failed;
} Last;

static const OnednnConv *find(const ConvShape *s, ConvKind kind, int64_t *tiles) {
    bool is_empty = s->n * s->o * s->oh * s->ow * s->group_c * s->kh * s->kw * s->h * s->w == 0;
    if (is_empty) return NULL;
    int64_t images = images_per_tile(s, kind == CONV_KERNEL ? SUMS_MAX : TILES_MAX);
    *tiles = ceil_div(s->n, images);
    return onednn_conv_get(kind, s, images);
}

static void run_tile(void *context, int64_t tile) {
    Last *last = context;
    void *slot = last->slots.slot_bytes ? slots_take(&last->slots) : NULL;
    if (!onednn_conv_tile(last->conv, tile, last->a, last->b, last->out + tile * last->part_bytes, slot)) last->failed = true;
    if (slot) slots_give(&last->slots, slot);
}

/* The first tile's part becomes the sum of all, in their order. */
static void sum_parts(void *context, int64_t tile) {
    const Last *last = context;
    int64_t count = last->part_bytes / (int64_t)sizeof(float), begin = tile * SUM_ELEMENTS, end = min_i64(begin + SUM_ELEMENTS, count);
    float *sum = (float *)last->out;
    for (int64_t part = 1; part < last->tiles; part++)
        for (int64_t i = begin; i < end; i++) sum[i] += sum[part * count + i];
}

/* Scratch: the packed kernel, one for each tile when it is what is computed, then the slots. */
static size_t packed_bytes(const OnednnConv *conv, ConvKind kind, int64_t tiles) {
    return slots_round(onednn_conv_packed_bytes(conv)) * (size_t)(kind == CONV_KERNEL ? tiles : 1);
}

static bool run_tiles(const KernelCall *call, ConvKind kind, const OnednnConv *conv, int64_t tiles) {
    const void *kernel = call->inputs[1].data;
    char *packed = call->scratch, *out = call->outputs[0].data;
    bool is_kernel = kind == CONV_KERNEL;
    Last last = {.conv = conv,
                 .tiles = tiles,
                 .part_bytes = is_kernel ? (int64_t)slots_round(onednn_conv_packed_bytes(conv)) : 0,
                 .a = call->inputs[0].data,
                 .b = is_kernel ? call->inputs[1].data : packed,
                 .out = is_kernel ? packed : out,
                 .slots = {.memory = packed + packed_bytes(conv, kind, tiles), .slot_bytes = slots_round(onednn_conv_scratch_bytes(conv))}};
    bool good = is_kernel || onednn_conv_reorder(conv, kernel, packed);
    if (good) threads_run(call->threads, tiles, run_tile, &last);
    good = good && !last.failed;
    if (good && is_kernel) {
        if (tiles > 1) threads_run(call->threads, ceil_div(last.part_bytes / (int64_t)sizeof(float), SUM_ELEMENTS), sum_parts, &last);
        good = onednn_conv_reorder(conv, packed, out);
    }
    return good || fault_set(call->fault, "a convolution failed in oneDNN: not enough memory?");
}

/* ---- without it: the images are turned ---------------------------------------------------------------------------------- */

static const bool is_image[][OPERANDS] = {
    [CONV_FORWARD] = {true, false, true}, [CONV_INPUT] = {true, false, true}, [CONV_KERNEL] = {true, true, false}};

static size_t view_bytes(const View *view) { return slots_round((size_t)shape_count(view->shape) * dtype_bytes(view->dtype)); }

/* The call with channels first, its images at the start of the scratch memory. Returns the bytes that they take. */
static size_t turned_call(const KernelCall *call, ConvKind kind, View views[OPERANDS], KernelCall *turned) {
    char *memory = call->scratch;
    size_t bytes = 0;
    for (int k = 0; k < OPERANDS; k++) {
        views[k] = k < 2 ? call->inputs[k] : call->outputs[0];
        if (!is_image[kind][k]) continue;
        views[k].shape = planes(views[k].shape);
        views[k].data = memory ? memory + bytes : NULL;
        bytes += view_bytes(&views[k]);
    }
    *turned = *call;
    turned->inputs = views, turned->outputs = &views[2], turned->int_count = CHANNELS_LAST;
    turned->scratch = memory ? memory + bytes : NULL;
    return bytes;
}

/* Between [n, h, w, c] and [n, c, h, w]. */
static void turn(const View *planes, void *last, bool to_planes, Threads *threads) {
    const int64_t *d = planes->shape.dims;
    StridedCopy copy = {.element_bytes = dtype_bytes(planes->dtype), .rank = 3, .dims = {d[0], d[1], d[2] * d[3]}};
    int64_t *in_planes = to_planes ? copy.target_strides : copy.source_strides,
            *in_last = to_planes ? copy.source_strides : copy.target_strides;
    in_planes[0] = in_last[0] = d[1] * d[2] * d[3];
    in_planes[1] = d[2] * d[3], in_planes[2] = 1;
    in_last[1] = 1, in_last[2] = d[1];
    copy.target = to_planes ? planes->data : last;
    copy.source = to_planes ? last : planes->data;
    strided_copy(copy, threads);
}

typedef bool RunKernel(const KernelCall *call);
typedef size_t ScratchKernel(const KernelCall *call);
static RunKernel *const runs[] = {[CONV_FORWARD] = kernel_conv, [CONV_INPUT] = kernel_conv_input, [CONV_KERNEL] = kernel_conv_kernel};
static ScratchKernel *const scratches[] = {
    [CONV_FORWARD] = scratch_conv, [CONV_INPUT] = scratch_conv_input, [CONV_KERNEL] = scratch_conv_kernel};

static bool run_turned(const KernelCall *call, ConvKind kind) {
    View views[OPERANDS];
    KernelCall turned;
    turned_call(call, kind, views, &turned);
    for (int k = 0; k < 2; k++)
        if (is_image[kind][k]) turn(&views[k], call->inputs[k].data, true, call->threads);
    if (!runs[kind](&turned)) return false;
    if (is_image[kind][2]) turn(&views[2], call->outputs[0].data, false, call->threads);
    return true;
}

size_t conv_last_scratch(const KernelCall *call, ConvKind kind) {
    ConvShape s = shape_of_call(call, kind);
    int64_t tiles;
    const OnednnConv *conv = find(&s, kind, &tiles);
    if (conv) return packed_bytes(conv, kind, tiles) + slots_round(onednn_conv_scratch_bytes(conv)) * SLOT_COUNT;
    View views[OPERANDS];
    KernelCall turned;
    size_t bytes = turned_call(call, kind, views, &turned);
    return bytes + scratches[kind](&turned);
}

bool conv_last(const KernelCall *call, ConvKind kind) {
    ConvShape s = shape_of_call(call, kind);
    int64_t tiles;
    const OnednnConv *conv = find(&s, kind, &tiles);
    return conv ? run_tiles(call, kind, conv, tiles) : run_turned(call, kind);
}
