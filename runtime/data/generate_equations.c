/* Solutions of differential equations on a grid: one row per (t, x), t outermost. */
#include "runtime/base/memory.h"
#include "runtime/data/generators.h"

#include <math.h>
#include <stdlib.h>

static const double PI = 3.14159265358979323846;

/* dy/dt = (y^3) A with A = [[-0.1, 2], [-2, -0.1]], y a row (torchdiffeq's ode_demo.py). */
static void spiral_slope(const double y[2], double out[2]) {
    double a = y[0] * y[0] * y[0], b = y[1] * y[1] * y[1];
    out[0] = -0.1 * a - 2 * b;
    out[1] = 2 * a - 0.1 * b;
}

/* One step of the classical Runge and Kutta method. */
static void spiral_step(double y[2], double h) {
    double k1[2], k2[2], k3[2], k4[2], at[2];
    spiral_slope(y, k1);
    for (int i = 0; i < 2; i++) at[i] = y[i] + h / 2 * k1[i];
    spiral_slope(at, k2);
    for (int i = 0; i < 2; i++) at[i] = y[i] + h / 2 * k2[i];
    spiral_slope(at, k3);
    for (int i = 0; i < 2; i++) at[i] = y[i] + h * k3[i];
    spiral_slope(at, k4);
    for (int i = 0; i < 2; i++) y[i] += h / 6 * (k1[i] + 2 * k2[i] + 2 * k3[i] + k4[i]);
}

bool generate_spiral(const Generation *g) {
    Split *split = dataset_add_split(g->set, "all");
    Tensor *t = add_floats(g, split, "t", shape_1(g->count)), *y = t ? add_floats(g, split, "y", shape_2(g->count, 2)) : NULL;
    if (!y) return false;
    double span = g->count > 1 ? 25.0 / (double)(g->count - 1) : 0, state[2] = {2, 0};
    int substeps = (int)ceil(span / 1.25e-3); /* twenty for the usual thousand points */
    for (int64_t i = 0; i < g->count; i++) {
        tensor_set_number(t, i, (double)i * span);
        tensor_set_number(y, 2 * i, state[0]);
        tensor_set_number(y, 2 * i + 1, state[1]);
        for (int step = 0; step < substeps; step++) spiral_step(state, span / substeps);
    }
    return true;
}

typedef struct Grid {
    Tensor *t, *x, *u;
    int64_t points_t, points_x;
} Grid;

/* t runs over 0..last_t, both included; x from `first_x` in steps of `step_x`. */
static bool begin(const Generation *g, double last_t, double first_x, double step_x, Grid *grid) {
    grid->points_x = (int64_t)g->settings[0];
    grid->points_t = (int64_t)g->settings[1];
    int64_t count = grid->points_t * grid->points_x;
    Split *split = dataset_add_split(g->set, "all");
    grid->t = add_floats(g, split, "t", shape_1(count));
    grid->x = grid->t ? add_floats(g, split, "x", shape_1(count)) : NULL;
    grid->u = grid->x ? add_floats(g, split, "u", shape_1(count)) : NULL;
    for (int64_t i = 0; grid->u && i < count; i++) {
        tensor_set_number(grid->t, i, last_t * (double)(i / grid->points_x) / (double)(grid->points_t - 1));
        tensor_set_number(grid->x, i, first_x + step_x * (double)(i % grid->points_x));
    }
    return grid->u != NULL;
}

/* u(x, t) = - integral of sin(pi y) w / integral of w, with w = exp(-cos(pi y) / (2 pi nu) - z^2) and y = x - 2 sqrt(nu t) z
 * (Cole and Hopf). The trapezoidal rule converges faster than any power here: the integrand is analytic and dies like a
 * Gaussian. The factor exp(-1 / (2 pi nu)) keeps w below 1. */
static double burgers(double x, double t, double viscosity) {
    enum { POINTS = 401 };
    if (t == 0) return -sin(PI * x);
    double spread = 2 * sqrt(viscosity * t), sharpness = 1 / (2 * PI * viscosity), reach = 6 + sqrt(2 * sharpness);
    double top = 0, bottom = 0;
    for (int i = 0; i < POINTS; i++) {
        double z = reach * (2.0 * i / (POINTS - 1) - 1), y = x - spread * z;
        double weight = exp(-(cos(PI * y) + 1) * sharpness - z * z);
        top += sin(PI * y) * weight;
        bottom += weight;
    }
    return -top / bottom;
}

