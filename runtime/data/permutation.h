/* Deterministic shuffles and splits of row numbers: pure functions of a seed. */
#ifndef REG_DATA_PERMUTATION_H
#define REG_DATA_PERMUTATION_H

#include <stdint.h>

/* out[0..count) becomes a uniformly random order of 0..count-1 (Fisher and Yates). Different `step`s (epochs) of one
 * seed are independent. */
void permutation_fill(uint64_t seed, uint64_t step, int64_t count, int64_t *out);

#endif
