/* The text of a product for one element type and instruction set. Included with
 *   T            float or double
 *   NAME(x)      the name of x for this type
 *   VECTOR_BYTES bytes of one vector register
 *   ROWS         rows of c in the inner kernel, a multiple of 4
 *   VECTORS      vector registers of each such row */
#define LANES (VECTOR_BYTES / (int)sizeof(T))
#define COLUMNS (VECTORS * LANES)
#define BLOCK_ROWS ((int64_t)(PACKED_A_BYTES / (PRODUCT_DEPTH * sizeof(T)) / ROWS * ROWS))
#define BLOCK_COLUMNS ((int64_t)(PACKED_B_BYTES / (PRODUCT_DEPTH * sizeof(T)) / COLUMNS * COLUMNS))
_Static_assert(COLUMNS <= PRODUCT_LINES_MAX && ROWS <= PRODUCT_LINES_MAX, "panels are at most PRODUCT_LINES_MAX wide");

typedef T NAME(Vector) __attribute__((vector_size(VECTOR_BYTES)));
typedef T NAME(Loose) __attribute__((vector_size(VECTOR_BYTES), aligned(sizeof(T))));

/* c[ROWS, COLUMNS] (+)= a panel [depth, ROWS] times b panel [depth, COLUMNS]. */
static void NAME(inner)(int64_t depth, const T *restrict a, const T *restrict b, bool accumulate, T *restrict c, int64_t c_stride) {
    NAME(Vector) sum[ROWS][VECTORS] = {0};
    for (int64_t k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
        NAME(Vector) line[VECTORS];
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) line[v] = *(const NAME(Vector) *)(b + v * LANES);
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
            for (int v = 0; v < VECTORS; v++) sum[i][v] += a[i] * line[v];
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++)
#pragma GCC unroll 8
        for (int v = 0; v < VECTORS; v++) {
            NAME(Loose) *to = (NAME(Loose) *)(c + i * c_stride + v * LANES);
            *to = accumulate ? *to + sum[i][v] : sum[i][v];
        }
}

/* The first register of each row only: for the last columns of c, and for products that are narrow altogether. */
static void NAME(inner_narrow)(int64_t depth, const T *restrict a, const T *restrict b, T *restrict c) {
    NAME(Vector) sum[ROWS] = {0};
    for (int64_t k = 0; k < depth; k++, a += ROWS, b += COLUMNS) {
        NAME(Vector) line = *(const NAME(Vector) *)b;
#pragma GCC unroll 16
        for (int i = 0; i < ROWS; i++) sum[i] += a[i] * line;
    }
#pragma GCC unroll 16
    for (int i = 0; i < ROWS; i++) *(NAME(Vector) *)(c + i * COLUMNS) = sum[i];
}

/* A corner of c that is smaller than the inner kernel goes by way of a full one. */
static void NAME(corner)(int64_t depth, const T *a, const T *b, bool accumulate, T *c, int64_t c_stride, int64_t rows, int64_t columns) {
    T whole[ROWS * COLUMNS] __attribute__((aligned(64)));
    if (columns <= LANES) NAME(inner_narrow)(depth, a, b, whole);
    else NAME(inner)(depth, a, b, false, whole, COLUMNS);
    for (int64_t i = 0; i < rows; i++)
        for (int64_t j = 0; j < columns; j++)
            c[i * c_stride + j] = accumulate ? c[i * c_stride + j] + whole[i * COLUMNS + j] : whole[i * COLUMNS + j];
}

/* Lines that lie next to one another: each depth is one run of elements. */
static void NAME(pack_runs)(const Factor *f, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth,
                            T *packed) {
    const T *from = (const T *)f->data + first_line * f->line_stride + first_depth * f->depth_stride;
    if (lines == width && width == COLUMNS)
        for (int64_t k = 0; k < depth; k++) memcpy(packed + k * COLUMNS, from + k * f->depth_stride, COLUMNS * sizeof(T));
    else
        for (int64_t k = 0; k < depth; k++) {
            for (int64_t i = 0; i < lines; i++) packed[k * width + i] = from[k * f->depth_stride + i];
            for (int64_t i = lines; i < width; i++) packed[k * width + i] = 0;
        }
}

