/* Reading and writing at computed places: gather, gather_along, and the scatters that undo them.
 *
 * The scatters may run in place: when outputs[0].data == inputs[0].data the base is not copied. Tiles own disjoint parts of the
 * output and each goes through the indices in order, so repeated indices combine in order on any number of threads. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/wide.h"

#include <inttypes.h>
#include <string.h>

typedef enum Combine { COMBINE_ADD, COMBINE_SET } Combine;

typedef struct Scatter {
    Axis base;     /* of the base and the output */
    int64_t count; /* indices along the axis */
    const int64_t *index;
    const char *source; /* gather: x; scatter: base */
    const char *update;
    char *target;
    DType dtype;
    int64_t bytes; /* of one element */
    Combine combine;
    int64_t parts; /* pieces of the tiled extent */
    int64_t per_tile;
} Scatter;

static bool check_indices(const View *index, int64_t size, Fault *fault) {
    const int64_t *values = index->data;
    int64_t count = shape_count(index->shape);
    uint64_t bad = 0;
    for (int64_t i = 0; i < count; i++) bad |= (uint64_t)values[i] >= (uint64_t)size;
    if (!bad) return true;
    int64_t at = 0;
    while ((uint64_t)values[at] < (uint64_t)size) at++;
    fault_set(fault, "index %" PRId64 " is out of range for an axis of %" PRId64, values[at], size);
    return size == 0 ? false : fault_help(fault, "indices run from 0 to %" PRId64, size - 1);
}

enum { LINE_BYTES = 64, ROWS_AHEAD = 2 };

/* Rows of a shuffled batch lie anywhere in memory, and a processor foresees only the rest of a row that it has begun. While one
 * is copied, a later one is asked for line by line: 23 GB/s instead of 15 for rows of 3 KB, where one piece goes at 39. */
WIDE static void copy_row(char *restrict to, const char *restrict from, const char *later, int64_t bytes) {
    for (int64_t at = 0; at + LINE_BYTES <= bytes; at += LINE_BYTES) {
        __builtin_prefetch(later + at);
        memcpy(to + at, from + at, LINE_BYTES);
    }
    __builtin_prefetch(later + bytes - 1);
    memcpy(to + bytes - LINE_BYTES, from + bytes - LINE_BYTES, LINE_BYTES); /* the rest, and again what comes before it */
}

static void copy_short_row(char *restrict to, const char *restrict from, const char *later, int64_t bytes) {
    int64_t at = 0;
    __builtin_prefetch(later);
    for (; at + 8 <= bytes; at += 8) memcpy(to + at, from + at, 8);
    for (; at < bytes; at++) to[at] = from[at];
}

static void gather_rows(void *context, int64_t tile) {
    const Scatter *g = context;
    int64_t first = tile * g->per_tile, end = min_i64(first + g->per_tile, g->base.outer * g->count);
    int64_t bytes = g->base.inner * g->bytes, at = first % g->count;
    const char *block = g->source + first / g->count * g->base.size * bytes;
    for (int64_t r = first; r < end; r++) {
        const char *from = block + g->index[at] * bytes, *later = block + g->index[min_i64(at + ROWS_AHEAD, g->count - 1)] * bytes;
        (bytes < LINE_BYTES ? copy_short_row : copy_row)(g->target + r * bytes, from, later, bytes);
        if (++at < g->count) continue;
        at = 0;
        block += g->base.size * bytes;
    }
}

#define PICK(TYPE) \
    do { \
        const TYPE *from = (const TYPE *)g->source; \
        TYPE *to = (TYPE *)g->target; \
        for (int64_t r = tile * g->per_tile; r < end; r++) { \
            const TYPE *row = from + r * g->base.size; \
            for (int64_t j = 0; j < g->count; j++) to[r * g->count + j] = row[g->index[j]]; \
        } \
    } while (0)

/* inner == 1: single elements of each outer row. */
static void gather_elements(void *context, int64_t tile) {
    const Scatter *g = context;
    int64_t end = min_i64((tile + 1) * g->per_tile, g->base.outer);
    if (g->bytes == 1) PICK(uint8_t);
    else if (g->bytes == 4) PICK(uint32_t);
    else PICK(uint64_t);
}

static Scatter describe(const KernelCall *call, Shape base, bool along) {
    int64_t axis = call->ints[0];
    Scatter s = {
        .base = axis_span(base, axis, 1),
        .count = along ? call->inputs[1].shape.dims[axis] : shape_count(call->inputs[1].shape),
        .index = call->inputs[1].data,
        .source = call->inputs[0].data,
        .target = call->outputs[0].data,
        .dtype = call->inputs[0].dtype,
        .bytes = (int64_t)dtype_bytes(call->inputs[0].dtype),
    };
    return s;
}

