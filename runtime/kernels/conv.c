/* 2-d convolution and its two adjoints as tiles of matrix products over column matrices.
 *
 * conv:        y[o, p]    = sum_ck  kernel[o, ck] columns(x)[ck, p]
 * conv_input:  stride 1 is a conv of dy with the kernel turned around; otherwise columns = kernel^T dy, added back into dx
 * conv_kernel: dk[o, ck]  = sum over images of dy[o, p] columns(x)[ck, p]^T: fixed chunks of images, summed in order
 *
 * Depthwise convolutions go to depthwise.h, images whose channels lie last to conv_last.h. Tiles depend on shapes only. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/columns.h"
#include "runtime/kernels/conv_last.h"
#include "runtime/kernels/depthwise.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/patches.h"
#include "runtime/kernels/product.h"
#include "runtime/kernels/slots.h"

#include <stdatomic.h>
#include <string.h>

enum { WANTED_PARALLEL = 8, PARTIAL_BYTES_MAX = 32 << 20, COLUMNS_MIN = 512, COLUMNS_MAX = 4096, COLUMN_ELEMENTS = 1 << 17 };

typedef struct Conv {
    ConvShape s;
    Cut cut;
    const char *x, *kernel, *dy;
    char *out;
    Slots slots;
    int64_t packed_offset, workspace_offset; /* bytes from a slot's start: packed outputs, workspace of products */
    int64_t channel_blocks, channels_per_block;
    int64_t chunks; /* conv_kernel: chunks of image blocks, one partial sum each */
    char *partials;
} Conv;

static bool is_empty(const ConvShape *s) { return s->n * s->o * s->oh * s->ow == 0 || s->group_c * s->kh * s->kw == 0 || s->h * s->w == 0; }

static void zero(const View *view) {
    int64_t bytes = shape_count(view->shape) * (int64_t)dtype_bytes(view->dtype);
    if (bytes > 0) memset(view->data, 0, (size_t)bytes);
}

/* Bytes of all slots. A slot holds the images of a block as patches (or a column matrix, for the way back), beside them the
 * packed outputs of a block of several images, then the workspace of products. */
static int64_t plan_slots(Conv *conv, int64_t first_bytes) {
    const ConvShape *s = &conv->s;
    int64_t columns = conv->cut.images * conv->cut.rows * s->ow;
    conv->packed_offset = (int64_t)slots_round((size_t)first_bytes);
    int64_t packed = conv->cut.images > 1 ? s->group_o * columns * s->bytes : 0;
    conv->workspace_offset = (int64_t)slots_round((size_t)(conv->packed_offset + packed));
    conv->slots.slot_bytes = (size_t)conv->workspace_offset + slots_round(product_workspace());
    return (int64_t)conv->slots.slot_bytes * SLOT_COUNT;
}

static int64_t plan_patches(Conv *conv, int64_t channels) {
    return plan_slots(conv, (int64_t)patches_bytes(&conv->s, conv->cut.images, conv->cut.rows, channels));
}

static Block block_at(const Conv *conv, int64_t image_block, int64_t row_block) {
    const ConvShape *s = &conv->s;
    Block block = {.first_image = image_block * conv->cut.images, .first_row = row_block * conv->cut.rows};
    block.image_count = min_i64(conv->cut.images, s->n - block.first_image);
    block.row_count = min_i64(conv->cut.rows, s->oh - block.first_row);
    return block;
}

/* Where output channel `o` of the block's positions starts in [n, o, oh, ow] storage. */
static int64_t output_offset(const ConvShape *s, const Block *block, int64_t o) {
    return ((block->first_image * s->o + o) * s->oh + block->first_row) * s->ow * s->bytes;
}

/* The column matrix of a block as patches in `memory`; a pointwise convolution has it in x already. */
static Patches images_of(const Conv *conv, const Block *block, char *memory) {
    if (conv_is_pointwise(&conv->s) && block->image_count == 1) return (Patches){.s = &conv->s};
    return patches_of(&conv->s, *block, conv->x, memory);
}