/* Lines along k: four of them at a time, four depths at a time, are turned in registers. */
static void NAME(pack_turned)(const Factor *f, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth,
                              T *packed) {
    const T *from = (const T *)f->data + first_line * f->line_stride + first_depth * f->depth_stride;
    int64_t whole_lines = f->depth_stride == 1 ? lines / 4 * 4 : 0, whole_depth = depth / 4 * 4;
    for (int64_t i = 0; i < whole_lines; i += 4)
        for (int64_t k = 0; k < whole_depth; k += 4) {
            const T *line = from + i * f->line_stride + k;
            NAME(turn_4)(packed + k * width + i, width, line, line + f->line_stride, line + 2 * f->line_stride, line + 3 * f->line_stride);
        }
    for (int64_t k = 0; k < depth; k++) {
        for (int64_t i = k < whole_depth ? whole_lines : 0; i < lines; i++)
            packed[k * width + i] = from[i * f->line_stride + k * f->depth_stride];
        for (int64_t i = lines; i < width; i++) packed[k * width + i] = 0;
    }
}

/* `lines` lines in panels of `width`, each panel [depth, width]. */
static void NAME(pack)(const Factor *f, int64_t first_line, int64_t lines, int64_t width, int64_t first_depth, int64_t depth, T *packed) {
    for (int64_t i = 0; i < lines; i += width, packed += width * depth) {
        int64_t here = lines - i < width ? lines - i : width;
        if (f->pack) f->pack(f, first_line + i, here, width, first_depth, depth, packed);
        else if (f->line_stride == 1) NAME(pack_runs)(f, first_line + i, here, width, first_depth, depth, packed);
        else NAME(pack_turned)(f, first_line + i, here, width, first_depth, depth, packed);
    }
}

static void NAME(multiply_block)(int64_t depth, const T *a, int64_t rows, const T *b, int64_t columns, bool accumulate, T *c,
                                 int64_t c_stride) {
    for (int64_t j = 0; j < columns; j += COLUMNS)
        for (int64_t i = 0; i < rows; i += ROWS) {
            T *to = c + i * c_stride + j;
            if (rows - i >= ROWS && columns - j >= COLUMNS) NAME(inner)(depth, a + i * depth, b + j * depth, accumulate, to, c_stride);
            else NAME(corner)
            (depth, a + i * depth, b + j * depth, accumulate, to, c_stride, rows - i < ROWS ? rows - i : ROWS,
             columns - j < COLUMNS ? columns - j : COLUMNS);
        }
}

static void NAME(run)(const Product *p, char *workspace) {
    T *packed_a = (T *)workspace, *packed_b = (T *)(workspace + PACKED_A_BYTES + PACK_SLACK), *c = p->c;
    if (p->k == 0 && !p->accumulate)
        for (int64_t i = 0; i < p->m; i++) memset(c + i * p->c_stride, 0, (size_t)p->n * sizeof(T));
    for (int64_t k = 0; k < p->k; k += PRODUCT_DEPTH) {
        int64_t depth = p->k - k < PRODUCT_DEPTH ? p->k - k : PRODUCT_DEPTH;
        for (int64_t j = 0; j < p->n; j += BLOCK_COLUMNS) {
            int64_t columns = p->n - j < BLOCK_COLUMNS ? p->n - j : BLOCK_COLUMNS;
            NAME(pack)(&p->b, j, columns, COLUMNS, k, depth, packed_b);
            for (int64_t i = 0; i < p->m; i += BLOCK_ROWS) {
                int64_t rows = p->m - i < BLOCK_ROWS ? p->m - i : BLOCK_ROWS;
                NAME(pack)(&p->a, i, rows, ROWS, k, depth, packed_a);
                NAME(multiply_block)
                (depth, packed_a, rows, packed_b, columns, k > 0 || p->accumulate, c + i * p->c_stride + j, p->c_stride);
            }
        }
    }
}

#undef LANES
#undef COLUMNS
#undef BLOCK_ROWS
#undef BLOCK_COLUMNS
#undef T
#undef NAME
