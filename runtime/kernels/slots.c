#include "runtime/kernels/slots.h"

#include <sched.h>
#include <stdatomic.h>

_Static_assert(SLOT_COUNT <= 31, "taken slots are bits of an unsigned");

size_t slots_round(size_t bytes) { return (bytes + SLOT_ALIGNMENT - 1) / SLOT_ALIGNMENT * SLOT_ALIGNMENT; }

void *slots_take(Slots *slots) {
    unsigned all = (1u << SLOT_COUNT) - 1, taken = atomic_load(&slots->taken);
    for (;;) {
        unsigned available = ~taken & all;
        if (!available) {
            sched_yield();
            taken = atomic_load(&slots->taken);
            continue;
        }
        unsigned bit = available & -available;
        if (atomic_compare_exchange_weak(&slots->taken, &taken, taken | bit))
            return slots->memory + (size_t)__builtin_ctz(bit) * slots->slot_bytes;
    }
}

void slots_give(Slots *slots, void *slot) {
    size_t number = (size_t)((char *)slot - slots->memory) / slots->slot_bytes;
    atomic_fetch_and(&slots->taken, ~(1u << number));
}