bool kernel_gather(const KernelCall *call) {
    Scatter g = describe(call, call->inputs[0].shape, false);
    if (shape_count(call->outputs[0].shape) == 0) return true;
    if (!check_indices(&call->inputs[1], g.base.size, call->fault)) return false;
    bool elements = g.base.inner == 1;
    int64_t items = elements ? g.base.outer : g.base.outer * g.count;
    g.per_tile = items_per_tile(elements ? g.count : g.base.inner);
    threads_run(call->threads, ceil_div(items, g.per_tile), elements ? gather_elements : gather_rows, &g);
    return true;
}

#define PICK_ALONG(TYPE) \
    do { \
        const TYPE *from = (const TYPE *)g->source + o * g->base.size * g->base.inner; \
        TYPE *to = (TYPE *)g->target + r * g->base.inner; \
        for (int64_t i = 0; i < g->base.inner; i++) to[i] = from[index[i] * g->base.inner + i]; \
    } while (0)

static void gather_along_rows(void *context, int64_t tile) {
    const Scatter *g = context;
    int64_t end = min_i64((tile + 1) * g->per_tile, g->base.outer * g->count);
    for (int64_t r = tile * g->per_tile; r < end; r++) {
        int64_t o = r / g->count;
        const int64_t *index = g->index + r * g->base.inner;
        if (g->bytes == 1) PICK_ALONG(uint8_t);
        else if (g->bytes == 4) PICK_ALONG(uint32_t);
        else PICK_ALONG(uint64_t);
    }
}

bool kernel_gather_along(const KernelCall *call) {
    Scatter g = describe(call, call->inputs[0].shape, true);
    if (shape_count(call->outputs[0].shape) == 0) return true;
    if (!check_indices(&call->inputs[1], g.base.size, call->fault)) return false;
    g.per_tile = items_per_tile(g.base.inner);
    threads_run(call->threads, ceil_div(g.base.outer * g.count, g.per_tile), gather_along_rows, &g);
    return true;
}

#define ADD_LOOP(TYPE, EXPRESSION) \
    do { \
        TYPE *to = (TYPE *)target; \
        const TYPE *from = (const TYPE *)update; \
        for (int64_t i = 0; i < count; i++) to[i] = (TYPE)(EXPRESSION); \
        return; \
    } while (0)

static void add_row(DType dtype, char *restrict target, const char *restrict update, int64_t count) {
    switch (dtype) {
    case DTYPE_BOOL: ADD_LOOP(uint8_t, to[i] | from[i]);
    case DTYPE_I64: ADD_LOOP(int64_t, (uint64_t)to[i] + (uint64_t)from[i]);
    case DTYPE_F32: ADD_LOOP(float, to[i] + from[i]);
    case DTYPE_F64: ADD_LOOP(double, to[i] + from[i]);
    }
}

/* One part of the axis of one outer block: [first, end) rows of `inner` elements. */
static void scatter_rows(void *context, int64_t tile) {
    const Scatter *s = context;
    int64_t outer = tile / s->parts, first = tile % s->parts * s->per_tile;
    int64_t end = min_i64(first + s->per_tile, s->base.size);
    int64_t row_bytes = s->base.inner * s->bytes, block = outer * s->base.size * row_bytes;
    if (s->target != s->source)
        memcpy(s->target + block + first * row_bytes, s->source + block + first * row_bytes, (size_t)((end - first) * row_bytes));
    for (int64_t j = 0; j < s->count; j++) {
        if (s->index[j] < first || s->index[j] >= end) continue;
        char *target = s->target + block + s->index[j] * row_bytes;
        const char *update = s->update + (outer * s->count + j) * row_bytes;
        if (s->combine == COMBINE_SET) memcpy(target, update, (size_t)row_bytes);
        else add_row(s->dtype, target, update, s->base.inner);
    }
}

static bool scatter(const KernelCall *call, Combine combine) {
    Scatter s = describe(call, call->outputs[0].shape, false);
    if (!check_indices(&call->inputs[1], s.base.size, call->fault)) return false;
    if (shape_count(call->outputs[0].shape) == 0) return true;
    s.update = call->inputs[2].data;
    s.combine = combine;
    /* Each part reads all the indices again, so parts are few and only made where rows are worth it. */
    int64_t wanted = s.base.outer >= 16 ? 1 : ceil_div((s.base.size + s.count) * s.base.inner, 1 << 16);
    s.parts = max_i64(1, min_i64(min_i64(wanted, 16), min_i64(s.base.inner, s.base.size)));
    s.per_tile = ceil_div(s.base.size, s.parts);
    s.parts = ceil_div(s.base.size, s.per_tile);
    threads_run(call->threads, s.base.outer * s.parts, scatter_rows, &s);
    return true;
}