static Factor columns_of(const Conv *conv, const Block *block, const Patches *patches, bool transpose) {
    const ConvShape *s = &conv->s;
    if (patches->padded) return transpose ? patches_transposed(patches) : patches_columns(patches);
    int64_t at = ((block->first_image * s->c + block->first_channel) * s->h + block->first_row) * s->w, area = s->h * s->w;
    const char *x = conv->x + at * s->bytes;
    return transpose ? factor_rows(x, area) : factor_columns(x, area);
}

/* dy of one group over a block, packed when it spans images. */
static Factor outputs_of(const Conv *conv, const Block *block, int64_t group, char *memory) {
    const ConvShape *s = &conv->s;
    int64_t first_o = group * s->group_o;
    if (block->image_count == 1) return factor_columns(conv->dy + output_offset(s, block, first_o), s->oh * s->ow);
    columns_pack(s, block, first_o, s->group_o, conv->dy, memory);
    return factor_columns(memory, block_columns(s, block));
}

static void conv_tile(void *context, int64_t tile) {
    Conv *conv = context;
    const ConvShape *s = &conv->s;
    int64_t group = tile % s->groups, position = tile / s->groups;
    Block block = block_at(conv, position / conv->cut.row_blocks, position % conv->cut.row_blocks);
    block.first_channel = group * s->group_c, block.channel_count = s->group_c;
    int64_t depth = s->group_c * s->kh * s->kw, first_o = group * s->group_o, columns = block_columns(s, &block);
    char *slot = slots_take(&conv->slots), *packed = slot + conv->packed_offset;
    bool direct = block.image_count == 1;
    Patches patches = images_of(conv, &block, slot);
    Product product = {
        .dtype = s->dtype,
        .m = s->group_o,
        .n = columns,
        .k = depth,
        .a = factor_rows(conv->kernel + first_o * depth * s->bytes, depth),
        .b = columns_of(conv, &block, &patches, false),
        .c = direct ? conv->out + output_offset(s, &block, first_o) : packed,
        .c_stride = direct ? s->oh * s->ow : columns,
    };
    product_run(&product, slot + conv->workspace_offset);
    if (!direct) columns_unpack(s, &block, first_o, s->group_o, packed, conv->out);
    slots_give(&conv->slots, slot);
}

static Conv plan_conv(ConvShape s) {
    int64_t depth = max_i64(1, s.group_c * s.kh * s.kw);
    Conv conv = {.s = s, .cut = conv_cut(&s, min_i64(COLUMNS_MAX, max_i64(COLUMNS_MIN, COLUMN_ELEMENTS / depth)))};
    return conv;
}

static size_t conv_scratch(const ConvShape *s) {
    if (conv_is_depthwise(s)) return depthwise_scratch(s);
    Conv conv = plan_conv(*s);
    return (size_t)plan_patches(&conv, s->group_c);
}

static void run_conv(const ConvShape *s, const void *x, const void *kernel, void *y, void *scratch, Threads *threads) {
    if (conv_is_depthwise(s)) {
        depthwise_conv(s, x, kernel, y, scratch, threads);
        return;
    }
    Conv conv = plan_conv(*s);
    plan_patches(&conv, s->group_c);
    conv.slots.memory = scratch;
    conv.x = x, conv.kernel = kernel, conv.out = y;
    threads_run(threads, conv.cut.image_blocks * conv.cut.row_blocks * s->groups, conv_tile, &conv);
}

static ConvShape call_shape(const KernelCall *call, Shape x, Shape kernel, Shape y) {
    return conv_shape(call->outputs[0].dtype, x, kernel, y, call->ints);
}

static ConvShape forward_shape(const KernelCall *call) {
    return call_shape(call, call->inputs[0].shape, call->inputs[1].shape, call->outputs[0].shape);
}

size_t scratch_conv(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last_scratch(call, CONV_FORWARD);
    ConvShape s = forward_shape(call);
    return conv_scratch(&s);
}