bool generate_burgers(const Generation *g) {
    Grid grid;
    if (!begin(g, 0.99, -1, 2 / (g->settings[0] - 1), &grid)) return false;
    for (int64_t i = 0; i < grid.points_t * grid.points_x; i++) {
        double t = 0.99 * (double)(i / grid.points_x) / (double)(grid.points_t - 1);
        double x = -1 + 2 * (double)(i % grid.points_x) / (double)(grid.points_x - 1);
        tensor_set_number(grid.u, i, burgers(x, t, g->settings[2]));
    }
    return true;
}

/* Periodic in x over 0..2 pi, the end left out; t over 0..1. */
static bool begin_periodic(const Generation *g, Grid *grid) { return begin(g, 1, 0, 2 * PI / g->settings[0], grid); }

bool generate_convection(const Generation *g) {
    Grid grid;
    if (!begin_periodic(g, &grid)) return false;
    for (int64_t i = 0; i < grid.points_t * grid.points_x; i++) {
        double t = (double)(i / grid.points_x) / (double)(grid.points_t - 1),
               x = 2 * PI * (double)(i % grid.points_x) / (double)grid.points_x;
        tensor_set_number(grid.u, i, sin(x - g->settings[2] * t));
    }
    return true;
}

static double bump(double x) {
    double z = (x - PI) / (PI / 4);
    return exp(-z * z / 2);
}

/* u' = rho u (1 - u) for the time t. */
static double react(double u, double rho, double t) {
    double grown = u * exp(rho * t);
    return grown / (grown + 1 - u);
}

bool generate_reaction(const Generation *g) {
    Grid grid;
    if (!begin_periodic(g, &grid)) return false;
    for (int64_t i = 0; i < grid.points_t * grid.points_x; i++) {
        double t = (double)(i / grid.points_x) / (double)(grid.points_t - 1),
               x = 2 * PI * (double)(i % grid.points_x) / (double)grid.points_x;
        tensor_set_number(grid.u, i, react(bump(x), g->settings[2], t));
    }
    return true;
}

/* The periodic heat kernel at time dt: multiplying by it (circularly) is exact diffusion of what the grid can show. */
static double *heat_kernel(int64_t n, double nu, double dt) {
    double *kernel = allocate((size_t)n * sizeof *kernel);
    for (int64_t offset = 0; offset < n; offset++) {
        for (int64_t j = 0; j < n; j++) {
            double frequency = (double)(j < (n + 1) / 2 ? j : j - n);
            kernel[offset] += exp(-nu * frequency * frequency * dt) * cos(2 * PI * (double)(j * offset % n) / (double)n);
        }
        kernel[offset] /= (double)n;
    }
    return kernel;
}

/* Krishnapriyan et al. 2021: in each step the reaction exactly, then the diffusion exactly, dt = 1 / points_t as published. */
bool generate_reaction_diffusion(const Generation *g) {
    Grid grid;
    if (!begin_periodic(g, &grid)) return false;
    int64_t n = grid.points_x;
    double dt = 1 / (double)grid.points_t, *kernel = heat_kernel(n, g->settings[3], dt);
    double *u = allocate((size_t)n * sizeof *u), *reacted = allocate((size_t)n * sizeof *u);
    for (int64_t j = 0; j < n; j++) u[j] = bump(2 * PI * (double)j / (double)n);
    for (int64_t step = 0; step < grid.points_t; step++) {
        for (int64_t j = 0; j < n; j++) {
            tensor_set_number(grid.u, step * n + j, u[j]);
            reacted[j] = react(u[j], g->settings[2], dt);
        }
        for (int64_t j = 0; j < n; j++) {
            u[j] = 0;
            for (int64_t k = 0; k < n; k++) u[j] += kernel[(j - k + n) % n] * reacted[k];
        }
    }
    free(kernel);
    free(u);
    free(reacted);
    return true;
}

bool generate_poisson(const Generation *g) {
    int64_t n = (int64_t)g->settings[0];
    double k = g->settings[1] * PI;
    Split *split = dataset_add_split(g->set, "all");
    static const char *const names[4] = {"x", "y", "u", "f"};
    Tensor *fields[4];
    for (int i = 0; i < 4; i++)
        if (!(fields[i] = add_floats(g, split, names[i], shape_1(n * n)))) return false;
    for (int64_t i = 0; i < n * n; i++) {
        double x = (double)(i / n) / (double)(n - 1), y = (double)(i % n) / (double)(n - 1), u = sin(k * x) * sin(k * y);
        tensor_set_number(fields[0], i, x);
        tensor_set_number(fields[1], i, y);
        tensor_set_number(fields[2], i, u);
        tensor_set_number(fields[3], i, 2 * k * k * u);
    }
    return true;
}
