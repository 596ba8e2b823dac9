/* What the generators of runtime/data/synthetic.h share. Private to runtime/data. */
#ifndef REG_DATA_GENERATORS_H
#define REG_DATA_GENERATORS_H

#include "runtime/data/synthetic.h"

typedef struct Generation {
    int64_t count;
    double settings[SYNTHETIC_SETTINGS_MAX]; /* in the order of the table */
    uint64_t key;                            /* of (seed, name); the quantities drawn are its steps 0, 1, 2, … */
    DType float_type;
    DataSet *set;
    Fault *fault;
} Generation;

/* Fills the set; false with a fault when memory is short. Settings are already checked against their ranges. */
typedef bool Generator(const Generation *g);

Generator generate_moons, generate_circles, generate_swissroll, generate_gaussians_8, generate_gaussians_25, generate_pinwheel,
    generate_two_spirals, generate_checkerboard, generate_annuli;
Generator generate_friedman, generate_tibshirani, generate_sparse_regression, generate_ratings;
Generator generate_modular_add, generate_modular_subtract, generate_modular_multiply, generate_modular_divide, generate_modular_squares,
    generate_modular_cubic, generate_permutations_5;
Generator generate_spiral, generate_burgers, generate_convection, generate_reaction, generate_reaction_diffusion, generate_poisson;
Generator generate_shepp_logan, generate_sprites;

double draw_uniform(const Generation *g, uint64_t quantity, int64_t index); /* [0, 1) */
double draw_normal(const Generation *g, uint64_t quantity, int64_t index);
int64_t draw_below(const Generation *g, uint64_t quantity, int64_t index, int64_t bound);
/* A new field of a split: of the float type, or i64. NULL with a fault. */
Tensor *add_floats(const Generation *g, Split *split, const char *field, Shape shape);
Tensor *add_wholes(const Generation *g, Split *split, const char *field, Shape shape);

#endif
