/* Stable sort along one axis, or its first places only, with the permutation. Elements become 64-bit keys whose unsigned order is the wanted order
 * (-0 equals 0, NaN is larger than everything), so that one radix sort serves every dtype and both directions. */
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"

#include <math.h>
#include <string.h>

typedef struct Entry {
    uint64_t key;
    int64_t index;
} Entry;

enum { TILES_MAX = 16, INSERTION_MAX = 48, DIGITS = 8, BUCKETS = 256 };

typedef struct Sort {
    const View *x;
    char *values;
    int64_t *index;
    Axis axis;
    bool descending;
    int64_t kept; /* places of each lane */
    int64_t lanes, lanes_per_tile;
    Entry *entries; /* per tile: two arrays of axis.size */
} Sort;

static uint64_t key_of_signed(int64_t bits) { return (uint64_t)bits ^ (uint64_t)1 << 63; }

static uint64_t key_of_double(double value, bool descending) {
    int64_t bits;
    value += 0.0; /* -0 becomes 0 */
    memcpy(&bits, &value, sizeof bits);
    uint64_t key = bits < 0 ? ~(uint64_t)bits : (uint64_t)bits | (uint64_t)1 << 63;
    return (isnan(value) ? UINT64_MAX : key) ^ (descending ? UINT64_MAX : 0);
}

/* f32 keys live in the low half, so that the high digits are constant and their passes are skipped. */
static uint64_t key_of_float(float value, bool descending) {
    int32_t bits;
    value += 0.0f;
    memcpy(&bits, &value, sizeof bits);
    uint32_t key = bits < 0 ? ~(uint32_t)bits : (uint32_t)bits | (uint32_t)1 << 31;
    return (isnan(value) ? UINT32_MAX : key) ^ (descending ? UINT32_MAX : 0);
}

static uint64_t key_at(const Sort *sort, int64_t at) {
    const void *data = sort->x->data;
    switch (sort->x->dtype) {
    case DTYPE_BOOL: return (((const uint8_t *)data)[at] != 0) ^ (uint64_t)sort->descending;
    case DTYPE_I64: return key_of_signed(((const int64_t *)data)[at]) ^ (sort->descending ? UINT64_MAX : 0);
    case DTYPE_F32: return key_of_float(((const float *)data)[at], sort->descending);
    case DTYPE_F64: return key_of_double(((const double *)data)[at], sort->descending);
    }
    return 0;
}

static void insertion_sort(Entry *entries, int64_t count) {
    for (int64_t i = 1; i < count; i++) {
        Entry entry = entries[i];
        int64_t j = i;
        for (; j > 0 && entries[j - 1].key > entry.key; j--) entries[j] = entries[j - 1];
        entries[j] = entry;
    }
}

/* Returns the array that holds the result: `entries` or `spare`. */
static Entry *radix_sort(Entry *entries, Entry *spare, int64_t count) {
    int64_t histogram[DIGITS][BUCKETS] = {{0}};
    for (int64_t i = 0; i < count; i++)
        for (int d = 0; d < DIGITS; d++) histogram[d][entries[i].key >> (8 * d) & 255]++;
    for (int d = 0; d < DIGITS; d++) {
        int64_t *place = histogram[d], sum = 0;
        if (place[entries[0].key >> (8 * d) & 255] == count) continue;
        for (int b = 0; b < BUCKETS; b++) {
            int64_t here = place[b];
            place[b] = sum;
            sum += here;
        }
        for (int64_t i = 0; i < count; i++) spare[place[entries[i].key >> (8 * d) & 255]++] = entries[i];
        Entry *swap = entries;
        entries = spare;
        spare = swap;
    }
    return entries;
}

/* Short lanes: insertion-sorted runs merged bottom-up, since a histogram would cost more than the sort. */
static Entry *merge_sort(Entry *entries, Entry *spare, int64_t count) {
    for (int64_t run = 0; run < count; run += INSERTION_MAX) insertion_sort(entries + run, min_i64(INSERTION_MAX, count - run));
    for (int64_t width = INSERTION_MAX; width < count; width *= 2) {
        for (int64_t start = 0; start < count; start += 2 * width) {
            int64_t middle = min_i64(start + width, count), end = min_i64(start + 2 * width, count);
            int64_t left = start, right = middle;
            for (int64_t k = start; k < end; k++) {
                bool take_left = left < middle && (right >= end || entries[left].key <= entries[right].key);
                spare[k] = entries[take_left ? left++ : right++];
            }
        }
        Entry *swap = entries;
        entries = spare;
        spare = swap;
    }
    return entries;
}

