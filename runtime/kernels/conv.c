/* 2-d convolution and its two adjoints as tiles of matrix products over column matrices.
 *
 * conv:        y[o, p]    = sum_ck  kernel[o, ck] columns(x)[ck, p]
 * conv_input:  stride 1 is a conv of dy with the kernel turned around; otherwise columns = kernel^T dy, added back into dx
 * conv_kernel: dk[o, ck]  = sum over images of dy[o, p] columns(x)[ck, p]^T: fixed chunks of images, summed in order
 *
 * Tiles depend on shapes only. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/columns.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/product.h"
#include "runtime/kernels/slots.h"

#include <stdatomic.h>
#include <string.h>

enum { WANTED_PARALLEL = 8, PARTIAL_BYTES_MAX = 32 << 20 };

typedef struct Conv {
    ConvShape s;
    Cut cut;
    const char *x, *kernel, *dy;
    char *out;
    Slots slots;
    int64_t packed_offset, workspace_offset; /* bytes from a slot's start: packed outputs, workspace of products */
    int64_t channel_blocks, channels_per_block;
    int64_t chunks;          /* conv_kernel: chunks of image blocks, one partial sum each */
    char *partials;
} Conv;

static bool is_empty(const ConvShape *s) {
    return s->n * s->o * s->oh * s->ow == 0 || s->group_c * s->kh * s->kw == 0 || s->h * s->w == 0;
}

static void zero(const View *view) {
    int64_t bytes = shape_count(view->shape) * (int64_t)dtype_bytes(view->dtype);
    if (bytes > 0)
        memset(view->data, 0, (size_t)bytes);
}