bool kernel_conv(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last(call, CONV_FORWARD);
    ConvShape s = forward_shape(call);
    if (is_empty(&s)) zero(&call->outputs[0]);
    else run_conv(&s, call->inputs[0].data, call->inputs[1].data, call->outputs[0].data, call->scratch, call->threads);
    return true;
}

/* The convolution of dy that is the adjoint of a stride-1 convolution of x. */
static ConvShape turned_shape(const ConvShape *s) {
    ConvShape turned = *s;
    turned.c = s->o, turned.h = s->oh, turned.w = s->ow;
    turned.o = s->c, turned.oh = s->h, turned.ow = s->w;
    turned.group_c = s->group_o, turned.group_o = s->group_c;
    turned.pad_top = s->dilation_h * (s->kh - 1) - s->pad_top;
    turned.pad_left = s->dilation_w * (s->kw - 1) - s->pad_left;
    return turned;
}

/* turned[group, c, o, kh, kw] from kernel[group, o, c, kh, kw], both spatial axes reversed. */
static void turn_kernel(const ConvShape *s, const char *kernel, char *turned) {
    int64_t taps = s->kh * s->kw;
    for (int64_t o = 0; o < s->o; o++)
        for (int64_t c = 0; c < s->group_c; c++) {
            int64_t row = o / s->group_o * s->group_c + c;
            for (int64_t k = 0; k < taps; k++) {
                int64_t to = (row * s->group_o + o % s->group_o) * taps + k, from = (o * s->group_c + c) * taps + taps - 1 - k;
                if (s->bytes == 4) ((uint32_t *)turned)[to] = ((const uint32_t *)kernel)[from];
                else ((uint64_t *)turned)[to] = ((const uint64_t *)kernel)[from];
            }
        }
}

/* Some images and channels of dx: columns = kernel^T dy, added back block of rows after block of rows. */
static void conv_input_tile(void *context, int64_t tile) {
    Conv *conv = context;
    const ConvShape *s = &conv->s;
    int64_t part = tile % conv->channel_blocks, group = tile / conv->channel_blocks % s->groups;
    int64_t image_block = tile / conv->channel_blocks / s->groups, taps = s->kh * s->kw;
    int64_t first = part * conv->channels_per_block, count = min_i64(conv->channels_per_block, s->group_c - first);
    Block block = block_at(conv, image_block, 0);
    block.first_channel = group * s->group_c + first, block.channel_count = count;
    for (int64_t image = block.first_image; image < block.first_image + block.image_count; image++)
        memset(conv->out + (image * s->c + block.first_channel) * s->h * s->w * s->bytes, 0, (size_t)(count * s->h * s->w * s->bytes));
    int64_t depth = s->group_c * taps;
    /* The transposed kernel: its rows are the kernel's columns. */
    Factor kernel = factor_columns(conv->kernel + (group * s->group_o * depth + first * taps) * s->bytes, depth);
    char *slot = slots_take(&conv->slots);
    for (int64_t row_block = 0; row_block < conv->cut.row_blocks; row_block++) {
        Block rows = block_at(conv, image_block, row_block);
        rows.first_channel = block.first_channel, rows.channel_count = count;
        int64_t columns = block_columns(s, &rows);
        Product product = {
            .dtype = s->dtype,
            .m = count * taps,
            .n = columns,
            .k = s->group_o,
            .a = kernel,
            .b = outputs_of(conv, &rows, group, slot + conv->packed_offset),
            .c = slot,
            .c_stride = columns,
        };
        product_run(&product, slot + conv->workspace_offset);
        columns_to_image(s, &rows, slot, conv->out);
    }
    slots_give(&conv->slots, slot);
}

static void split_channels(Conv *conv, int64_t other_tiles) {
    int64_t wanted = min_i64(conv->s.group_c, ceil_div(WANTED_PARALLEL, max_i64(1, other_tiles)));
    conv->channels_per_block = ceil_div(conv->s.group_c, max_i64(1, wanted));
    conv->channel_blocks = ceil_div(conv->s.group_c, max_i64(1, conv->channels_per_block));
}

