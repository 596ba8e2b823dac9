/* Uniform and normal numbers over the streams of runtime/base/rng.h: one Philox block per four f32 or two f64 numbers.
 *
 * Uniform numbers and f64 normals have the same bits as rng_uniform_* and rng_normal_f64; f32 normals come from polynomials
 * that vectorise and agree with rng_normal_f32 to a few units in the last place. */
#include "runtime/base/rng.h"
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"
#include "runtime/kernels/wide.h"

#include <math.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum { BLOCKS = 64, ROW_ELEMENTS = 4096 };

/* Words of consecutive blocks, word by word, so that each step of the cipher is one vector loop. */
typedef struct Words {
    uint32_t word[4][BLOCKS];
} Words;

INLINE void fill_words(uint64_t key, uint64_t first_block, uint64_t step, Words *words) {
    uint32_t *c0 = words->word[0], *c1 = words->word[1], *c2 = words->word[2], *c3 = words->word[3];
    for (int b = 0; b < BLOCKS; b++) {
        uint64_t counter = first_block + (uint64_t)b;
        c0[b] = (uint32_t)counter, c1[b] = (uint32_t)(counter >> 32);
        c2[b] = (uint32_t)step, c3[b] = (uint32_t)(step >> 32);
    }
    uint32_t k0 = (uint32_t)key, k1 = (uint32_t)(key >> 32);
    for (int round = 0; round < 10; round++) {
        for (int b = 0; b < BLOCKS; b++) {
            uint64_t product0 = (uint64_t)0xD2511F53u * c0[b], product1 = (uint64_t)0xCD9E8D57u * c2[b];
            c0[b] = (uint32_t)(product1 >> 32) ^ c1[b] ^ k0;
            c1[b] = (uint32_t)product1;
            c2[b] = (uint32_t)(product0 >> 32) ^ c3[b] ^ k1;
            c3[b] = (uint32_t)product0;
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
}

INLINE float uniform_of(uint32_t word) { return (float)(int32_t)(word >> 8) * 0x1p-24f; }

/* BLOCKS blocks of uniform f32 numbers. */
WIDE static void uniform_blocks_f32(uint64_t key, uint64_t first_block, uint64_t step, float *restrict out) {
    Words words;
    fill_words(key, first_block, step, &words);
    for (int b = 0; b < BLOCKS; b++)
        for (int k = 0; k < 4; k++) out[4 * b + k] = uniform_of(words.word[k][b]);
}

/* Natural logarithm of x in [2^-32, 1] (Cephes logf, Moshier 1989). */
INLINE float log_unit(float x) {
    union {
        float value;
        int32_t bits;
    } number = {.value = x}, mantissa;
    int32_t shifted = number.bits - 0x3f3504f3, exponent = shifted >> 23;
    mantissa.bits = number.bits - (int32_t)((uint32_t)exponent << 23);
    float e = (float)exponent, z = mantissa.value - 1.0f, square = z * z;
    float y = 7.0376836292e-2f * z - 1.1514610310e-1f;
    y = y * z + 1.1676998740e-1f;
    y = y * z - 1.2420140846e-1f;
    y = y * z + 1.4249322787e-1f;
    y = y * z - 1.6668057665e-1f;
    y = y * z + 2.0000714765e-1f;
    y = y * z - 2.4999993993e-1f;
    y = y * z + 3.3333331174e-1f;
    y = y * z * square - 2.12194440e-4f * e - 0.5f * square;
    return z + y + 0.693359375f * e;
}

/* cos and sin of 2 pi turn, turn in [0, 1): the quarter is taken off exactly, the rest is Cephes sinf and cosf. */
INLINE void turn_circle(float turn, float *cosine, float *sine) {
    int32_t quarter = (int32_t)(turn * 4.0f + 0.5f);
    float a = 6.28318530717958647693f * (turn - (float)quarter * 0.25f), z = a * a;
    float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * a + a;
    float c = ((2.443315711809948e-5f * z - 1.388731625493765e-3f) * z + 4.166664568298827e-2f) * z * z - 0.5f * z + 1.0f;
    bool swapped = quarter & 1;
    float first = swapped ? s : c, second = swapped ? c : s;
    *cosine = (quarter + 1) & 2 ? -first : first;
    *sine = quarter & 2 ? -second : second;
}

/* BLOCKS blocks of normal f32 numbers: each half block is one Box-Muller pair. */
WIDE static void normal_blocks_f32(uint64_t key, uint64_t first_block, uint64_t step, float *restrict out) {
    Words words;
    float cosine[2][BLOCKS], sine[2][BLOCKS];
    fill_words(key, first_block, step, &words);
    for (int pair = 0; pair < 2; pair++)
        for (int b = 0; b < BLOCKS; b++) {
            float radius = sqrtf(-2.0f * log_unit(((float)words.word[2 * pair][b] + 1.0f) * 0x1p-32f));
            float c, s;
            turn_circle(uniform_of(words.word[2 * pair + 1][b]), &c, &s);
            cosine[pair][b] = radius * c;
            sine[pair][b] = radius * s;
        }
    for (int b = 0; b < BLOCKS; b++) {
        out[4 * b] = cosine[0][b], out[4 * b + 1] = sine[0][b];
        out[4 * b + 2] = cosine[1][b], out[4 * b + 3] = sine[1][b];
    }
}

INLINE double uniform_of_pair(uint32_t low, uint32_t high) { return (double)(int64_t)(((uint64_t)high << 32 | low) >> 11) * 0x1p-53; }

WIDE static void uniform_blocks_f64(uint64_t key, uint64_t first_block, uint64_t step, double *restrict out) {
    Words words;
    fill_words(key, first_block, step, &words);
    for (int b = 0; b < BLOCKS; b++)
        for (int k = 0; k < 2; k++) out[2 * b + k] = uniform_of_pair(words.word[2 * k][b], words.word[2 * k + 1][b]);
}

static void normal_blocks_f64(uint64_t key, uint64_t first_block, uint64_t step, double *out) {
    uniform_blocks_f64(key, first_block, step, out);
    for (int b = 0; b < BLOCKS; b++) {
        double radius = sqrt(-2.0 * log(out[2 * b] + 0x1p-53)), angle = 6.28318530717958647693 * out[2 * b + 1];
        out[2 * b] = radius * cos(angle);
        out[2 * b + 1] = radius * sin(angle);
    }
}

typedef enum Law { LAW_UNIFORM, LAW_NORMAL } Law;

typedef struct Fill {
    Law law;
    DType dtype;
    void *out;
    uint64_t key, step;
    const int64_t *sample; /* NULL: rows are consecutive pieces of one stream */
    int64_t rows, inner, rows_per_tile, count;
} Fill;

static void blocks_of(const Fill *f, uint64_t first_block, void *out) {
    if (f->dtype == DTYPE_F32) (f->law == LAW_UNIFORM ? uniform_blocks_f32 : normal_blocks_f32)(f->key, first_block, f->step, out);
    else (f->law == LAW_UNIFORM ? uniform_blocks_f64 : normal_blocks_f64)(f->key, first_block, f->step, out);
}

static void one_number(const Fill *f, uint64_t index, void *out) {
    if (f->dtype == DTYPE_F64)
        *(double *)out = f->law == LAW_UNIFORM ? rng_uniform_f64(f->key, f->step, index) : rng_normal_f64(f->key, f->step, index);
    else if (f->law == LAW_UNIFORM) *(float *)out = rng_uniform_f32(f->key, f->step, index);
    else {
        RngBlock block = rng_block(f->key, index / 4, f->step);
        uint64_t pair = index % 4 / 2;
        float radius = sqrtf(-2.0f * log_unit(((float)block.word[2 * pair] + 1.0f) * 0x1p-32f)), c, s;
        turn_circle(uniform_of(block.word[2 * pair + 1]), &c, &s);
        *(float *)out = radius * (index % 2 ? s : c);
    }
}

/* Positions [index, index + count) of the stream. Short runs are made one by one, with the same bits. */
static void fill_run(const Fill *f, uint64_t index, int64_t count, char *out) {
    enum { SHORT_RUN = 32 };
    uint64_t per_block = f->dtype == DTYPE_F32 ? 4 : 2, bytes = f->dtype == DTYPE_F32 ? 4 : 8;
    uint64_t end = index + (uint64_t)count;
    if (count < SHORT_RUN) {
        for (; index < end; index++, out += bytes) one_number(f, index, out);
        return;
    }
    double buffer[BLOCKS * 2];
    while (index < end) {
        uint64_t first = index / per_block, skip = index % per_block, have = BLOCKS * per_block - skip;
        uint64_t take = have < end - index ? have : end - index;
        if (skip == 0 && take == have && (uintptr_t)out % bytes == 0) blocks_of(f, first, out);
        else {
            blocks_of(f, first, buffer);
            memcpy(out, (char *)buffer + skip * bytes, take * bytes);
        }
        index += take;
        out += take * bytes;
    }
}

static void fill_tile(void *context, int64_t tile) {
    const Fill *f = context;
    int64_t bytes = (int64_t)dtype_bytes(f->dtype), end = min_i64((tile + 1) * f->rows_per_tile, f->rows);
    for (int64_t row = tile * f->rows_per_tile; row < end; row++) {
        uint64_t start = (uint64_t)(f->sample ? f->sample[row] : row) * (uint64_t)f->inner;
        int64_t at = row * f->inner;
        fill_run(f, start, min_i64(f->inner, f->count - at), (char *)f->out + at * bytes);
    }
}

static bool fill(const KernelCall *call, Law law) {
    const int64_t *key = call->inputs[0].data;
    const View *out = &call->outputs[0];
    Fill f = {
        .law = law,
        .dtype = out->dtype,
        .out = out->data,
        .key = rng_key((uint64_t)key[0], (uint64_t)call->ints[0]),
        .step = (uint64_t)key[1],
        .count = shape_count(out->shape),
    };
    if (f.count == 0) return true;
    if (call->input_count > 1) {
        f.sample = call->inputs[1].data;
        f.rows = out->shape.dims[0];
        f.inner = f.count / f.rows;
    } else {
        f.inner = ROW_ELEMENTS;
        f.rows = ceil_div(f.count, f.inner);
    }
    f.rows_per_tile = items_per_tile(8 * f.inner);
    threads_run(call->threads, ceil_div(f.rows, f.rows_per_tile), fill_tile, &f);
    return true;
}

bool kernel_random_uniform(const KernelCall *call) { return fill(call, LAW_UNIFORM); }

bool kernel_random_normal(const KernelCall *call) { return fill(call, LAW_NORMAL); }
