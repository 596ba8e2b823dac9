#include "runtime/kernels/onednn_conv.h"

#include "runtime/base/memory.h"
#include "runtime/kernels/axis.h"
#include "runtime/kernels/onednn.h"
#include "runtime/kernels/warm.h"

#include <pthread.h>
#include <string.h>

typedef struct Part { /* for one count of images */
    dnnl_primitive_t primitive;
    dnnl_memory_desc_t a, b, out, scratchpad;
} Part;

struct OnednnConv {
    ConvKind kind;
    ConvShape s;
    int64_t images;
    bool is_usable;
    Part whole, rest; /* tiles of `images` images, and a last one of fewer */
    dnnl_memory_desc_t plain, packed;
    dnnl_primitive_t reorder;
    OnednnConv *next;
};

enum { FEW_CHANNELS = 32 };

/* ---- making ------------------------------------------------------------------------------------------------------------ */

typedef struct Images { /* descriptions of x and y for so many images */
    dnnl_memory_desc_t x, y;
} Images;

static bool describe_images(const Onednn *onednn, const ConvShape *s, int64_t images, Images *out) {
    const dnnl_dims_t x = {images, s->c, s->h, s->w}, y = {images, s->o, s->oh, s->ow};
    return onednn->memory_desc_init_by_tag(&out->x, 4, x, dnnl_f32, dnnl_nhwc) == dnnl_success &&
           onednn->memory_desc_init_by_tag(&out->y, 4, y, dnnl_f32, dnnl_nhwc) == dnnl_success;
}

static bool describe_kernel(const Onednn *onednn, const ConvShape *s, bool is_plain, dnnl_memory_desc_t *out) {
    const dnnl_dims_t single = {s->o, s->c, s->kh, s->kw}, grouped = {s->groups, s->group_o, s->group_c, s->kh, s->kw};
    bool is_single = s->groups == 1;
    dnnl_format_tag_t tag = !is_plain ? dnnl_format_tag_any : is_single ? dnnl_oihw : dnnl_goihw;
    return onednn->memory_desc_init_by_tag(out, is_single ? 4 : 5, is_single ? single : grouped, dnnl_f32, tag) == dnnl_success;
}

/* Padding behind the image that gives `outputs` windows and no more. */
static int64_t padding_behind(int64_t size, int64_t window, int64_t stride, int64_t before, int64_t dilation, int64_t outputs) {
    return max_i64(0, (outputs - 1) * stride + dilation * (window - 1) + 1 - size - before);
}

static bool describe_conv(const Onednn *onednn, const ConvShape *s, ConvKind kind, const Images *images, const dnnl_memory_desc_t *kernel,
                          dnnl_convolution_desc_t *out) {
    const dnnl_dims_t strides = {s->stride_h, s->stride_w}, dilation = {s->dilation_h - 1, s->dilation_w - 1};
    const dnnl_dims_t before = {s->pad_top, s->pad_left};
    const dnnl_dims_t behind = {padding_behind(s->h, s->kh, s->stride_h, s->pad_top, s->dilation_h, s->oh),
                                padding_behind(s->w, s->kw, s->stride_w, s->pad_left, s->dilation_w, s->ow)};
    switch (kind) {
    case CONV_FORWARD:
        return onednn->dilated_convolution_forward_desc_init(out, dnnl_forward_training, dnnl_convolution_direct, &images->x, kernel, NULL,
                                                             &images->y, strides, dilation, before, behind) == dnnl_success;
    case CONV_INPUT:
        return onednn->dilated_convolution_backward_data_desc_init(out, dnnl_convolution_direct, &images->x, kernel, &images->y, strides,
                                                                   dilation, before, behind) == dnnl_success;
    case CONV_KERNEL:
        return onednn->dilated_convolution_backward_weights_desc_init(out, dnnl_convolution_direct, &images->x, kernel, NULL, &images->y,
                                                                      strides, dilation, before, behind) == dnnl_success;
    }
    return false;
}

static bool name_starts_with(const Onednn *onednn, const_dnnl_primitive_desc_t implementation, const char *start) {
    const char *name = NULL;
    return onednn->primitive_desc_query(implementation, dnnl_query_impl_info_str, 0, &name) == dnnl_success &&
           strncmp(name, start, strlen(start)) == 0;
}

/* oneDNN's first choice, but for one: its convolution by small matrix products is slower than the next on images of few channels that do
 * not come from the nearest caches (3 x 3 kernels, 16 channels: by a quarter; 32: by a fifth; from 64 on it is faster; Zen 5). */
static bool is_good(const Onednn *onednn, const ConvShape *s, const_dnnl_primitive_desc_t implementation) {
    return s->o > FEW_CHANNELS || !name_starts_with(onednn, implementation, "brgconv:");
}