/* Turning pays unless it makes the product much deeper: adding columns back costs about twice what patches do. */
static bool is_turnable(const ConvShape *s) {
    bool is_shallow = 2 * s->group_c > s->group_o || s->kh * s->kw == 1;
    return s->stride_h == 1 && s->stride_w == 1 && is_shallow;
}

static ConvShape input_shape(const KernelCall *call) {
    return call_shape(call, call->outputs[0].shape, call->inputs[1].shape, call->inputs[0].shape);
}

static size_t kernel_bytes(const ConvShape *s) { return slots_round((size_t)(s->o * s->group_c * s->kh * s->kw * s->bytes)); }

/* The way by columns: a column matrix that fits the second-level cache per block. */
static Conv plan_columns(ConvShape s, int64_t *scratch_bytes) {
    int64_t taps = s.kh * s.kw;
    Conv conv = {.s = s, .cut = conv_cut(&s, min_i64(COLUMNS_MAX, max_i64(64, COLUMN_ELEMENTS / max_i64(1, s.group_c * taps))))};
    split_channels(&conv, conv.cut.image_blocks * s.groups);
    int64_t columns = conv.cut.images * conv.cut.rows * s.ow;
    *scratch_bytes = plan_slots(&conv, conv.channels_per_block * taps * columns * s.bytes);
    return conv;
}

size_t scratch_conv_input(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last_scratch(call, CONV_INPUT);
    ConvShape s = input_shape(call);
    int64_t bytes;
    if (!is_turnable(&s)) {
        plan_columns(s, &bytes);
        return (size_t)bytes;
    }
    ConvShape turned = turned_shape(&s);
    return kernel_bytes(&s) + conv_scratch(&turned);
}

bool kernel_conv_input(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last(call, CONV_INPUT);
    ConvShape s = input_shape(call);
    if (is_empty(&s)) zero(&call->outputs[0]);
    else if (is_turnable(&s)) {
        ConvShape turned = turned_shape(&s);
        char *kernel = call->scratch;
        turn_kernel(&s, call->inputs[1].data, kernel);
        run_conv(&turned, call->inputs[0].data, kernel, call->outputs[0].data, kernel + kernel_bytes(&s), call->threads);
    } else {
        int64_t bytes;
        Conv conv = plan_columns(s, &bytes);
        conv.slots.memory = call->scratch;
        conv.dy = call->inputs[0].data, conv.kernel = call->inputs[1].data, conv.out = call->outputs[0].data;
        threads_run(call->threads, conv.cut.image_blocks * s.groups * conv.channel_blocks, conv_input_tile, &conv);
    }
    return true;
}

/* One chunk of image blocks, one group, some input channels: a part of one partial sum. */
static void conv_kernel_tile(void *context, int64_t tile) {
    Conv *conv = context;
    const ConvShape *s = &conv->s;
    int64_t part = tile % conv->channel_blocks, group = tile / conv->channel_blocks % s->groups;
    int64_t chunk = tile / conv->channel_blocks / s->groups, taps = s->kh * s->kw, depth = s->group_c * taps;
    int64_t first = part * conv->channels_per_block, count = min_i64(conv->channels_per_block, s->group_c - first);
    char *sum = conv->partials + ((chunk * s->o + group * s->group_o) * depth + first * taps) * s->bytes;
    int64_t begin = chunk * conv->cut.image_blocks / conv->chunks, end = (chunk + 1) * conv->cut.image_blocks / conv->chunks;
    char *slot = slots_take(&conv->slots);
    for (int64_t at = begin * conv->cut.row_blocks; at < end * conv->cut.row_blocks; at++) {
        Block block = block_at(conv, at / conv->cut.row_blocks, at % conv->cut.row_blocks);
        block.first_channel = group * s->group_c + first, block.channel_count = count;
        Factor outputs = outputs_of(conv, &block, group, slot + conv->packed_offset);
        Patches patches = images_of(conv, &block, slot);
        Product product = {
            .dtype = s->dtype,
            .m = s->group_o,
            .n = count * taps,
            .k = block_columns(s, &block),
            .a = factor_rows(outputs.data, outputs.depth_stride),
            .b = columns_of(conv, &block, &patches, true),
            .accumulate = at > begin * conv->cut.row_blocks,
            .c = sum,
            .c_stride = depth,
        };
        product_run(&product, slot + conv->workspace_offset);
    }
    slots_give(&conv->slots, slot);
}

