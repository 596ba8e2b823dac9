#include "runtime/data/permutation.h"

#include "runtime/base/rng.h"

void permutation_fill(uint64_t seed, uint64_t step, int64_t count, int64_t *out) {
    uint64_t key = rng_key(seed, rng_hash("permutation"));
    for (int64_t i = 0; i < count; i++) out[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t other = (int64_t)rng_below(key, step, (uint64_t)i, (uint64_t)i + 1);
        int64_t held = out[i];
        out[i] = out[other];
        out[other] = held;
    }
}