static bool pick(const Onednn *onednn, const ConvShape *s, dnnl_primitive_desc_iterator_t iterator, dnnl_primitive_desc_t *out) {
    do {
        *out = onednn->primitive_desc_iterator_fetch(iterator);
        if (!*out || name_starts_with(onednn, *out, "ref")) break;
        if (is_good(onednn, s, *out)) return true;
        onednn->primitive_desc_destroy(*out);
        *out = NULL;
    } while (onednn->primitive_desc_iterator_next(iterator) == dnnl_success);
    if (*out) onednn->primitive_desc_destroy(*out);
    *out = NULL;
    return false;
}

/* The best implementation, with the caller's scratch memory; false when only the slow reference is left. `hint` is the forward one, for the
 * others. */
static bool choose(const Onednn *onednn, const ConvShape *s, const dnnl_convolution_desc_t *desc, const_dnnl_primitive_desc_t hint,
                   dnnl_primitive_desc_t *out) {
    dnnl_primitive_attr_t attributes;
    dnnl_primitive_desc_iterator_t iterator;
    if (onednn->primitive_attr_create(&attributes) != dnnl_success) return false;
    bool made = onednn->primitive_attr_set_scratchpad_mode(attributes, dnnl_scratchpad_mode_user) == dnnl_success &&
                onednn->primitive_desc_iterator_create(&iterator, desc, attributes, onednn->engine, hint) == dnnl_success;
    onednn->primitive_attr_destroy(attributes);
    if (!made) return false;
    made = pick(onednn, s, iterator, out);
    onednn->primitive_desc_iterator_destroy(iterator);
    return made;
}

/* `packed`: the kernel's order, asked for when its `ndims` is 0. */
static bool make_part(const Onednn *onednn, const OnednnConv *conv, int64_t count, dnnl_memory_desc_t *packed, Part *part) {
    Images images;
    dnnl_memory_desc_t any;
    dnnl_convolution_desc_t forward, wanted;
    dnnl_primitive_desc_t hint = NULL, chosen = NULL;
    bool is_forward = conv->kind == CONV_FORWARD, is_kernel = conv->kind == CONV_KERNEL;
    bool made = describe_images(onednn, &conv->s, count, &images) && describe_kernel(onednn, &conv->s, false, &any) &&
                describe_conv(onednn, &conv->s, conv->kind, &images, packed->ndims ? packed : &any, &wanted);
    if (made && !is_forward)
        made = describe_conv(onednn, &conv->s, CONV_FORWARD, &images, &any, &forward) && choose(onednn, &conv->s, &forward, NULL, &hint);
    made = made && choose(onednn, &conv->s, &wanted, hint, &chosen) && onednn->primitive_create(&part->primitive, chosen) == dnnl_success;
    if (made) {
        *packed = *onednn->primitive_desc_query_md(chosen, is_kernel ? dnnl_query_diff_weights_md : dnnl_query_weights_md, 0);
        part->scratchpad = *onednn->primitive_desc_query_md(chosen, dnnl_query_scratchpad_md, 0);
        part->a = conv->kind == CONV_INPUT ? images.y : images.x;
        part->b = is_kernel ? images.y : *packed;
        part->out = is_kernel ? *packed : is_forward ? images.y : images.x;
    }
    if (chosen) onednn->primitive_desc_destroy(chosen);
    if (hint) onednn->primitive_desc_destroy(hint);
    return made;
}

static bool make_reorder(const Onednn *onednn, OnednnConv *conv) {
    bool packs = conv->kind != CONV_KERNEL;
    dnnl_primitive_desc_t chosen;
    if (!describe_kernel(onednn, &conv->s, true, &conv->plain) ||
        onednn->reorder_primitive_desc_create(&chosen, packs ? &conv->plain : &conv->packed, onednn->engine,
                                              packs ? &conv->packed : &conv->plain, onednn->engine, NULL) != dnnl_success)
        return false;
    bool made = onednn->primitive_create(&conv->reorder, chosen) == dnnl_success;
    onednn->primitive_desc_destroy(chosen);
    return made;
}

static bool make(const Onednn *onednn, OnednnConv *conv) {
    int64_t rest = conv->s.n % conv->images;
    return make_part(onednn, conv, conv->images, &conv->packed, &conv->whole) &&
           (rest == 0 || make_part(onednn, conv, rest, &conv->packed, &conv->rest)) && make_reorder(onednn, conv);
}

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static OnednnConv *made; /* each geometry that was asked for; never freed */

