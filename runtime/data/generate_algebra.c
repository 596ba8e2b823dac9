/* Tables of small groups, shuffled and split (Power et al. 2022, "Grokking"). */
#include "runtime/base/memory.h"
#include "runtime/data/generators.h"
#include "runtime/data/permutation.h"

#include <stdlib.h>

/* c = operation(a, b) in 0..size-1; `modulus` is the size. */
typedef int64_t Operation(int64_t a, int64_t b, int64_t modulus);

static bool add_rows(const Generation *g, const char *name, const int64_t *order, int64_t count, int64_t size, int64_t first_b,
                     Operation *operation) {
    Split *split = dataset_add_split(g->set, name);
    Tensor *x = add_wholes(g, split, "x", shape_2(count, 2));
    Tensor *y = x ? add_wholes(g, split, "y", shape_1(count)) : NULL;
    for (int64_t i = 0; y && i < count; i++) {
        int64_t a = order[i] / (size - first_b), b = order[i] % (size - first_b) + first_b;
        tensor_i64(x)[2 * i] = a;
        tensor_i64(x)[2 * i + 1] = b;
        tensor_i64(y)[i] = operation(a, b, size);
    }
    return y != NULL;
}

static bool make_table(const Generation *g, int64_t size, int64_t first_b, double train_share, Operation *operation) {
    int64_t count = size * (size - first_b), train = (int64_t)(train_share * (double)count + 1e-9);
    int64_t *order = allocate((size_t)count * sizeof *order);
    permutation_fill(g->key, 0, count, order);
    bool made = add_rows(g, "train", order, train, size, first_b, operation) &&
                add_rows(g, "test", order + train, count - train, size, first_b, operation);
    free(order);
    return made;
}

static int64_t add(int64_t a, int64_t b, int64_t p) { return (a + b) % p; }
static int64_t subtract(int64_t a, int64_t b, int64_t p) { return (a - b + p) % p; }
static int64_t multiply(int64_t a, int64_t b, int64_t p) { return a * b % p; }
static int64_t squares(int64_t a, int64_t b, int64_t p) { return (a * a + b * b) % p; }
static int64_t cubic(int64_t a, int64_t b, int64_t p) { return (a * a % p * a + a * b) % p; }

/* Fermat: b^(p - 2) is the inverse of b modulo a prime p. */
static int64_t divide(int64_t a, int64_t b, int64_t p) {
    int64_t result = a, power = b;
    for (int64_t exponent = p - 2; exponent > 0; exponent /= 2) {
        if (exponent % 2) result = result * power % p;
        power = power * power % p;
    }
    return result;
}

static bool make_modular(const Generation *g, Operation *operation) {
    return make_table(g, (int64_t)g->settings[0], 0, g->settings[1], operation);
}

bool generate_modular_add(const Generation *g) { return make_modular(g, add); }
bool generate_modular_subtract(const Generation *g) { return make_modular(g, subtract); }
bool generate_modular_multiply(const Generation *g) { return make_modular(g, multiply); }
bool generate_modular_squares(const Generation *g) { return make_modular(g, squares); }
bool generate_modular_cubic(const Generation *g) { return make_modular(g, cubic); }

bool generate_modular_divide(const Generation *g) {
    int64_t p = (int64_t)g->settings[0];
    for (int64_t factor = 2; factor * factor <= p; factor++)
        if (p % factor == 0)
            return fault_set(g->fault, "the setting 'modulus' of 'modular_divide' must be prime, found %lld = %lld x %lld", (long long)p,
                             (long long)factor, (long long)(p / factor));
    return make_table(g, p, 1, g->settings[1], divide);
}

/* Permutations in lexicographic order: number <-> images of 0..4 (Lehmer code). */
static void unrank(int64_t number, int images[5]) {
    static const int64_t factorials[5] = {24, 6, 2, 1, 1};
    int left[5] = {0, 1, 2, 3, 4};
    for (int i = 0; i < 5; i++) {
        int64_t digit = number / factorials[i];
        number %= factorials[i];
        images[i] = left[digit];
        for (int64_t j = digit; j < 4 - i; j++) left[j] = left[j + 1];
    }
}

static int64_t rank_of(const int images[5]) {
    int64_t number = 0;
    for (int i = 0; i < 5; i++) {
        int64_t smaller = 0;
        for (int j = i + 1; j < 5; j++) smaller += images[j] < images[i];
        number = number * (5 - i) + smaller;
    }
    return number;
}

static int64_t compose(int64_t a, int64_t b, int64_t size) { /* first b, then a */
    (void)size;
    int first[5], second[5], product[5];
    unrank(a, first);
    unrank(b, second);
    for (int i = 0; i < 5; i++) product[i] = first[second[i]];
    return rank_of(product);
}

bool generate_permutations_5(const Generation *g) { return make_table(g, 120, 0, g->settings[0], compose); }