enum { SUM_ELEMENTS = 1 << 14 };

/* out = partial 0 + partial 1 + ..., in that order. */
static void sum_partials_tile(void *context, int64_t tile) {
    const Conv *conv = context;
    const ConvShape *s = &conv->s;
    int64_t count = s->o * s->group_c * s->kh * s->kw, begin = tile * SUM_ELEMENTS, end = min_i64(begin + SUM_ELEMENTS, count);
    memcpy(conv->out + begin * s->bytes, conv->partials + begin * s->bytes, (size_t)((end - begin) * s->bytes));
    for (int64_t chunk = 1; chunk < conv->chunks; chunk++)
        for (int64_t i = begin; i < end; i++)
            if (s->dtype == DTYPE_F32) ((float *)conv->out)[i] += ((const float *)conv->partials)[chunk * count + i];
            else ((double *)conv->out)[i] += ((const double *)conv->partials)[chunk * count + i];
}

static ConvShape kernel_shape(const KernelCall *call) {
    return call_shape(call, call->inputs[0].shape, call->outputs[0].shape, call->inputs[1].shape);
}

/* Scratch: the partial sums, unless there is only one, then the slots. */
static Conv plan_conv_kernel(ConvShape s, int64_t *partial_bytes, int64_t *slot_bytes) {
    Conv conv = plan_conv(s);
    int64_t bytes = (int64_t)kernel_bytes(&s);
    conv.chunks = max_i64(1, min_i64(min_i64(WANTED_PARALLEL, conv.cut.image_blocks), PARTIAL_BYTES_MAX / max_i64(1, bytes)));
    split_channels(&conv, conv.chunks * s.groups);
    *partial_bytes = conv.chunks > 1 ? conv.chunks * bytes : 0;
    *slot_bytes = plan_patches(&conv, conv.channels_per_block);
    return conv;
}

size_t scratch_conv_kernel(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last_scratch(call, CONV_KERNEL);
    ConvShape s = kernel_shape(call);
    if (conv_is_depthwise(&s)) return depthwise_scratch(&s);
    int64_t partial_bytes, slot_bytes;
    plan_conv_kernel(s, &partial_bytes, &slot_bytes);
    return (size_t)(partial_bytes + slot_bytes);
}

static void run_conv_kernel(const KernelCall *call, const ConvShape *s) {
    int64_t partial_bytes, slot_bytes, count = s->o * s->group_c * s->kh * s->kw;
    Conv conv = plan_conv_kernel(*s, &partial_bytes, &slot_bytes);
    conv.slots.memory = (char *)call->scratch + partial_bytes;
    conv.x = call->inputs[0].data, conv.dy = call->inputs[1].data, conv.out = call->outputs[0].data;
    conv.partials = conv.chunks > 1 ? call->scratch : conv.out;
    threads_run(call->threads, conv.chunks * s->groups * conv.channel_blocks, conv_kernel_tile, &conv);
    if (conv.chunks > 1) threads_run(call->threads, ceil_div(count, SUM_ELEMENTS), sum_partials_tile, &conv);
}

bool kernel_conv_kernel(const KernelCall *call) {
    if (conv_is_last(call)) return conv_last(call, CONV_KERNEL);
    ConvShape s = kernel_shape(call);
    if (is_empty(&s)) zero(&call->outputs[0]);
    else if (conv_is_depthwise(&s))
        depthwise_kernel(&s, call->inputs[0].data, call->inputs[1].data, call->outputs[0].data, call->scratch, call->threads);
    else run_conv_kernel(call, &s);
    return true;
}