const OnednnConv *onednn_conv_get(ConvKind kind, const ConvShape *s, int64_t images) {
    const Onednn *onednn = onednn_get();
    if (!onednn || s->dtype != DTYPE_F32) return NULL;
    pthread_mutex_lock(&mutex);
    OnednnConv *conv = made;
    while (conv && (conv->kind != kind || conv->images != images || !conv_shape_equal(&conv->s, s))) conv = conv->next;
    if (!conv) {
        conv = allocate(sizeof *conv);
        *conv = (OnednnConv){.kind = kind, .s = *s, .images = images, .next = made};
        conv->is_usable = make(onednn, conv);
        made = conv;
    }
    pthread_mutex_unlock(&mutex);
    return conv->is_usable ? conv : NULL;
}

/* ---- running ----------------------------------------------------------------------------------------------------------- */

enum { ARGUMENTS_MAX = 4, USES_MIN = 256 };

typedef struct Argument {
    int what;
    const dnnl_memory_desc_t *type;
    const void *data;
} Argument;

static bool execute(dnnl_primitive_t primitive, const Argument *arguments, int count) {
    const Onednn *onednn = onednn_get();
    dnnl_exec_arg_t given[ARGUMENTS_MAX];
    dnnl_stream_t stream;
    bool good = onednn->stream_create(&stream, onednn->engine, dnnl_stream_default_flags) == dnnl_success;
    if (!good) return false;
    int made_count = 0;
    for (; good && made_count < count; made_count++) {
        const Argument *argument = &arguments[made_count];
        given[made_count].arg = argument->what;
        good = onednn->memory_create(&given[made_count].memory, argument->type, onednn->engine, (void *)argument->data) == dnnl_success;
    }
    sigset_t before;
    onednn_begin(&before);
    good = good && onednn->primitive_execute(primitive, stream, count, given) == dnnl_success;
    onednn_end(&before);
    for (int k = 0; k < made_count; k++) onednn->memory_destroy(given[k].memory);
    onednn->stream_destroy(stream);
    return good;
}

static size_t bytes_of(const dnnl_memory_desc_t *type) { return type->ndims ? onednn_get()->memory_desc_get_size(type) : 0; }

size_t onednn_conv_packed_bytes(const OnednnConv *conv) { return bytes_of(&conv->packed); }

size_t onednn_conv_scratch_bytes(const OnednnConv *conv) {
    size_t whole = bytes_of(&conv->whole.scratchpad), rest = bytes_of(&conv->rest.scratchpad);
    return whole > rest ? whole : rest;
}

bool onednn_conv_reorder(const OnednnConv *conv, const void *from, void *to) {
    bool packs = conv->kind != CONV_KERNEL;
    const Argument arguments[] = {{DNNL_ARG_FROM, packs ? &conv->plain : &conv->packed, from},
                                  {DNNL_ARG_TO, packs ? &conv->packed : &conv->plain, to}};
    return execute(conv->reorder, arguments, 2);
}

/* oneDNN walks an image by its windows. Where each number is used often, images are brought to the second-level cache first. */
static void warm_images(const ConvShape *s, const void *images, int64_t bytes) {
    if (s->group_o * s->oh * s->ow * s->kh * s->kw >= USES_MIN * s->h * s->w) warm(images, bytes);
}

bool onednn_conv_tile(const OnednnConv *conv, int64_t tile, const void *a, const void *b, void *out, void *scratch) {
    static const int what[][3] = {[CONV_FORWARD] = {DNNL_ARG_SRC, DNNL_ARG_WEIGHTS, DNNL_ARG_DST},
                                  [CONV_INPUT] = {DNNL_ARG_DIFF_DST, DNNL_ARG_WEIGHTS, DNNL_ARG_DIFF_SRC},
                                  [CONV_KERNEL] = {DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS}};
    const ConvShape *s = &conv->s;
    int64_t first = tile * conv->images, count = min_i64(conv->images, s->n - first);
    int64_t x_bytes = s->c * s->h * s->w * s->bytes, y_bytes = s->o * s->oh * s->ow * s->bytes;
    bool is_kernel = conv->kind == CONV_KERNEL, reads_x = conv->kind != CONV_INPUT;
    const Part *part = count < conv->images ? &conv->rest : &conv->whole;
    const char *from = (const char *)a + first * (reads_x ? x_bytes : y_bytes), *with = (const char *)b + (is_kernel ? first * y_bytes : 0);
    char *to = (char *)out + (is_kernel ? 0 : first * (reads_x ? y_bytes : x_bytes));
    warm_images(s, from, count * (reads_x ? x_bytes : y_bytes));
    if (is_kernel) warm_images(s, with, count * y_bytes);
    const Argument arguments[] = {{what[conv->kind][0], &part->a, from},
                                  {what[conv->kind][1], &part->b, with},
                                  {what[conv->kind][2], &part->out, to},
                                  {DNNL_ARG_SCRATCHPAD, &part->scratchpad, scratch}};
    return execute(part->primitive, arguments, part->scratchpad.ndims ? 4 : 3);
}
