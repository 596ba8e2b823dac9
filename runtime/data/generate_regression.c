/* Regression problems with a known truth, and ratings of low rank. */
#include "runtime/base/memory.h"
#include "runtime/data/generators.h"

#include <math.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

/* Quantities are numbered from 4 * part, so that the test set is independent of the training set. */
typedef struct Part {
    const char *name;
    uint64_t quantity;
    int64_t count;
} Part;

/* Friedman, "Multivariate adaptive regression splines", 1991. */
static bool friedman_part(const Generation *g, Part part) {
    int64_t p = (int64_t)g->settings[0];
    Split *split = dataset_add_split(g->set, part.name);
    Tensor *x = add_floats(g, split, "x", shape_2(part.count, p));
    Tensor *y = x ? add_floats(g, split, "y", shape_1(part.count)) : NULL;
    for (int64_t i = 0; y && i < part.count; i++) {
        double first[5];
        for (int64_t j = 0; j < p; j++) {
            double value = draw_uniform(g, part.quantity, i * p + j);
            tensor_set_number(x, i * p + j, value);
            if (j < 5) first[j] = value;
        }
        double mean = 10 * sin(PI * first[0] * first[1]) + 20 * (first[2] - 0.5) * (first[2] - 0.5) + 10 * first[3] + 5 * first[4];
        tensor_set_number(y, i, mean + g->settings[1] * draw_normal(g, part.quantity + 1, i));
    }
    return y != NULL;
}

bool generate_friedman(const Generation *g) {
    return friedman_part(g, (Part){"train", 0, g->count}) && friedman_part(g, (Part){"test", 4, (int64_t)g->settings[2]});
}

typedef struct Linear {
    const double *beta;
    int64_t features;
    double rho, noise;
} Linear;

/* Features with correlation rho^|i - j|: a stationary first-order autoregression along the row. */
static bool linear_part(const Generation *g, const Linear *linear, Part part) {
    int64_t p = linear->features;
    double innovation = sqrt(1 - linear->rho * linear->rho);
    Split *split = dataset_add_split(g->set, part.name);
    Tensor *x = add_floats(g, split, "x", shape_2(part.count, p));
    Tensor *y = x ? add_floats(g, split, "y", shape_1(part.count)) : NULL;
    for (int64_t i = 0; y && i < part.count; i++) {
        double value = 0, sum = linear->noise * draw_normal(g, part.quantity + 1, i);
        for (int64_t j = 0; j < p; j++) {
            double fresh = draw_normal(g, part.quantity, i * p + j);
            value = j ? linear->rho * value + innovation * fresh : fresh;
            tensor_set_number(x, i * p + j, value);
            sum += value * linear->beta[j];
        }
        tensor_set_number(y, i, sum);
    }
    return y != NULL;
}

static bool linear_problem(const Generation *g, const Linear *linear, double test_count) {
    if (!linear_part(g, linear, (Part){"train", 0, g->count}) || !linear_part(g, linear, (Part){"test", 4, (int64_t)test_count}))
        return false;
    Tensor *beta = add_floats(g, dataset_add_split(g->set, "truth"), "beta", shape_1(linear->features));
    for (int64_t j = 0; beta && j < linear->features; j++) tensor_set_number(beta, j, linear->beta[j]);
    return beta != NULL;
}

bool generate_tibshirani(const Generation *g) {
    static const double beta[8] = {3, 1.5, 0, 0, 2, 0, 0, 0};
    return linear_problem(g, &(Linear){beta, 8, g->settings[0], g->settings[1]}, g->settings[2]);
}

