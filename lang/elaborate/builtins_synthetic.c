/* Data sets that are computed, each a function of its settings and a seed. The settings are those of runtime/data/synthetic.h. */
#include "lang/elaborate/builtins.h"

#include "runtime/data/synthetic.h"

#include <string.h>

/* Every parameter but `n` and `seed` is a setting of the generator. */
static Value run_synthetic(Elaborator *e, const Builtin *self, const Arguments *a) {
    Signature signature;
    Setting settings[BUILTIN_PARAMETERS];
    size_t count = 0;
    int64_t rows = 0, seed = 0;
    char name[64];
    signature_parse(self->signature, &signature);
    for (int k = 0; k < signature.count; k++) {
        const char *parameter = arena_bytes(e->arena, signature.parameters[k].name, (size_t)signature.parameters[k].length);
        if (!given(a, k)) continue;
        if (!strcmp(parameter, "n") || !strcmp(parameter, "seed")) {
            if (!to_integer(e, a->values[k], parameter[0] == 'n' ? &rows : &seed)) return value_none();
            continue;
        }
        settings[count] = (Setting){.name = parameter};
        if (!to_number(e, a->values[k], &settings[count++].value)) return value_none();
    }
    Fault fault = {0};
    DataSet *set = synthetic_make(builtin_name(self, name), rows, (uint64_t)seed, settings, count, e->float_type, &fault);
    if (!set) return tensor_fault(e, a, "E0304", &fault);
    Value value = dataset_value(e, set, a->span);
    dataset_free(set);
    return value;
}

#define MODULAR(name, what) \
    { \
        name "(modulus = 97, train = 0.5, seed = 0)", run_synthetic, 0, \
            what \
            " for all pairs of residues (Power et al. 2022): {train, test}, x [n, 2] and y; `train` is the share of pairs to train on. Example: " name \
            "(modulus = 13)", \
            false \
    }
#define GRID "points_x = 256, points_t = 100, "
const Builtin builtins_synthetic[] = {
    {"moons(n?, noise = 0.1, seed = 0)", run_synthetic, 0,
     "Two half circles: x [n, 2], y 0 or 1; n = 1000. Example: moons(200, noise = 0.1, seed = 1)", false},
    {"circles(n?, noise = 0.08, factor = 0.5, seed = 0)", run_synthetic, 0,
     "A circle in a circle: x [n, 2], y 0 (outer) or 1; n = 1000. Example: circles(200)", false},
    {"swissroll(n?, noise = 1, seed = 0)", run_synthetic, 0, "A rolled-up line (FFJORD): x [n, 2]; n = 1000. Example: swissroll(500)",
     false},
    {"gaussians_8(n?, seed = 0)", run_synthetic, 0,
     "Eight Gaussians on a circle (FFJORD): x [n, 2], y 0..7; n = 1000. Example: gaussians_8(500)", false},
    {"gaussians_25(n?, seed = 0)", run_synthetic, 0,
     "A grid of 25 narrow Gaussians (WGAN-GP): x [n, 2], y 0..24; n = 1000. Example: gaussians_25(500)", false},
    {"pinwheel(n?, seed = 0)", run_synthetic, 0, "Five bent arms (FFJORD): x [n, 2], y 0..4; n = 1000. Example: pinwheel(500)", false},
    {"two_spirals(n?, seed = 0)", run_synthetic, 0, "Two spirals (FFJORD): x [n, 2], y 0 or 1; n = 1000. Example: two_spirals(500)", false},
    {"checkerboard(n?, seed = 0)", run_synthetic, 0, "The black fields of a board (FFJORD): x [n, 2]; n = 1000. Example: checkerboard(500)",
     false},
    {"annuli(n?, dimension = 2, seed = 0)", run_synthetic, 0,
     "A ball (y -1) in a shell (y 1), two thirds in the shell (Dupont et al. 2019): x [n, dimension]; n = 3000. Example: annuli(600)",
     false},
    {"friedman(n?, features = 10, noise = 1, test = 1000, seed = 0)", run_synthetic, 0,
     "Friedman 1991, regression with five features that count: {train, test}, x [n, features], y; n = 200. Example: friedman(100)", false},
    {"tibshirani(n?, rho = 0.5, noise = 3, test = 200, seed = 0)", run_synthetic, 0,
     "Tibshirani 1996, example 1: {train, test}, x [n, 8], y, and truth.beta [8]; n = 20. Example: tibshirani(20)", false},
    {"sparse_regression(n?, features = 1000, nonzeros = 10, rho = 0, noise = 1, test = 1000, seed = 0)", run_synthetic, 0,
     "Regression where few coefficients are +1 or -1, the others 0: {train, test}, x [n, features], y, and truth.beta; n = 100. Example: sparse_regression(50, features = 100)",
     false},
    {"ratings(n?, users = 500, items = 300, rank = 5, test = 0.2, seed = 0)", run_synthetic, 0,
     "Low-rank ratings 1..5, items by Zipf's law: {train, test}, user, item, rating; n = 20000. Example: ratings(1000)", false},
    MODULAR("modular_add", "a + b mod p"),
    MODULAR("modular_subtract", "a - b mod p"),
    MODULAR("modular_multiply", "a * b mod p"),
    MODULAR("modular_divide", "a / b mod p, p prime,"),
    MODULAR("modular_squares", "a^2 + b^2 mod p"),
    MODULAR("modular_cubic", "a^3 + a * b mod p"),
    {"permutations_5(train = 0.5, seed = 0)", run_synthetic, 0,
     "Products of all pairs of permutations of five (Power et al. 2022): {train, test}, x [n, 2], y 0..119. Example: permutations_5()",
     false},
    {"spiral(n?, seed = 0)", run_synthetic, 0,
     "The curve dy/dt = y^3 A from (2, 0), t in 0..25 (Chen et al. 2018): t [n], y [n, 2]; n = 1000. Example: spiral(100)", false},
    {"burgers(" GRID "viscosity?)", run_synthetic, 0,
     "u_t + u u_x = viscosity u_xx, exact by Cole and Hopf, x in -1..1, t in 0..0.99 (Raissi et al. 2019): t, x, u; viscosity 0.01 / pi. Example: burgers()",
     false},
    {"convection(" GRID "beta = 30)", run_synthetic, 0,
     "u_t + beta u_x = 0, periodic, exact (Krishnapriyan et al. 2021): t, x, u. Example: convection(beta = 10)", false},
    {"reaction(" GRID "rho = 5)", run_synthetic, 0, "u_t = rho u (1 - u), exact: t, x, u. Example: reaction()", false},
    {"reaction_diffusion(" GRID "rho = 5, nu = 3)", run_synthetic, 0,
     "u_t = nu u_xx + rho u (1 - u), periodic, by splitting: t, x, u. Example: reaction_diffusion()", false},
    {"poisson(points = 64, k = 1)", run_synthetic, 0,
     "-(u_xx + u_yy) = f on the unit square with u = sin(k pi x) sin(k pi y): x, y, u, f. Example: poisson(points = 16)", false},
    {"shepp_logan(size = 64)", run_synthetic, 0,
     "The head phantom of tomography (Toft's contrasts): image [1, size, size]. Example: shepp_logan().image", false},
    {"sprites(n?, size = 16, seed = 0)", run_synthetic, 0,
     "Squares, ellipses and hearts in 3 x 6 x 20 x 8 x 8 poses: x [n, size * size], and the factors shape, scale, orientation, column, row; n = 2000. Example: sprites(100)",
     false},
    {0},
};
