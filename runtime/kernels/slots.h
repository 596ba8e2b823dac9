/* Scratch memory for tiles that run at the same time: a few equal slots, taken and given back.
 *
 * Which slot a tile gets depends on timing, what it computes does not. Low slots are taken first, so that few threads keep
 * using the same, cached memory. More threads than slots wait for one another. */
#ifndef REG_KERNELS_SLOTS_H
#define REG_KERNELS_SLOTS_H

#include <stddef.h>

enum { SLOT_COUNT = 16, SLOT_ALIGNMENT = 64 };

typedef struct Slots {
    char *memory;      /* SLOT_COUNT * slot_bytes, 64-byte aligned */
    size_t slot_bytes; /* a multiple of SLOT_ALIGNMENT */
    _Atomic unsigned taken;
} Slots;

size_t slots_round(size_t bytes); /* up to a multiple of SLOT_ALIGNMENT */
void *slots_take(Slots *slots);
void slots_give(Slots *slots, void *slot);

#endif
