#include "runtime/kernels/special.h"

#include <math.h>

/* A first guess by Giles (2012, "Approximating the erfinv function"), good to six digits. */
static double erfinv_guess(double x) {
    double w = -log((1 - x) * (1 + x));
    if (w < 5) {
        static const double center[] = {2.81022636e-08, 3.43273939e-07, -3.5233877e-06, -4.39150654e-06, 0.00021858087,
                                        -0.00125372503, -0.00417768164, 0.246640727,    1.50140941};
        double p = 0;
        for (int i = 0; i < 9; i++) p = p * (w - 2.5) + center[i];
        return p * x;
    }
    static const double tail[] = {-0.000200214257, 0.000100950558, 0.00134934322, -0.00367342844, 0.00573950773,
                                  -0.0076224613,   0.00943887047,  1.00167406,    2.83297682};
    double s = sqrt(w) - 3;
    if (s > 3) /* beyond the fit: the leading term of the tail's expansion */
        return copysign(sqrt(w - 0.5 * log(M_PI * w)), x);
    double p = 0;
    for (int i = 0; i < 9; i++) p = p * s + tail[i];
    return p * x;
}

double special_erfinv(double x) {
    if (!(fabs(x) < 1)) return fabs(x) == 1 ? copysign(INFINITY, x) : NAN;
    if (fabs(x) < 1e-8) return x * 0.88622692545275801;
    double y = erfinv_guess(x), sign = copysign(1, x);
    for (int step = 0; step < 3; step++) { /* Halley; the residual by erfc where erf has lost its digits */
        double residual = fabs(x) < 0.5 ? erf(y) - x : sign * ((1 - fabs(x)) - erfc(fabs(y)));
        double correction = residual / (M_2_SQRTPI * exp(-y * y));
        y -= correction / (1 + y * correction);
    }
    return y;
}

double special_lgamma(double x) {
    int sign;
    return lgamma_r(x, &sign);
}

/* Even Bernoulli numbers B_2, B_4, ... */
static const double bernoulli[] = {1.0 / 6, -1.0 / 30,     1.0 / 42,      -1.0 / 30,       5.0 / 66,      -691.0 / 2730,
                                   7.0 / 6, -3617.0 / 510, 43867.0 / 798, -174611.0 / 330, 854513.0 / 138};
enum { BERNOULLI_COUNT = sizeof bernoulli / sizeof *bernoulli };

static double digamma(double x) {
    if (x == 0) return copysign(INFINITY, -x);
    if (x < 0) {
        if (x == floor(x)) return NAN;
        double fraction = x - rint(x);
        return digamma(1 - x) - M_PI / tan(M_PI * fraction);
    }
    double sum = 0;
    for (; x < 12; x++) sum -= 1 / x;
    double inverse = 1 / (x * x), power = inverse;
    for (int k = 1; k <= 8; k++, power *= inverse) sum -= bernoulli[k - 1] / (2 * k) * power;
    return sum + (log(x) - 0.5 / x);
}

/* (-1)^(n+1) n! zeta(n + 1, x) with Hurwitz' zeta by Euler and Maclaurin (DLMF 25.11.28), x > 0. */
static double hurwitz_zeta(double s, double x) {
    double sum = 0;
    for (int k = 0; k < 12; k++, x++) sum += pow(x, -s);
    double power = pow(x, -s);
    sum += power * x / (s - 1) + 0.5 * power;
    double factor = s / 2 * power / x; /* s (s+1) ... (s+2k-2) / (2k)! x^(-s-2k+1) */
    for (int k = 1; k <= BERNOULLI_COUNT; k++) {
        sum += bernoulli[k - 1] * factor;
        factor *= (s + 2 * k - 1) * (s + 2 * k) / ((2.0 * k + 1) * (2.0 * k + 2)) / (x * x);
    }
    return sum;
}

/* Further left the recurrence would take too long for an elementwise function. */
static const double FURTHEST_LEFT = -10000;

double special_polygamma(double order, double x) {
    if (order == 0) return digamma(x);
    if (!(order > 0) || order != floor(order) || isnan(x)) return NAN;
    double scale = tgamma(order + 1) * (fmod(order, 2) == 1 ? 1 : -1);
    if (isinf(x)) return x > 0 ? 0 * scale : NAN;
    if (x <= 0 && x == floor(x)) return scale > 0 ? INFINITY : NAN;
    if (x < FURTHEST_LEFT) return NAN;
    double sum = 0;
    for (; x < 0; x++) sum += pow(x, -(order + 1));
    return scale * (sum + hurwitz_zeta(order + 1, x));
}
