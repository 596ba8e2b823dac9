/* Gamma(alpha, 1) samples and their derivative in alpha. Both compute in double whatever the dtype. */
#include "runtime/base/rng.h"
#include "runtime/kernels/axis.h"
#include "runtime/kernels/kernels.h"

#include <float.h>
#include <math.h>

/* Marsaglia and Tsang (2000) for alpha >= 1. Attempt k of element `index` reads its own block: key mixed with k. */
static double gamma_from_one(double alpha, uint64_t key, uint64_t step, uint64_t index) {
    double d = alpha - 1.0 / 3.0, c = 1.0 / sqrt(9.0 * d);
    for (uint64_t attempt = 1;; attempt++) {
        RngBlock block = rng_block(rng_mix(key, attempt), index, step);
        double radius = sqrt(-2.0 * log(((double)block.word[0] + 1.0) * 0x1p-32));
        double x = radius * cos(6.28318530717958647693 * ((double)block.word[1] * 0x1p-32));
        double v = 1.0 + c * x;
        if (v <= 0) continue;
        v = v * v * v;
        double u = ((double)((uint64_t)block.word[3] << 21 | block.word[2] >> 11) + 0.5) * 0x1p-53;
        if (log(u) < 0.5 * x * x + d - d * v + d * log(v)) return d * v;
    }
}

/* alpha < 1: Gamma(alpha) = Gamma(alpha + 1) U^(1/alpha). */
static double gamma_sample(double alpha, uint64_t key, uint64_t step, uint64_t index) {
    if (!(alpha > 0) || isinf(alpha)) return alpha > 0 ? alpha : (double)NAN;
    if (alpha >= 1) return gamma_from_one(alpha, key, step, index);
    double u = 1.0 - rng_uniform_f64(rng_mix(key, 0), step, index);
    return gamma_from_one(alpha + 1, key, step, index) * exp(log(u) / alpha);
}

static double digamma(double x) {
    double sum = 0;
    for (; x < 8; x += 1) sum -= 1 / x;
    double y = 1 / (x * x);
    double tail = y * (1.0 / 12 - y * (1.0 / 120 - y * (1.0 / 252 - y * (1.0 / 240 - y * (1.0 / 132 - y * (691.0 / 32760 - y / 12))))));
    return sum + log(x) - 0.5 / x - tail;
}

/* With F(x; a) = x^a e^-x / Gamma(a + 1) S, S = sum_k c_k, c_k = x^k / ((a+1) ... (a+k)) and the density
 * x^(a-1) e^-x / Gamma(a):  -dF/da / density = -(x / a) (S (log x - digamma(a + 1)) + dS/da). For x < a + 1. */
static double derivative_by_series(double a, double x) {
    double term = 1, term_slope = 0, sum = 1, slope = 0;
    for (double k = 1; term > sum * (DBL_EPSILON / 4) || fabs(term_slope) > fabs(slope) * (DBL_EPSILON / 4); k++) {
        double ratio = x / (a + k);
        term_slope = (term_slope - term / (a + k)) * ratio;
        term *= ratio;
        sum += term;
        slope += term_slope;
    }
    return -(x / a) * (sum * (log(x) - digamma(a + 1)) + slope);
}

/* The upper tail as a continued fraction, Q(x; a) = x^a e^-x / Gamma(a) f, f = 1/(x+1-a- 1(1-a)/(x+3-a- 2(2-a)/ ...)):
 * dQ/da / density = x (f (log x - digamma(a)) + df/da). Convergents p/q carry their derivatives in a along. For x >= a + 1. */
static double derivative_by_fraction(double a, double x) {
    double p0 = 0, q0 = 1, p1 = 1, q1 = x + 1 - a;
    double dp0 = 0, dq0 = 0, dp1 = 0, dq1 = -1;
    double f = p1 / q1, df = (dp1 - f * dq1) / q1;
    for (double k = 1; k < 100000; k++) {
        double numerator = -k * (k - a), dnumerator = k, denominator = x + 2 * k + 1 - a;
        double p2 = denominator * p1 + numerator * p0, q2 = denominator * q1 + numerator * q0;
        double dp2 = denominator * dp1 - p1 + numerator * dp0 + dnumerator * p0;
        double dq2 = denominator * dq1 - q1 + numerator * dq0 + dnumerator * q0;
        double scale = 1 / q2;
        p0 = p1 * scale, q0 = q1 * scale, dp0 = dp1 * scale, dq0 = dq1 * scale;
        p1 = p2 * scale, q1 = 1, dp1 = dp2 * scale, dq1 = dq2 * scale;
        double next = p1, dnext = dp1 - next * dq1;
        bool is_settled = fabs(next - f) <= DBL_EPSILON * fabs(next) && fabs(dnext - df) <= DBL_EPSILON * fabs(dnext);
        f = next, df = dnext;
        if (is_settled) break;
    }
    return x * (f * (log(x) - digamma(a)) + df);
}

