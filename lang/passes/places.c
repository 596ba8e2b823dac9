#include "lang/passes/places.h"

#include "runtime/base/memory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { SORTED_MAX = 2048 }; /* placing the largest first takes time that grows with the square */

/* ---- in order of the first step ------------------------------------------------------------------------------------------ */

typedef struct Block {
    size_t offset;
    size_t bytes;
} Block;

typedef struct Slab {
    LIST(Block) gaps; /* free, in order of offset, never touching one another */
    size_t end;
} Slab;

static size_t slab_take(Slab *slab, size_t bytes) {
    size_t best = SIZE_MAX;
    for (size_t k = 0; k < slab->gaps.count; k++)
        if (slab->gaps.items[k].bytes >= bytes && (best == SIZE_MAX || slab->gaps.items[k].bytes < slab->gaps.items[best].bytes)) best = k;
    if (best == SIZE_MAX) {
        Block *last = slab->gaps.count > 0 ? &slab->gaps.items[slab->gaps.count - 1] : NULL;
        size_t offset = slab->end;
        if (last != NULL && last->offset + last->bytes == slab->end) { /* grow from the gap at the end */
            offset = last->offset;
            slab->gaps.count--;
        }
        slab->end = offset + bytes;
        return offset;
    }
    Block *gap = &slab->gaps.items[best];
    size_t offset = gap->offset;
    gap->offset += bytes;
    gap->bytes -= bytes;
    if (gap->bytes == 0) {
        memmove(gap, gap + 1, sizeof *gap * (slab->gaps.count - best - 1));
        slab->gaps.count--;
    }
    return offset;
}

static void slab_give(Slab *slab, Block block) {
    size_t low = 0, high = slab->gaps.count;
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (slab->gaps.items[middle].offset < block.offset) low = middle + 1;
        else high = middle;
    }
    list_push(&slab->gaps, block);
    Block *gaps = slab->gaps.items;
    memmove(&gaps[low + 1], &gaps[low], sizeof *gaps * (slab->gaps.count - 1 - low));
    gaps[low] = block;
    if (low + 1 < slab->gaps.count && gaps[low].offset + gaps[low].bytes == gaps[low + 1].offset) {
        gaps[low].bytes += gaps[low + 1].bytes;
        memmove(&gaps[low + 1], &gaps[low + 2], sizeof *gaps * (slab->gaps.count - low - 2));
        slab->gaps.count--;
    }
    if (low > 0 && gaps[low - 1].offset + gaps[low - 1].bytes == gaps[low].offset) {
        gaps[low - 1].bytes += gaps[low].bytes;
        memmove(&gaps[low], &gaps[low + 1], sizeof *gaps * (slab->gaps.count - low - 1));
        slab->gaps.count--;
    }
}

typedef struct Key {
    size_t value;
    size_t place; /* number */
} Key;

static int compare_keys(const void *a, const void *b) {
    const Key *x = a, *y = b;
    if (x->value != y->value) return x->value < y->value ? -1 : 1;
    return x->place < y->place ? -1 : x->place > y->place;
}

/* Best fit; what is no longer needed is given back before what begins after it. */
static size_t find_in_order(Place *places, size_t count) {
    Slab slab = {0};
    Key *ends = allocate(sizeof *ends * (count + 1));
    for (size_t k = 0; k < count; k++) ends[k] = (Key){(size_t)places[k].end, k};
    qsort(ends, count, sizeof *ends, compare_keys);
    size_t given = 0;
    for (size_t k = 0; k < count; k++) {
        for (; given < count && ends[given].value < (size_t)places[k].begin; given++) {
            const Place *done = &places[ends[given].place];
            slab_give(&slab, (Block){done->offset, done->bytes});
        }
        places[k].offset = slab_take(&slab, places[k].bytes);
    }
    free(ends);
    list_free(&slab.gaps);
    return slab.end;
}

/* ---- the largest first --------------------------------------------------------------------------------------------------- */

static bool meet(const Place *a, const Place *b) { return a->begin <= b->end && b->begin <= a->end; }

/* The lowest gap among those placed so far, which are in order of offset, that is free as long as `place` is needed. */
static size_t lowest_gap(Place *const *placed, size_t count, const Place *place) {
    size_t offset = 0;
    for (size_t k = 0; k < count; k++) {
        if (!meet(placed[k], place)) continue;
        if (placed[k]->offset >= offset + place->bytes) return offset;
        size_t behind = placed[k]->offset + placed[k]->bytes;
        offset = behind > offset ? behind : offset;
    }
    return offset;
}

static void insert(Place **placed, size_t count, Place *place) {
    size_t at = count;
    while (at > 0 && placed[at - 1]->offset > place->offset) at--;
    memmove(placed + at + 1, placed + at, sizeof *placed * (count - at));
    placed[at] = place;
}

static size_t find_largest_first(Place *places, size_t count) {
    Key *sizes = allocate(sizeof *sizes * (count + 1));
    Place **placed = allocate(sizeof *placed * (count + 1));
    size_t end = 0;
    for (size_t k = 0; k < count; k++) sizes[k] = (Key){SIZE_MAX - places[k].bytes, k};
    qsort(sizes, count, sizeof *sizes, compare_keys);
    for (size_t k = 0; k < count; k++) {
        Place *place = &places[sizes[k].place];
        place->offset = lowest_gap(placed, k, place);
        insert(placed, k, place);
        end = place->offset + place->bytes > end ? place->offset + place->bytes : end;
    }
    free(sizes);
    free(placed);
    return end;
}

size_t places_find(Place *places, size_t count) {
    size_t in_order = find_in_order(places, count);
    if (count > SORTED_MAX) return in_order;
    size_t largest_first = find_largest_first(places, count);
    return largest_first < in_order ? largest_first : find_in_order(places, count);
}