bool kernel_scatter_add(const KernelCall *call) { return scatter(call, COMBINE_ADD); }

bool kernel_scatter_set(const KernelCall *call) { return scatter(call, COMBINE_SET); }

#define ADD_ALONG(TYPE, EXPRESSION) \
    do { \
        TYPE *to = (TYPE *)s->target + at; \
        const TYPE *from = (const TYPE *)s->update + outer * s->count * inner + j * inner; \
        for (int64_t i = first; i < end; i++) to[index[i] * inner + i] = (TYPE)(EXPRESSION); \
    } while (0)

/* One range [first, end) of the inner extent of one outer block. */
static void scatter_along_part(void *context, int64_t tile) {
    const Scatter *s = context;
    int64_t inner = s->base.inner, outer = tile / s->parts, first = tile % s->parts * s->per_tile;
    int64_t end = min_i64(first + s->per_tile, inner), at = outer * s->base.size * inner;
    if (s->target != s->source)
        for (int64_t r = 0; r < s->base.size; r++) {
            int64_t offset = (at + r * inner + first) * s->bytes;
            memcpy(s->target + offset, s->source + offset, (size_t)((end - first) * s->bytes));
        }
    for (int64_t j = 0; j < s->count; j++) {
        const int64_t *index = s->index + (outer * s->count + j) * inner;
        switch (s->dtype) {
        case DTYPE_BOOL: ADD_ALONG(uint8_t, to[index[i] * inner + i] | from[i]); break;
        case DTYPE_I64: ADD_ALONG(int64_t, (uint64_t)to[index[i] * inner + i] + (uint64_t)from[i]); break;
        case DTYPE_F32: ADD_ALONG(float, to[index[i] * inner + i] + from[i]); break;
        case DTYPE_F64: ADD_ALONG(double, to[index[i] * inner + i] + from[i]); break;
        }
    }
}

#define ADD_LINE(TYPE, EXPRESSION) \
    do { \
        TYPE *to = (TYPE *)s->target + outer * s->base.size; \
        const TYPE *from = (const TYPE *)s->update + outer * s->count; \
        for (int64_t j = 0; j < s->count; j++) to[index[j]] = (TYPE)(EXPRESSION); \
    } while (0)

/* Along the last axis: some outer blocks, each of which is one line. */
static void scatter_along_lines(void *context, int64_t tile) {
    const Scatter *s = context;
    int64_t first = tile * s->per_tile, end = min_i64(first + s->per_tile, s->base.outer), line_bytes = s->base.size * s->bytes;
    if (s->target != s->source)
        memcpy(s->target + first * line_bytes, s->source + first * line_bytes, (size_t)((end - first) * line_bytes));
    for (int64_t outer = first; outer < end; outer++) {
        const int64_t *index = s->index + outer * s->count;
        switch (s->dtype) {
        case DTYPE_BOOL: ADD_LINE(uint8_t, to[index[j]] | from[j]); break;
        case DTYPE_I64: ADD_LINE(int64_t, (uint64_t)to[index[j]] + (uint64_t)from[j]); break;
        case DTYPE_F32: ADD_LINE(float, to[index[j]] + from[j]); break;
        case DTYPE_F64: ADD_LINE(double, to[index[j]] + from[j]); break;
        }
    }
}

bool kernel_scatter_along_add(const KernelCall *call) {
    Scatter s = describe(call, call->outputs[0].shape, true);
    if (!check_indices(&call->inputs[1], s.base.size, call->fault)) return false;
    if (shape_count(call->outputs[0].shape) == 0) return true;
    s.update = call->inputs[2].data;
    if (s.base.inner == 1) {
        s.per_tile = items_per_tile(s.base.size + s.count);
        threads_run(call->threads, ceil_div(s.base.outer, s.per_tile), scatter_along_lines, &s);
        return true;
    }
    s.per_tile = min_i64(s.base.inner, max_i64(64, items_per_tile(s.base.size + s.count)));
    s.parts = ceil_div(s.base.inner, s.per_tile);
    threads_run(call->threads, s.base.outer * s.parts, scatter_along_part, &s);
    return true;
}
