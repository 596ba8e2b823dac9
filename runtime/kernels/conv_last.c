#include "runtime/kernels/conv_last.h"

#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/slots.h"
#include "runtime/kernels/strided.h"

#include <stdatomic.h>
#include <string.h>

enum {
    CHANNELS_LAST = 9,      /* which of the attributes says so */
    WORTH_A_TILE = 1 << 22, /* products: 30 to 40 microseconds */
    TILES_MAX = 64,
    SUMS_MAX = 8,           /* parts of dk that are summed apart */
    CACHED_BYTES = 1 << 19, /* half a second-level cache */
    USES_MIN = 128,         /* products for each element of dk that a call gives */
    SUM_ELEMENTS = 1 << 14, /* of dk, in a piece of work */
    OPERANDS = 3
};

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

/* Images of a call that is worth a thread, by shapes only; a divisor of n where one is near. */
static int64_t images_per_call(const ConvShape *s) {
    int64_t products = max_i64(1, s->o * s->oh * s->ow * s->group_c * s->kh * s->kw);
    int64_t least = max_i64(ceil_div(WORTH_A_TILE, products), ceil_div(s->n, TILES_MAX));
    for (int64_t images = least; images < min_i64(2 * least, s->n); images++)
        if (s->n % images == 0) return images;
    return min_i64(least, s->n);
}

/* As many as the second-level cache holds, and so many that adding up what each call gives is little work. */
static int64_t images_per_sum(const ConvShape *s) {
    int64_t bytes = (s->c * s->h * s->w + s->o * s->oh * s->ow) * s->bytes;
    return min_i64(s->n, max_i64(CACHED_BYTES / bytes, ceil_div(USES_MIN, s->oh * s->ow)));
}

typedef struct Last {
    ConvKind kind;
    const OnednnConv *conv; /* NULL: oneDNN is not there or has no way */
    int64_t calls, tiles;
    size_t packed_bytes; /* of the kernel */
    const void *a, *b;
    char *out;
    Slots slots;
    atomic_bool failed;
} Last;

static Last plan(const ConvShape *s, ConvKind kind) {
    Last last = {.kind = kind};
    if (s->n * s->o * s->oh * s->ow * s->group_c * s->kh * s->kw * s->h * s->w == 0) return last;
    int64_t images = kind == CONV_KERNEL ? images_per_sum(s) : images_per_call(s);
    last.conv = onednn_conv_get(kind, s, images);
    if (!last.conv) return last;
    last.tiles = last.calls = ceil_div(s->n, images);
    last.packed_bytes = slots_round(onednn_conv_packed_bytes(last.conv));
    last.slots.slot_bytes = slots_round(onednn_conv_scratch_bytes(last.conv));
    if (kind == CONV_KERNEL) {
        last.tiles = min_i64(last.calls, SUMS_MAX);
        last.slots.slot_bytes += last.packed_bytes;
    }
    return last;
}

/* Scratch: the packed kernel, one for each tile when it is what is computed, then the slots. */
static size_t kernels_bytes(const Last *last) { return last->packed_bytes * (size_t)(last->kind == CONV_KERNEL ? last->tiles : 1); }

static void run_images(void *context, int64_t tile) {
    Last *last = context;
    void *slot = last->slots.slot_bytes ? slots_take(&last->slots) : NULL;
    if (!onednn_conv_tile(last->conv, tile, last->a, last->b, last->out, slot)) last->failed = true;
    if (slot) slots_give(&last->slots, slot);
}

static void add(float *sum, const float *part, int64_t count) {
    for (int64_t i = 0; i < count; i++) sum[i] += part[i];
}

/* The sum over the images of some calls, in their order. A slot holds what one call gives, then oneDNN's scratch memory. */
static void run_sum(void *context, int64_t tile) {
    Last *last = context;
    char *slot = slots_take(&last->slots), *sum = last->out + tile * (int64_t)last->packed_bytes;
    int64_t first = tile * last->calls / last->tiles, end = (tile + 1) * last->calls / last->tiles;
    for (int64_t call = first; call < end; call++) {
        char *part = call == first ? sum : slot;
        if (!onednn_conv_tile(last->conv, call, last->a, last->b, part, slot + last->packed_bytes)) last->failed = true;
        if (call > first) add((float *)sum, (const float *)part, (int64_t)(onednn_conv_packed_bytes(last->conv) / sizeof(float)));
    }
    slots_give(&last->slots, slot);
}

/* The first tile's sum becomes that of all, in their order. */
static void add_tiles(void *context, int64_t piece) {
    const Last *last = context;
    int64_t count = (int64_t)(last->packed_bytes / sizeof(float)), begin = piece * SUM_ELEMENTS, end = min_i64(begin + SUM_ELEMENTS, count);
    float *sum = (float *)last->out;
    for (int64_t tile = 1; tile < last->tiles; tile++) add(sum + begin, sum + tile * count + begin, end - begin);
}

static bool run_kernel(const KernelCall *call, Last *last) {
    last->a = call->inputs[0].data, last->b = call->inputs[1].data, last->out = call->scratch;
    threads_run(call->threads, last->tiles, run_sum, last);
    int64_t pieces = ceil_div((int64_t)(last->packed_bytes / sizeof(float)), SUM_ELEMENTS);
    if (last->tiles > 1) threads_run(call->threads, pieces, add_tiles, last);
    return !last->failed && onednn_conv_reorder(last->conv, last->out, call->outputs[0].data);
}

static bool run_onednn(const KernelCall *call, Last *last) {
    last->slots.memory = (char *)call->scratch + kernels_bytes(last);
    last->a = call->inputs[0].data, last->b = call->scratch, last->out = call->outputs[0].data;
    bool good = true;
    if (last->kind == CONV_KERNEL) {
        good = run_kernel(call, last);
    } else {
        good = onednn_conv_reorder(last->conv, call->inputs[1].data, call->scratch);
        if (good) threads_run(call->threads, last->tiles, run_images, last);
    }
    return (good && !last->failed) || fault_set(call->fault, "a convolution failed in oneDNN: not enough memory?");
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
    Last last = plan(&s, kind);
    if (last.conv) return kernels_bytes(&last) + last.slots.slot_bytes * SLOT_COUNT;
    View views[OPERANDS];
    KernelCall turned;
    size_t bytes = turned_call(call, kind, views, &turned);
    return bytes + scratches[kind](&turned);
}

bool conv_last(const KernelCall *call, ConvKind kind) {
    ConvShape s = shape_of_call(call, kind);
    Last last = plan(&s, kind);
    return last.conv ? run_onednn(call, &last) : run_turned(call, kind);
}
