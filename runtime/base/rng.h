/* Counter-based random numbers (Philox 4x32-10; Salmon et al., SC 2011): a pure function of key and counter. */
#ifndef REG_BASE_RNG_H
#define REG_BASE_RNG_H

#include <stdint.h>

typedef struct RngBlock {
    uint32_t word[4];
} RngBlock;

/* key: (seed, site) mixed by rng_key; counter: (index, step). */
RngBlock rng_block(uint64_t key, uint64_t counter_low, uint64_t counter_high);
uint64_t rng_key(uint64_t seed, uint64_t site);
uint64_t rng_hash(const char *text); /* FNV-1a then finalised: names -> sites */
uint64_t rng_mix(uint64_t a, uint64_t b);
/* One number of stream (key, step), position `index`. Uniform in [0, 1); normal by Box-Muller. */
float rng_uniform_f32(uint64_t key, uint64_t step, uint64_t index);
double rng_uniform_f64(uint64_t key, uint64_t step, uint64_t index);
float rng_normal_f32(uint64_t key, uint64_t step, uint64_t index);
double rng_normal_f64(uint64_t key, uint64_t step, uint64_t index);
/* Uniform integer in [0, bound). */
uint64_t rng_below(uint64_t key, uint64_t step, uint64_t index, uint64_t bound);

#endif
