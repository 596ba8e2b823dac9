/* The loops of columns.h for one element type. Included with T and NAME(x), the name of x for this type. */
typedef T NAME(Loose) __attribute__((vector_size(8 * sizeof(T)), aligned(sizeof(T))));

/* Four vectors of lanes, joined in pairs. */
WIDE static double NAME(dot)(const void *column, const double *r, int64_t count, const void *next) {
    const T *x = column, *later = next;
    VectorF64 lanes[4] = {0};
    int64_t i = 0;
    for (; i + 32 <= count; i += 32) {
        for (size_t at = 0; at < 32 * sizeof(T); at += 64) __builtin_prefetch((const char *)(later + i) + at);
#pragma GCC unroll 4
        for (int k = 0; k < 4; k++)
            lanes[k] += __builtin_convertvector(*(const NAME(Loose) *)(x + i + 8 * k), VectorF64) * *(const LooseF64 *)(r + i + 8 * k);
    }
    lanes[0] = (lanes[0] + lanes[1]) + (lanes[2] + lanes[3]);
    double sum = 0;
    for (int64_t k = 0; k < 8; k++) sum += lanes[0][k];
    for (; i < count; i++) sum += (double)x[i] * r[i];
    return sum;
}

WIDE static void NAME(subtract)(double *restrict r, const void *column, double factor, int64_t count) {
    const T *restrict x = column;
    for (int64_t i = 0; i < count; i++) r[i] -= factor * (double)x[i];
}

WIDE static void NAME(add_run)(const T *restrict x, int64_t rows, int64_t columns, int64_t count, const T *restrict r,
                               double *restrict sums) {
    T run[COLUMN_TILE] = {0};
    int64_t i = 0;
    for (; i + 4 <= rows; i += 4) {
        const T *a = x + i * columns, *b = a + columns, *c = b + columns, *d = c + columns;
        T ra = r[i], rb = r[i + 1], rc = r[i + 2], rd = r[i + 3];
        for (int64_t j = 0; j < count; j++) run[j] += (ra * a[j] + rb * b[j]) + (rc * c[j] + rd * d[j]);
    }
    for (; i < rows; i++)
        for (int64_t j = 0; j < count; j++) run[j] += r[i] * x[i * columns + j];
    for (int64_t j = 0; j < count; j++) sums[j] += (double)run[j];
}

WIDE static void NAME(add_squares)(const T *restrict x, int64_t rows, int64_t columns, int64_t count, double *restrict squares) {
    T run[COLUMN_TILE] = {0};
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < count; j++) run[j] += x[i * columns + j] * x[i * columns + j];
    for (int64_t j = 0; j < count; j++) squares[j] += (double)run[j];
}

static void NAME(correlate)(const void *matrix, int64_t rows, int64_t columns, int64_t first, int64_t count, const double *r, double *sums,
                            double *squares) {
    for (int64_t j = 0; j < count; j++) sums[j] = 0;
    for (int64_t j = 0; squares && j < count; j++) squares[j] = 0;
    for (int64_t i = 0; i < rows; i += RUN) {
        int64_t here = rows - i < RUN ? rows - i : RUN;
        const T *x = (const T *)matrix + i * columns + first;
        T residual[RUN];
        for (int64_t k = 0; k < here; k++) residual[k] = (T)r[i + k];
        NAME(add_run)(x, here, columns, count, residual, sums);
        if (squares) NAME(add_squares)(x, here, columns, count, squares);
    }
}

/* A few rows at a time, so that what is written to a column fills lines of the cache. */
static void NAME(gather)(const void *matrix, int64_t columns, int64_t from, int64_t to, const int64_t *chosen, int64_t count, void *store,
                         int64_t stride) {
    const T *x = matrix;
    for (int64_t i = from; i < to; i += LINE) {
        int64_t end = i + LINE < to ? i + LINE : to;
        for (int64_t k = 0; k < count; k++) {
            T *column = (T *)store + k * stride;
            for (int64_t row = i; row < end; row++) column[row] = x[row * columns + chosen[k]];
        }
    }
}

#undef NAME
#undef T