/* Large a: Cornish-Fisher, x(n) = a + n sqrt(a) + (n^2-1)/3 + (n^3-7n)/(36 sqrt(a)) - (3n^4+7n^2-16)/(810 a)
 * + (9n^5+256n^3-433n)/(38880 a^1.5); n by Newton's method, then dx/da at that n. */
static double derivative_for_large(double a, double x) {
    double r = sqrt(a), n = (x - a) / r;
    for (int i = 0; i < 8; i++) {
        double n2 = n * n;
        double value = a + n * r + (n2 - 1) / 3 + n * (n2 - 7) / (36 * r) - (n2 * (3 * n2 + 7) - 16) / (810 * a) +
                       n * (n2 * (9 * n2 + 256) - 433) / (38880 * a * r);
        double slope = r + 2 * n / 3 + (3 * n2 - 7) / (36 * r) - n * (12 * n2 + 14) / (810 * a);
        n -= (value - x) / slope;
    }
    double n2 = n * n;
    return 1 + n / (2 * r) - n * (n2 - 7) / (72 * a * r) + (n2 * (3 * n2 + 7) - 16) / (810 * a * a) -
           n * (n2 * (9 * n2 + 256) - 433) / (25920 * a * a * r);
}

static double gamma_derivative(double alpha, double sample) {
    enum { LARGE = 10000 };
    if (!(alpha > 0) || !(sample >= 0) || isinf(alpha) || isinf(sample)) return (double)NAN;
    if (sample == 0) return 0;
    if (alpha > LARGE) return derivative_for_large(alpha, sample);
    return sample < alpha + 1 ? derivative_by_series(alpha, sample) : derivative_by_fraction(alpha, sample);
}

enum { TILE_ELEMENTS = 1024 };

typedef struct Gamma {
    View alpha, other, out; /* other: the sample, for the derivative */
    uint64_t key, step;
    int64_t count;
} Gamma;

static double number_at(const View *view, int64_t i) {
    return view->dtype == DTYPE_F32 ? (double)((const float *)view->data)[i] : ((const double *)view->data)[i];
}

static void set_number(const View *view, int64_t i, double value) {
    if (view->dtype == DTYPE_F32) ((float *)view->data)[i] = (float)value;
    else ((double *)view->data)[i] = value;
}

/* A sample that underflows becomes the smallest normal number, so that its logarithm stays finite. */
static void sample_tile(void *context, int64_t tile) {
    const Gamma *g = context;
    double smallest = g->out.dtype == DTYPE_F32 ? (double)FLT_MIN : DBL_MIN;
    for (int64_t i = tile * TILE_ELEMENTS; i < min_i64((tile + 1) * TILE_ELEMENTS, g->count); i++) {
        double value = gamma_sample(number_at(&g->alpha, i), g->key, g->step, (uint64_t)i);
        set_number(&g->out, i, value < smallest ? smallest : value);
    }
}

static void derivative_tile(void *context, int64_t tile) {
    const Gamma *g = context;
    for (int64_t i = tile * TILE_ELEMENTS; i < min_i64((tile + 1) * TILE_ELEMENTS, g->count); i++)
        set_number(&g->out, i, gamma_derivative(number_at(&g->alpha, i), number_at(&g->other, i)));
}

bool kernel_random_gamma(const KernelCall *call) {
    const int64_t *key = call->inputs[0].data;
    Gamma g = {
        .alpha = call->inputs[1],
        .out = call->outputs[0],
        .key = rng_key((uint64_t)key[0], (uint64_t)call->ints[0]),
        .step = (uint64_t)key[1],
        .count = shape_count(call->outputs[0].shape),
    };
    threads_run(call->threads, ceil_div(g.count, TILE_ELEMENTS), sample_tile, &g);
    return true;
}

bool kernel_gamma_derivative(const KernelCall *call) {
    Gamma g = {
        .alpha = call->inputs[0],
        .other = call->inputs[1],
        .out = call->outputs[0],
        .count = shape_count(call->outputs[0].shape),
    };
    threads_run(call->threads, ceil_div(g.count, TILE_ELEMENTS), derivative_tile, &g);
    return true;
}
