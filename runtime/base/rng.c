#include "runtime/base/rng.h"

#include <math.h>

/* Layout of a stream: a block of four words serves four f32 numbers (index / 4 is the counter) or two f64 numbers
 * (index / 2), so that a kernel that fills a whole tensor pays for each block once and gets the same bits. */

static const float TWO_PI_F32 = 6.28318530717958647693f;
static const double TWO_PI_F64 = 6.28318530717958647693;

RngBlock rng_block(uint64_t key, uint64_t counter_low, uint64_t counter_high) {
    uint32_t c0 = (uint32_t)counter_low, c1 = (uint32_t)(counter_low >> 32);
    uint32_t c2 = (uint32_t)counter_high, c3 = (uint32_t)(counter_high >> 32);
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        uint64_t product0 = (uint64_t)0xD2511F53u * c0;
        uint64_t product1 = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ k0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ k1;
        c3 = (uint32_t)product0;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return (RngBlock){{c0, c1, c2, c3}};
}

/* The finaliser of SplitMix64 (Steele, Lea and Flood 2014): a bijection in which every input bit reaches every output bit. */
static uint64_t finalise(uint64_t x) {
    x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
    x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
    return x ^ (x >> 31);
}

uint64_t rng_mix(uint64_t a, uint64_t b) { return finalise(a + 0x9E3779B97F4A7C15u + finalise(b + 0xD1B54A32D192ED03u)); }

uint64_t rng_key(uint64_t seed, uint64_t site) { return rng_mix(seed, site); }

uint64_t rng_hash(const char *text) {
    uint64_t hash = 0xCBF29CE484222325u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001B3u;
    return finalise(hash);
}

static uint64_t word64(RngBlock block, uint64_t half) { return (uint64_t)block.word[2 * half + 1] << 32 | block.word[2 * half]; }

float rng_uniform_f32(uint64_t key, uint64_t step, uint64_t index) {
    RngBlock block = rng_block(key, index / 4, step);
    return (float)(block.word[index % 4] >> 8) * 0x1p-24f;
}

double rng_uniform_f64(uint64_t key, uint64_t step, uint64_t index) {
    RngBlock block = rng_block(key, index / 2, step);
    return (double)(word64(block, index % 2) >> 11) * 0x1p-53;
}

/* Box and Muller (1958): a pair of uniforms makes a pair of normals, the cosine at the even index, the sine at the odd.
 * The radius takes a uniform in (0, 1], so that its logarithm is finite. */
float rng_normal_f32(uint64_t key, uint64_t step, uint64_t index) {
    RngBlock block = rng_block(key, index / 4, step);
    uint64_t pair = index % 4 / 2;
    float radius = sqrtf(-2.0f * logf(((float)block.word[2 * pair] + 1.0f) * 0x1p-32f));
    float angle = TWO_PI_F32 * ((float)(block.word[2 * pair + 1] >> 8) * 0x1p-24f);
    return radius * (index % 2 ? sinf(angle) : cosf(angle));
}

double rng_normal_f64(uint64_t key, uint64_t step, uint64_t index) {
    RngBlock block = rng_block(key, index / 2, step);
    double radius = sqrt(-2.0 * log((double)((word64(block, 0) >> 11) + 1) * 0x1p-53));
    double angle = TWO_PI_F64 * ((double)(word64(block, 1) >> 11) * 0x1p-53);
    return radius * (index % 2 ? sin(angle) : cos(angle));
}

/* The high half of a 64 x 64 bit product (Lemire 2019); the bias, at most bound / 2^64, is left in, since rejection
 * would make the number of blocks used depend on the values. */
uint64_t rng_below(uint64_t key, uint64_t step, uint64_t index, uint64_t bound) {
    uint64_t word = word64(rng_block(key, index / 2, step), index % 2);
    return (uint64_t)(((unsigned __int128)word * bound) >> 64);
}
