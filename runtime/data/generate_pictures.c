/* Pictures from formulas: the Shepp-Logan phantom and sprites with known factors. */
#include "runtime/data/generators.h"

#include <math.h>

static const double PI = 3.14159265358979323846;

typedef struct Ellipse {
    double intensity, a, b, x, y, degrees;
} Ellipse;

/* Shepp and Logan 1974 with the contrasts of Toft 1996. */
static const Ellipse PHANTOM[10] = {{1, 0.69, 0.92, 0, 0, 0},          {-0.8, 0.6624, 0.874, 0, -0.0184, 0},
                                    {-0.2, 0.11, 0.31, 0.22, 0, -18},  {-0.2, 0.16, 0.41, -0.22, 0, 18},
                                    {0.1, 0.21, 0.25, 0, 0.35, 0},     {0.1, 0.046, 0.046, 0, 0.1, 0},
                                    {0.1, 0.046, 0.046, 0, -0.1, 0},   {0.1, 0.046, 0.023, -0.08, -0.605, 0},
                                    {0.1, 0.023, 0.023, 0, -0.606, 0}, {0.1, 0.023, 0.046, 0.06, -0.605, 0}};

static double phantom_at(double x, double y) {
    double sum = 0;
    for (int i = 0; i < 10; i++) {
        const Ellipse *e = &PHANTOM[i];
        double c = cos(e->degrees * PI / 180), s = sin(e->degrees * PI / 180);
        double along = ((x - e->x) * c + (y - e->y) * s) / e->a, across = ((y - e->y) * c - (x - e->x) * s) / e->b;
        if (along * along + across * across <= 1) sum += e->intensity;
    }
    return sum;
}

bool generate_shepp_logan(const Generation *g) {
    int64_t n = (int64_t)g->settings[0];
    Tensor *image = add_floats(g, dataset_add_split(g->set, "all"), "image", shape_of(3, (int64_t[]){1, n, n}));
    for (int64_t i = 0; image && i < n * n; i++) /* x to the right, y up, both over -1..1 */
        tensor_set_number(image, i, phantom_at(2.0 * (double)(i % n) / (double)(n - 1) - 1, 1 - 2.0 * (double)(i / n) / (double)(n - 1)));
    return image != NULL;
}

/* After dSprites (Matthey et al. 2017): drawn from formulas, so alike but not equal pixel for pixel. */
enum { FACTORS = 5 };
static const int64_t FACTOR_SIZES[FACTORS] = {3, 6, 20, 8, 8};
static const char *const FACTOR_NAMES[FACTORS] = {"shape", "scale", "orientation", "column", "row"};

static bool inside(int64_t shape, double x, double y) {
    if (shape == 0) return fmax(fabs(x), fabs(y)) <= 0.886;
    if (shape == 1) return x * x / (1.35 * 1.35) + y * y / (0.75 * 0.75) <= 1;
    double heart = 1.1 * y + 0.15 - 0.65 * sqrt(fabs(1.1 * x));
    return 1.21 * x * x + heart * heart <= 1;
}

/* Four by four samples for each pixel; a pixel is on when half of them are. */
static void draw_sprite(Tensor *x, int64_t row, int64_t size, const int64_t factors[FACTORS]) {
    double radius = 0.22 * (0.5 + 0.1 * (double)factors[1]) / 0.75, angle = 2 * PI * (double)factors[2] / 20;
    double c = cos(angle), s = sin(angle), centre_x = (double)factors[3] / 7 - 0.5, centre_y = (double)factors[4] / 7 - 0.5;
    for (int64_t pixel = 0; pixel < size * size; pixel++) {
        int hits = 0;
        for (int64_t sample = 0; sample < 16; sample++) {
            double right = ((double)(4 * (pixel % size) + sample % 4) + 0.5) / (double)(2 * size) - 1 - centre_x;
            double up = 1 - ((double)(4 * (pixel / size) + sample / 4) + 0.5) / (double)(2 * size) - centre_y;
            hits += inside(factors[0], (right * c + up * s) / radius, (up * c - right * s) / radius);
        }
        tensor_set_number(x, row * size * size + pixel, hits >= 8 ? 1.0 : 0.0);
    }
}

bool generate_sprites(const Generation *g) {
    int64_t size = (int64_t)g->settings[0], total = 1;
    Split *split = dataset_add_split(g->set, "all");
    Tensor *x = add_floats(g, split, "x", shape_2(g->count, size * size)), *fields[FACTORS] = {0};
    for (int i = 0; x && i < FACTORS; i++) {
        total *= FACTOR_SIZES[i];
        if (!(fields[i] = add_wholes(g, split, FACTOR_NAMES[i], shape_1(g->count)))) return false;
    }
    for (int64_t row = 0; x && row < g->count; row++) {
        /* As many as there are combinations: each once, the last factor varying fastest. */
        int64_t code = g->count == total ? row : draw_below(g, 0, row, total), factors[FACTORS];
        for (int i = FACTORS - 1; i >= 0; i--) {
            factors[i] = code % FACTOR_SIZES[i];
            code /= FACTOR_SIZES[i];
            tensor_i64(fields[i])[row] = factors[i];
        }
        draw_sprite(x, row, size, factors);
    }
    g->set->sample = shape_of(3, (int64_t[]){1, size, size});
    return x != NULL;
}
