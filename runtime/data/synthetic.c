#include "runtime/data/synthetic.h"

#include "runtime/base/rng.h"
#include "runtime/base/text.h"
#include "runtime/data/generators.h"

#include <math.h>
#include <string.h>

typedef struct Row {
    SyntheticInfo info;
    Generator *generate;
} Row;

#define WHOLE(NAME, DEFAULT, LOW, HIGH) \
    { NAME, DEFAULT, LOW, HIGH, true }
#define REAL(NAME, DEFAULT, LOW, HIGH) \
    { NAME, DEFAULT, LOW, HIGH, false }
#define TRAIN_SHARE REAL("train", 0.5, 0, 1)
#define GRID WHOLE("points_x", 256, 2, 8192), WHOLE("points_t", 100, 2, 8192)
#define MODULUS WHOLE("modulus", 97, 2, 1000)

static const Row ROWS[] = {
    {{"moons", "two half circles; x [n, 2], y 0 or 1", 1000, {REAL("noise", 0.1, 0, 1e6)}}, generate_moons},
    {{"circles", "a circle in a circle; x [n, 2], y 0 (outer) or 1", 1000, {REAL("noise", 0.08, 0, 1e6), REAL("factor", 0.5, 0, 1)}},
     generate_circles},
    {{"swissroll", "a rolled-up line (FFJORD); x [n, 2]", 1000, {REAL("noise", 1, 0, 1e6)}}, generate_swissroll},
    {{"gaussians_8", "eight Gaussians on a circle (FFJORD); x [n, 2], y 0..7", 1000, {{0}}}, generate_gaussians_8},
    {{"gaussians_25", "a grid of 25 narrow Gaussians (WGAN-GP); x [n, 2], y 0..24", 1000, {{0}}}, generate_gaussians_25},
    {{"pinwheel", "five bent arms (FFJORD); x [n, 2], y 0..4", 1000, {{0}}}, generate_pinwheel},
    {{"two_spirals", "two spirals (FFJORD); x [n, 2], y 0 or 1", 1000, {{0}}}, generate_two_spirals},
    {{"checkerboard", "the black fields of a board (FFJORD); x [n, 2]", 1000, {{0}}}, generate_checkerboard},
    {{"annuli",
      "a ball (y -1) in a shell (y 1), two thirds in the shell (Dupont et al. 2019); x [n, dimension]",
      3000,
      {WHOLE("dimension", 2, 1, 1000)}},
     generate_annuli},
    {{"friedman",
      "Friedman 1991, ten features of which five count; train and test: x [n, features], y",
      200,
      {WHOLE("features", 10, 5, 100000), REAL("noise", 1, 0, 1e6), WHOLE("test", 1000, 1, 1e8)}},
     generate_friedman},
    {{"tibshirani",
      "Tibshirani 1996, example 1; train and test: x [n, 8], y; truth: beta [8]",
      20,
      {REAL("rho", 0.5, -1, 1), REAL("noise", 3, 0, 1e6), WHOLE("test", 200, 1, 1e8)}},
     generate_tibshirani},
    {{"sparse_regression",
      "few of many coefficients are +1 or -1; train and test: x [n, features], y; truth: beta [features]",
      100,
      {WHOLE("features", 1000, 1, 1e6), WHOLE("nonzeros", 10, 0, 1e6), REAL("rho", 0, -1, 1), REAL("noise", 1, 0, 1e6),
       WHOLE("test", 1000, 1, 1e8)}},
     generate_sparse_regression},
    {{"ratings",
      "low-rank ratings 1..5, items by Zipf; train and test: user, item, rating",
      20000,
      {WHOLE("users", 500, 1, 1e6), WHOLE("items", 300, 1, 1e6), WHOLE("rank", 5, 1, 1000), REAL("test", 0.2, 0, 1)}},
     generate_ratings},
    {{"modular_add", "all pairs, a + b mod p (Power et al. 2022); train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}},
     generate_modular_add},
    {{"modular_subtract", "all pairs, a - b mod p; train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}}, generate_modular_subtract},
    {{"modular_multiply", "all pairs, a b mod p; train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}}, generate_modular_multiply},
    {{"modular_divide", "all pairs with b > 0, a / b mod p, p prime; train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}},
     generate_modular_divide},
    {{"modular_squares", "all pairs, a^2 + b^2 mod p; train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}}, generate_modular_squares},
    {{"modular_cubic", "all pairs, a^3 + a b mod p; train and test: x [n, 2], y", 0, {MODULUS, TRAIN_SHARE}}, generate_modular_cubic},
    {{"permutations_5", "products of all pairs of permutations of five; train and test: x [n, 2], y 0..119", 0, {TRAIN_SHARE}},
     generate_permutations_5},
    {{"spiral", "dy/dt = y^3 A from (2, 0), t in 0..25 (Chen et al. 2018); t, y [n, 2]", 1000, {{0}}}, generate_spiral},
    {{"burgers",
      "u_t + u u_x = viscosity u_xx, exact by Cole and Hopf, x in -1..1, t in 0..0.99 (Raissi et al. 2019); t, x, u",
      0,
      {GRID, REAL("viscosity", 0.01 / 3.14159265358979323846, 1e-3, 100)}},
     generate_burgers},
    {{"convection", "u_t + beta u_x = 0, periodic, exact (Krishnapriyan et al. 2021); t, x, u", 0, {GRID, REAL("beta", 30, -1e6, 1e6)}},
     generate_convection},
    {{"reaction", "u_t = rho u (1 - u), exact; t, x, u", 0, {GRID, REAL("rho", 5, -100, 100)}}, generate_reaction},
    {{"reaction_diffusion",
      "u_t = nu u_xx + rho u (1 - u), periodic, by splitting; t, x, u",
      0,
      {WHOLE("points_x", 256, 2, 2048), WHOLE("points_t", 100, 2, 8192), REAL("rho", 5, -100, 100), REAL("nu", 3, 0, 1e6)}},
     generate_reaction_diffusion},
    {{"poisson",
      "-(u_xx + u_yy) = f on the unit square, u = sin(k pi x) sin(k pi y); x, y, u, f",
      0,
      {WHOLE("points", 64, 2, 8192), WHOLE("k", 1, 1, 1000)}},
     generate_poisson},
    {{"shepp_logan", "the head phantom of tomography (Toft's contrasts); image [1, size, size]", 0, {WHOLE("size", 64, 2, 8192)}},
     generate_shepp_logan},
    {{"sprites",
      "squares, ellipses and hearts, factors 3 x 6 x 20 x 8 x 8; x [n, size size], shape, scale, orientation, column, row",
      2000,
      {WHOLE("size", 16, 4, 256)}},
     generate_sprites},
};

size_t synthetic_count(void) { return sizeof ROWS / sizeof *ROWS; }

const SyntheticInfo *synthetic_info(size_t index) { return &ROWS[index].info; }

static const Row *find_row(const char *name) {
    for (size_t i = 0; i < synthetic_count(); i++)
        if (strcmp(ROWS[i].info.name, name) == 0) return &ROWS[i];
    return NULL;
}

const SyntheticInfo *synthetic_find(const char *name) {
    const Row *row = find_row(name);
    return row ? &row->info : NULL;
}

double draw_uniform(const Generation *g, uint64_t quantity, int64_t index) { return rng_uniform_f64(g->key, quantity, (uint64_t)index); }

double draw_normal(const Generation *g, uint64_t quantity, int64_t index) { return rng_normal_f64(g->key, quantity, (uint64_t)index); }

int64_t draw_below(const Generation *g, uint64_t quantity, int64_t index, int64_t bound) {
    return (int64_t)rng_below(g->key, quantity, (uint64_t)index, (uint64_t)bound);
}

static Tensor *add_field(Split *split, const char *field, DType dtype, Shape shape, Fault *fault) {
    Tensor *tensor = tensor_zeros(dtype, shape, fault);
    if (tensor) table_add(&split->fields, field, tensor);
    return tensor;
}

Tensor *add_floats(const Generation *g, Split *split, const char *field, Shape shape) {
    return add_field(split, field, g->float_type, shape, g->fault);
}

Tensor *add_wholes(const Generation *g, Split *split, const char *field, Shape shape) {
    return add_field(split, field, DTYPE_I64, shape, g->fault);
}

static size_t setting_count_of(const SyntheticInfo *info) {
    size_t count = 0;
    while (count < SYNTHETIC_SETTINGS_MAX && info->settings[count].name) count++;
    return count;
}

static bool fault_setting(const SyntheticInfo *info, const char *name, Fault *fault) {
    Text list = {0};
    for (size_t i = 0; i < setting_count_of(info); i++)
        text_addf(&list, "%s%s = %g", i ? ", " : "", info->settings[i].name, info->settings[i].value);
    fault_set(fault, "'%s' has no setting '%s'", info->name, name);
    if (list.length) fault_help(fault, "its settings and their defaults are %s", list.bytes);
    else fault_help(fault, "it has no settings but the number of samples and the seed");
    text_free(&list);
    return false;
}

static bool set_value(const SyntheticInfo *info, const Setting *setting, double *values, Fault *fault) {
    for (size_t i = 0; i < setting_count_of(info); i++) {
        const SettingInfo *known = &info->settings[i];
        if (strcmp(known->name, setting->name) != 0) continue;
        if (!(setting->value >= known->low && setting->value <= known->high) ||
            (known->is_whole && setting->value != floor(setting->value)))
            return fault_set(fault, "the setting '%s' of '%s' must be a %snumber from %g to %g, found %g", known->name, info->name,
                             known->is_whole ? "whole " : "", known->low, known->high, setting->value);
        values[i] = setting->value;
        return true;
    }
    return fault_setting(info, setting->name, fault);
}

static bool fault_unknown(const char *name, Fault *fault) {
    Text list = {0};
    for (size_t i = 0; i < synthetic_count(); i++) text_addf(&list, "%s%s", i ? ", " : "", ROWS[i].info.name);
    fault_set(fault, "there is no generator '%s'", name);
    fault_help(fault, "the generators are %s", list.bytes);
    text_free(&list);
    return false;
}

static bool prepare(const Row *row, int64_t count, const Setting *settings, size_t setting_count, Generation *g, Fault *fault) {
    const SyntheticInfo *info = &row->info;
    if (count < 0) return fault_set(fault, "the number of samples of '%s' must not be negative, found %lld", info->name, (long long)count);
    if (count > 0 && info->count == 0)
        return fault_set(fault, "the size of '%s' follows from its settings, it takes no number of samples", info->name);
    g->count = count ? count : info->count;
    for (size_t i = 0; i < setting_count_of(info); i++) g->settings[i] = info->settings[i].value;
    for (size_t i = 0; i < setting_count; i++)
        if (!set_value(info, &settings[i], g->settings, fault)) return false;
    return true;
}

DataSet *synthetic_make(const char *name, int64_t count, uint64_t seed, const Setting *settings, size_t setting_count, DType float_type,
                        Fault *fault) {
    const Row *row = find_row(name);
    Generation g = {.key = rng_key(seed, rng_hash(name)), .float_type = float_type, .fault = fault};
    if (!row) fault_unknown(name, fault);
    if (!row || !prepare(row, count, settings, setting_count, &g, fault)) return NULL;
    g.set = dataset_new(name);
    if (row->generate(&g)) return g.set;
    dataset_free(g.set);
    return NULL;
}