/* Bytes of one slot: a column matrix and, beside it, the packed outputs of a block of several images. */
static int64_t plan_slots(Conv *conv, int64_t channels) {
    const ConvShape *s = &conv->s;
    int64_t columns = conv->cut.images * conv->cut.rows * s->ow;
    conv->packed_offset = (int64_t)slots_round((size_t)(channels * s->kh * s->kw * columns * s->bytes));
    int64_t packed = conv->cut.images > 1 ? s->group_o * columns * s->bytes : 0;
    conv->workspace_offset = (int64_t)slots_round((size_t)(conv->packed_offset + packed));
    conv->slots.slot_bytes = (size_t)conv->workspace_offset + slots_round(product_workspace());
    return (int64_t)conv->slots.slot_bytes * SLOT_COUNT;
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

/* The column matrix of a block: built in `memory`, or x itself for a pointwise convolution. */
static Factor columns_of(const Conv *conv, const Block *block, char *memory) {
    const ConvShape *s = &conv->s;
    if (conv_is_pointwise(s) && block->image_count == 1) {
        int64_t at = ((block->first_image * s->c + block->first_channel) * s->h + block->first_row) * s->w;
        return factor_columns(conv->x + at * s->bytes, s->h * s->w);
    }
    columns_from_image(s, block, conv->x, memory);
    return factor_columns(memory, block_columns(s, block));
}

/* dy of one group over a block, packed when it spans images. */
static Factor outputs_of(const Conv *conv, const Block *block, int64_t group, char *memory) {
    const ConvShape *s = &conv->s;
    int64_t first_o = group * s->group_o;
    if (block->image_count == 1)
        return factor_columns(conv->dy + output_offset(s, block, first_o), s->oh * s->ow);
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
    Product product = {
        .dtype = s->dtype, .m = s->group_o, .n = columns, .k = depth,
        .a = factor_rows(conv->kernel + first_o * depth * s->bytes, depth),
        .b = columns_of(conv, &block, slot),
        .c = direct ? conv->out + output_offset(s, &block, first_o) : packed,
        .c_stride = direct ? s->oh * s->ow : columns,
    };
    product_run(&product, slot + conv->workspace_offset);
    if (!direct)
        columns_unpack(s, &block, first_o, s->group_o, packed, conv->out);
    slots_give(&conv->slots, slot);
}

static Conv plan_conv(ConvShape s) {
    Conv conv = {.s = s, .cut = conv_cut(&s, s.group_c * s.kh * s.kw)};
    return conv;
}

static void run_conv(Conv *conv, Threads *threads) {
    threads_run(threads, conv->cut.image_blocks * conv->cut.row_blocks * conv->s.groups, conv_tile, conv);
}

static ConvShape call_shape(const KernelCall *call, Shape x, Shape kernel, Shape y) {
    return conv_shape(call->outputs[0].dtype, x, kernel, y, call->ints);
}

size_t scratch_conv(const KernelCall *call) {
    Conv conv = plan_conv(call_shape(call, call->inputs[0].shape, call->inputs[1].shape, call->outputs[0].shape));
    return (size_t)plan_slots(&conv, conv.s.group_c);
}

bool kernel_conv(const KernelCall *call) {
    Conv conv = plan_conv(call_shape(call, call->inputs[0].shape, call->inputs[1].shape, call->outputs[0].shape));
    if (is_empty(&conv.s)) {
        zero(&call->outputs[0]);
        return true;
    }
    plan_slots(&conv, conv.s.group_c);
    conv.slots.memory = call->scratch;
    conv.x = call->inputs[0].data, conv.kernel = call->inputs[1].data, conv.out = call->outputs[0].data;
    run_conv(&conv, call->threads);
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
                if (s->bytes == 4)
                    ((uint32_t *)turned)[to] = ((const uint32_t *)kernel)[from];
                else
                    ((uint64_t *)turned)[to] = ((const uint64_t *)kernel)[from];
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
            .dtype = s->dtype, .m = count * taps, .n = columns, .k = s->group_o,
            .a = kernel, .b = outputs_of(conv, &rows, group, slot + conv->packed_offset), .c = slot, .c_stride = columns,
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

static bool is_turnable(const ConvShape *s) {
    return s->stride_h == 1 && s->stride_w == 1;
}

static ConvShape input_shape(const KernelCall *call) {
    return call_shape(call, call->outputs[0].shape, call->inputs[1].shape, call->inputs[0].shape);
}

static size_t kernel_bytes(const ConvShape *s) {
    return slots_round((size_t)(s->o * s->group_c * s->kh * s->kw * s->bytes));
}

size_t scratch_conv_input(const KernelCall *call) {
    ConvShape s = input_shape(call);
    if (is_turnable(&s)) {
        Conv conv = plan_conv(turned_shape(&s));
        return (size_t)plan_slots(&conv, conv.s.group_c) + kernel_bytes(&s);
    }
    Conv conv = plan_conv(s);
    split_channels(&conv, conv.cut.image_blocks * s.groups);
    return (size_t)plan_slots(&conv, conv.channels_per_block);
}

bool kernel_conv_input(const KernelCall *call) {
    ConvShape s = input_shape(call);
    if (is_empty(&s)) {
        zero(&call->outputs[0]);
        return true;
    }
    bool turn = is_turnable(&s);
    Conv conv = plan_conv(turn ? turned_shape(&s) : s);
    conv.out = call->outputs[0].data;
    if (turn) {
        turn_kernel(&s, call->inputs[1].data, call->scratch);
        plan_slots(&conv, conv.s.group_c);
        conv.slots.memory = (char *)call->scratch + kernel_bytes(&s);
        conv.x = call->inputs[0].data, conv.kernel = call->scratch;
        run_conv(&conv, call->threads);
        return true;
    }
    conv.dy = call->inputs[0].data, conv.kernel = call->inputs[1].data;
    split_channels(&conv, conv.cut.image_blocks * s.groups);
    plan_slots(&conv, conv.channels_per_block);
    conv.slots.memory = call->scratch;
    threads_run(call->threads, conv.cut.image_blocks * s.groups * conv.channel_blocks, conv_input_tile, &conv);
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
        Factor outputs = outputs_of(conv, &block, group, slot + conv->packed_offset), columns = columns_of(conv, &block, slot);
        Product product = {
            .dtype = s->dtype, .m = s->group_o, .n = count * taps, .k = block_columns(s, &block),
            .a = factor_rows(outputs.data, outputs.depth_stride),
            .b = {.data = columns.data, .line_stride = columns.depth_stride, .depth_stride = 1}, /* transposed */
            .accumulate = at > begin * conv->cut.row_blocks, .c = sum, .c_stride = depth,
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
            if (s->dtype == DTYPE_F32)
                ((float *)conv->out)[i] += ((const float *)conv->partials)[chunk * count + i];
            else
                ((double *)conv->out)[i] += ((const double *)conv->partials)[chunk * count + i];
}

static Conv plan_conv_kernel(const KernelCall *call, int64_t *partial_bytes) {
    Conv conv = plan_conv(call_shape(call, call->inputs[0].shape, call->outputs[0].shape, call->inputs[1].shape));
    int64_t bytes = (int64_t)kernel_bytes(&conv.s);
    conv.chunks = max_i64(1, min_i64(min_i64(WANTED_PARALLEL, conv.cut.image_blocks), PARTIAL_BYTES_MAX / max_i64(1, bytes)));
    split_channels(&conv, conv.chunks * conv.s.groups);
    *partial_bytes = conv.chunks > 1 ? (int64_t)slots_round((size_t)(conv.chunks * bytes)) : 0;
    return conv;
}

size_t scratch_conv_kernel(const KernelCall *call) {
    int64_t partial_bytes;
    Conv conv = plan_conv_kernel(call, &partial_bytes);
    return (size_t)(plan_slots(&conv, conv.channels_per_block) + partial_bytes);
}

bool kernel_conv_kernel(const KernelCall *call) {
    int64_t partial_bytes;
    Conv conv = plan_conv_kernel(call, &partial_bytes);
    if (is_empty(&conv.s)) {
        zero(&call->outputs[0]);
        return true;
    }
    plan_slots(&conv, conv.channels_per_block);
    conv.slots.memory = (char *)call->scratch + partial_bytes;
    conv.x = call->inputs[0].data, conv.dy = call->inputs[1].data, conv.out = call->outputs[0].data;
    conv.partials = conv.chunks > 1 ? call->scratch : conv.out;
    threads_run(call->threads, conv.chunks * conv.s.groups * conv.channel_blocks, conv_kernel_tile, &conv);
    int64_t count = conv.s.o * conv.s.group_c * conv.s.kh * conv.s.kw;
    if (conv.chunks > 1)
        threads_run(call->threads, ceil_div(count, SUM_ELEMENTS), sum_partials_tile, &conv);
    return true;
}
