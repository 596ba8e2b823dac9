/* The inner loops of a sweep for one element type. Included with T (float or double) and NAME(x), the name of x for this type. */
typedef T NAME(Vector) __attribute__((vector_size(64)));
typedef T NAME(Loose) __attribute__((vector_size(64), aligned(sizeof(T))));
typedef T NAME(Half) __attribute__((vector_size(32)));
typedef T NAME(Quarter) __attribute__((vector_size(16)));
#define WIDTH (64 / (int64_t)sizeof(T))

/* The sum of the lanes, upper half to lower half down to one. */
static inline __attribute__((always_inline)) T NAME(joined)(const NAME(Vector) * lanes) {
    NAME(Half) half[2];
    NAME(Quarter) quarter[2];
    memcpy(half, lanes, sizeof half);
    half[0] += half[1];
    memcpy(quarter, &half[0], sizeof quarter);
    quarter[0] += quarter[1];
    for (int64_t i = WIDTH / 8; i >= 1; i /= 2)
        for (int64_t j = 0; j < i; j++) quarter[0][j] += quarter[0][j + i];
    return quarter[0][0];
}

static inline __attribute__((always_inline)) void NAME(dots_of)(const T *k, int64_t rows, int64_t n, const T *v, T *y) {
    NAME(Vector) lanes[SWEEP_ROWS] = {0};
    int64_t whole = n / WIDTH * WIDTH;
    for (int64_t j = 0; j < whole; j += WIDTH) {
        NAME(Vector) part = *(const NAME(Loose) *)(v + j);
#pragma GCC unroll 4
        for (int64_t r = 0; r < rows; r++) lanes[r] += *(const NAME(Loose) *)(k + r * n + j) * part;
    }
    for (int64_t r = 0; r < rows; r++) {
        T sum = NAME(joined)(&lanes[r]);
        for (int64_t j = whole; j < n; j++) sum += k[r * n + j] * v[j];
        y[r] = sum;
    }
}

static void NAME(dots)(const void *k, int64_t rows, int64_t n, const void *v, void *y) {
    if (rows == SWEEP_ROWS) NAME(dots_of)(k, SWEEP_ROWS, n, v, y);
    else
        for (int64_t r = 0; r < rows; r++) NAME(dots_of)((const T *)k + r * n, 1, n, v, (T *)y + r);
}

/* The rows are in the first-level cache; meanwhile the next ones are asked for. */
static inline __attribute__((always_inline)) void NAME(add_rows)(const T *k, int64_t rows, int64_t n, const T *z, T *w) {
    T weights[SWEEP_ROWS]; /* w and z might overlap, for all the compiler knows */
    int64_t whole = n / WIDTH * WIDTH;
    for (int64_t r = 0; r < rows; r++) weights[r] = z[r];
    for (int64_t j = 0; j < whole; j += WIDTH) {
        NAME(Vector) sum = *(const NAME(Loose) *)(w + j);
#pragma GCC unroll 4
        for (int64_t r = 0; r < rows; r++) {
            sum += weights[r] * *(const NAME(Loose) *)(k + r * n + j);
            __builtin_prefetch(k + (r + rows) * n + j);
        }
        *(NAME(Loose) *)(w + j) = sum;
    }
    for (int64_t j = whole; j < n; j++)
        for (int64_t r = 0; r < rows; r++) w[j] += weights[r] * k[r * n + j];
}

static void NAME(add)(const void *k, int64_t rows, int64_t n, const void *z, void *w) {
    if (rows == SWEEP_ROWS) NAME(add_rows)(k, SWEEP_ROWS, n, z, w);
    else
        for (int64_t r = 0; r < rows; r++) NAME(add_rows)((const T *)k + r * n, 1, n, (const T *)z + r, w);
}

#undef WIDTH
#undef NAME
#undef T