/* Positions by Floyd's way of choosing k of p without a table of p numbers to shuffle. */
bool generate_sparse_regression(const Generation *g) {
    int64_t p = (int64_t)g->settings[0], k = (int64_t)g->settings[1];
    if (k > p)
        return fault_set(g->fault, "the setting 'nonzeros' of 'sparse_regression' is %lld, more than its %lld features", (long long)k,
                         (long long)p);
    double *beta = allocate((size_t)p * sizeof *beta);
    for (int64_t j = p - k; j < p; j++) {
        int64_t at = draw_below(g, 8, j, j + 1);
        beta[beta[at] != 0 ? j : at] = draw_below(g, 9, j, 2) ? 1.0 : -1.0;
    }
    bool made = linear_problem(g, &(Linear){beta, p, g->settings[2], g->settings[3]}, g->settings[4]);
    free(beta);
    return made;
}

typedef struct Candidate {
    double key;
    int64_t item;
} Candidate;

static int by_key_descending(const void *a, const void *b) {
    const Candidate *first = a, *second = b;
    return (first->key < second->key) - (first->key > second->key);
}

/* The Gumbel top-k trick: adding Gumbel noise to log weights and taking the largest draws without replacement. */
static void choose_items(const Generation *g, int64_t user, int64_t items, Candidate *candidates) {
    for (int64_t item = 0; item < items; item++) {
        double gumbel = -log(-log(draw_uniform(g, 0, user * items + item) + 0x1p-54));
        candidates[item] = (Candidate){gumbel - log((double)(item + 1)), item}; /* Zipf: weight 1 / rank */
    }
    qsort(candidates, (size_t)items, sizeof *candidates, by_key_descending);
}

/* r = clip(round(3.5 + b_u + b_i + 2 u.v + noise), 1, 5) with u, v ~ N(0, 1/k), biases N(0, 0.3), noise N(0, 0.5). */
static double rating(const Generation *g, int64_t user, int64_t item, int64_t items, int64_t rank) {
    double dot = 0;
    for (int64_t k = 0; k < rank; k++) dot += draw_normal(g, 1, user * rank + k) * draw_normal(g, 2, item * rank + k);
    double value = 3.5 + 0.3 * draw_normal(g, 3, user) + 0.3 * draw_normal(g, 4, item) + 2 * dot / (double)rank +
                   0.5 * draw_normal(g, 5, user * items + item);
    return fmin(5, fmax(1, round(value)));
}

typedef struct Ratings {
    Tensor *user, *item, *rating;
} Ratings;

static bool add_ratings(const Generation *g, const char *name, int64_t count, Ratings *out) {
    Split *split = dataset_add_split(g->set, name);
    out->user = add_wholes(g, split, "user", shape_1(count));
    out->item = out->user ? add_wholes(g, split, "item", shape_1(count)) : NULL;
    out->rating = out->item ? add_floats(g, split, "rating", shape_1(count)) : NULL;
    return out->rating != NULL;
}

bool generate_ratings(const Generation *g) {
    enum { LEAST_PER_USER = 20 };
    int64_t users = (int64_t)g->settings[0], items = (int64_t)g->settings[1], rank = (int64_t)g->settings[2];
    int64_t each = g->count / users > LEAST_PER_USER ? g->count / users : LEAST_PER_USER;
    each = each < items ? each : items;
    int64_t held_out = (int64_t)(g->settings[3] * (double)each + 0.5), kept = each - held_out;
    Ratings train, test;
    if (!add_ratings(g, "train", users * kept, &train) || !add_ratings(g, "test", users * held_out, &test)) return false;
    Candidate *candidates = allocate((size_t)items * sizeof *candidates);
    for (int64_t user = 0; user < users; user++) {
        choose_items(g, user, items, candidates);
        for (int64_t i = 0; i < each; i++) {
            /* Spread over the order of popularity, so that held-out items are not only the rare ones. */
            bool is_test = (i + 1) * held_out / each > i * held_out / each;
            int64_t before = i * held_out / each;
            int64_t at = is_test ? user * held_out + before : user * kept + i - before;
            const Ratings *part = is_test ? &test : &train;
            tensor_i64(part->user)[at] = user;
            tensor_i64(part->item)[at] = candidates[i].item;
            tensor_set_number(part->rating, at, rating(g, user, candidates[i].item, items, rank));
        }
    }
    free(candidates);
    return true;
}
