/* Points in the plane (and annuli in any dimension), for density estimation and small classifiers. Formulas: scikit-learn
 * (moons, circles; unscaled), FFJORD's toy_data.py (Grathwohl et al. 2019), WGAN-GP's toy (Gulrajani et al. 2017). */
#include "runtime/data/generators.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

typedef struct Plane {
    Tensor *x, *y;
} Plane;

static bool begin(const Generation *g, int64_t dimension, bool labelled, Plane *plane) {
    Split *split = dataset_add_split(g->set, "all");
    plane->x = add_floats(g, split, "x", shape_2(g->count, dimension));
    plane->y = plane->x && labelled ? add_wholes(g, split, "y", shape_1(g->count)) : NULL;
    return plane->x && (plane->y || !labelled);
}

static void put(const Plane *plane, int64_t i, double a, double b, int64_t label) {
    tensor_set_number(plane->x, 2 * i, a);
    tensor_set_number(plane->x, 2 * i + 1, b);
    if (plane->y) tensor_i64(plane->y)[i] = label;
}

/* The i-th of n points evenly spaced over 0..1, both ends included. */
static double spaced(int64_t i, int64_t n) { return n > 1 ? (double)i / (double)(n - 1) : 0.0; }

bool generate_moons(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    int64_t half = g->count / 2;
    for (int64_t i = 0; i < g->count; i++) {
        bool lower = i >= half;
        double a = PI * (lower ? spaced(i - half, g->count - half) : spaced(i, half));
        double noise_x = g->settings[0] * draw_normal(g, 0, 2 * i), noise_y = g->settings[0] * draw_normal(g, 0, 2 * i + 1);
        put(&plane, i, (lower ? 1 - cos(a) : cos(a)) + noise_x, (lower ? 0.5 - sin(a) : sin(a)) + noise_y, lower);
    }
    return true;
}

bool generate_circles(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    int64_t half = g->count / 2;
    for (int64_t i = 0; i < g->count; i++) {
        bool inner = i >= half;
        double a = 2 * PI * (inner ? (double)(i - half) / (double)(g->count - half) : (double)i / (double)half);
        double radius = inner ? g->settings[1] : 1.0;
        put(&plane, i, radius * cos(a) + g->settings[0] * draw_normal(g, 0, 2 * i),
            radius * sin(a) + g->settings[0] * draw_normal(g, 0, 2 * i + 1), inner);
    }
    return true;
}

bool generate_swissroll(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, false, &plane)) return false;
    for (int64_t i = 0; i < g->count; i++) {
        double t = 1.5 * PI * (1 + 2 * draw_uniform(g, 0, i));
        put(&plane, i, (t * cos(t) + g->settings[0] * draw_normal(g, 1, 2 * i)) / 5,
            (t * sin(t) + g->settings[0] * draw_normal(g, 1, 2 * i + 1)) / 5, 0);
    }
    return true;
}

bool generate_gaussians_8(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    for (int64_t i = 0; i < g->count; i++) {
        int64_t k = draw_below(g, 0, i, 8);
        double a = (double)k * PI / 4;
        put(&plane, i, (4 * cos(a) + 0.5 * draw_normal(g, 1, 2 * i)) / 1.414, (4 * sin(a) + 0.5 * draw_normal(g, 1, 2 * i + 1)) / 1.414, k);
    }
    return true;
}

bool generate_gaussians_25(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    for (int64_t i = 0; i < g->count; i++) {
        int64_t k = draw_below(g, 0, i, 25);
        put(&plane, i, (2.0 * (double)(k / 5 - 2) + 0.05 * draw_normal(g, 1, 2 * i)) / 2.828,
            (2.0 * (double)(k % 5 - 2) + 0.05 * draw_normal(g, 1, 2 * i + 1)) / 2.828, k);
    }
    return true;
}

bool generate_pinwheel(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    for (int64_t i = 0; i < g->count; i++) {
        int64_t k = i * 5 / g->count;
        double radial = 1 + 0.3 * draw_normal(g, 0, 2 * i), tangential = 0.1 * draw_normal(g, 0, 2 * i + 1);
        double a = 2 * PI * (double)k / 5 + 0.25 * exp(radial);
        put(&plane, i, 2 * (radial * cos(a) + tangential * sin(a)), 2 * (tangential * cos(a) - radial * sin(a)), k);
    }
    return true;
}

bool generate_two_spirals(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, true, &plane)) return false;
    int64_t half = g->count / 2;
    for (int64_t i = 0; i < g->count; i++) {
        double t = sqrt(draw_uniform(g, 0, i)) * 3 * PI, sign = i < half ? 1.0 : -1.0;
        double a = -cos(t) * t + 0.5 * draw_uniform(g, 1, 2 * i), b = sin(t) * t + 0.5 * draw_uniform(g, 1, 2 * i + 1);
        put(&plane, i, sign * a / 3 + 0.1 * draw_normal(g, 2, 2 * i), sign * b / 3 + 0.1 * draw_normal(g, 2, 2 * i + 1), i >= half);
    }
    return true;
}

bool generate_checkerboard(const Generation *g) {
    Plane plane;
    if (!begin(g, 2, false, &plane)) return false;
    for (int64_t i = 0; i < g->count; i++) {
        double a = 4 * draw_uniform(g, 0, i) - 2, column = floor(a);
        double b = draw_uniform(g, 1, i) - 2 * (double)draw_below(g, 2, i, 2) + (column - 2 * floor(column / 2));
        put(&plane, i, 2 * a, 2 * b, 0);
    }
    return true;
}

/* |x| <= 0.5 -> -1, 1 <= |x| <= 1.5 -> +1. The radius is lo + (hi - lo) U^(1/d) as in the authors' loader. */
bool generate_annuli(const Generation *g) {
    int64_t d = (int64_t)g->settings[0];
    Plane plane;
    if (!begin(g, d, false, &plane)) return false;
    Tensor *y = add_floats(g, &g->set->splits[0], "y", shape_1(g->count));
    for (int64_t i = 0; y && i < g->count; i++) {
        bool inner = i < g->count / 3;
        double square = 0, radius = (inner ? 0.0 : 1.0) + 0.5 * pow(draw_uniform(g, 0, i), 1.0 / (double)d);
        for (int64_t j = 0; j < d; j++) square += pow(draw_normal(g, 1, i * d + j), 2);
        for (int64_t j = 0; j < d; j++) tensor_set_number(plane.x, i * d + j, radius * draw_normal(g, 1, i * d + j) / sqrt(square));
        tensor_set_number(y, i, inner ? -1.0 : 1.0);
    }
    return y != NULL;
}