/* The key at place `rank` (from 0) of the sorted keys, which are lost; *equal is how many keys up to that place equal it. Found digit by
 * digit among the keys that agree in the digits so far. */
static uint64_t select_key(uint64_t *keys, int64_t count, int64_t rank, int64_t *equal) {
    uint64_t differing = 0;
    for (int64_t i = 0; i < count; i++) differing |= keys[i] ^ keys[0];
    for (int shift = 8 * (DIGITS - 1); shift >= 0; shift -= 8) {
        if (!(differing >> shift & 255)) continue;
        int64_t histogram[BUCKETS] = {0}, left = 0;
        uint64_t bucket = 0;
        for (int64_t i = 0; i < count; i++) histogram[keys[i] >> shift & 255]++;
        for (; rank >= histogram[bucket]; bucket++) rank -= histogram[bucket];
        for (int64_t i = 0; i < count; i++)
            if ((keys[i] >> shift & 255) == bucket) keys[left++] = keys[i];
        count = left;
    }
    *equal = rank + 1;
    return keys[0];
}

/* Moves the `kept` entries that a stable sort would put first to the front, in the order in which they stand. */
static void select_first(Entry *entries, uint64_t *keys, int64_t count, int64_t kept) {
    int64_t equal, place = 0;
    for (int64_t i = 0; i < count; i++) keys[i] = entries[i].key;
    uint64_t largest = select_key(keys, count, kept - 1, &equal);
    for (int64_t i = 0; place < kept; i++)
        if (entries[i].key < largest || (entries[i].key == largest && equal-- > 0)) entries[place++] = entries[i];
}

static void sort_lane(const Sort *sort, int64_t lane, Entry *entries) {
    int64_t count = sort->axis.size, kept = sort->kept, inner = sort->axis.inner;
    int64_t base = lane / inner * count * inner + lane % inner, first = lane / inner * kept * inner + lane % inner;
    for (int64_t j = 0; j < count; j++) entries[j] = (Entry){.key = key_at(sort, base + j * inner), .index = j};
    if (kept < count / 2) select_first(entries, (uint64_t *)(void *)(entries + count), count, kept), count = kept;
    Entry *sorted = count < 512 ? merge_sort(entries, entries + count, count) : radix_sort(entries, entries + count, count);
    int64_t bytes = (int64_t)dtype_bytes(sort->x->dtype);
    const char *source = sort->x->data;
    for (int64_t j = 0; j < kept; j++) {
        int64_t to = first + j * inner, from = base + sorted[j].index * inner;
        sort->index[to] = sorted[j].index;
        if (bytes == 8) memcpy(sort->values + to * 8, source + from * 8, 8);
        else if (bytes == 4) memcpy(sort->values + to * 4, source + from * 4, 4);
        else sort->values[to] = source[from];
    }
}

static void sort_tile(void *context, int64_t tile) {
    const Sort *sort = context;
    int64_t end = min_i64((tile + 1) * sort->lanes_per_tile, sort->lanes);
    for (int64_t lane = tile * sort->lanes_per_tile; lane < end; lane++) sort_lane(sort, lane, sort->entries + tile * 2 * sort->axis.size);
}

static int64_t tile_count(Axis axis) { return min_i64(TILES_MAX, ceil_div(axis.outer * axis.inner, items_per_tile(8 * axis.size))); }

size_t scratch_sort(const KernelCall *call) {
    Axis axis = axis_span(call->inputs[0].shape, call->ints[0], 1);
    return (size_t)(tile_count(axis) * 2 * axis.size) * sizeof(Entry);
}

bool kernel_sort(const KernelCall *call) {
    Sort sort = {
        .x = &call->inputs[0],
        .values = call->outputs[0].data,
        .index = call->outputs[1].data,
        .axis = axis_span(call->inputs[0].shape, call->ints[0], 1),
        .descending = call->ints[1] != 0,
        .kept = call->ints[2],
        .entries = call->scratch,
    };
    sort.lanes = sort.axis.outer * sort.axis.inner;
    if (sort.lanes * sort.kept == 0) return true;
    int64_t tiles = tile_count(sort.axis);
    sort.lanes_per_tile = ceil_div(sort.lanes, tiles);
    threads_run(call->threads, ceil_div(sort.lanes, sort.lanes_per_tile), sort_tile, &sort);
    return true;
}
