#include "runtime/solve/lasso.h"

#include "runtime/solve/columns.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    FIRST_SET = 128,     /* columns of the first working set */
    ROUNDS_A_CHECK = 10, /* between two looks at the gap */
    WHOLE_ROUND = 3,     /* every so many rounds go over the whole set, the others over the weights that are not zero */
    FAILURES_MAX = 3,    /* working sets without new columns that did not lower the gap: rounding allows no less */
    ROW_TILE = 128,      /* rows that one thread gathers */
    ALIGNMENT = 64,
};

/* A column that has been copied out of x. */
typedef struct Slot {
    int64_t column;
    double w;
    double square;      /* |x_j|^2 */
    double correlation; /* x_j' r, at the last look */
} Slot;

typedef struct Descent {
    Lasso *lasso;
    const ColumnLoops *loops;
    Threads *threads;
    double limit;       /* L = n lambda */
    double half_square; /* |y|^2 / 2 */
    void *store;        /* columns that have been copied, `stride` elements each, in order of slots */
    int64_t stride;
    double *r; /* y - x w */
    double *correlations, *squares;
    double *priorities;
    int64_t *slot_of; /* by column; -1: not copied */
    bool *is_out;     /* by column: screened, zero in every solution */
    Slot *slots;
    int64_t slot_count, fresh; /* slots from `fresh` on have not been filled yet */
    int64_t *set;              /* slots of the working set, in order */
    int64_t set_count;
    int64_t *order;
} Descent;

/* ---- memory -------------------------------------------------------------------------------------------------------------- */

static void *take(char **at, int64_t count, size_t bytes) {
    char *here = *at;
    if (here != NULL) *at = here + ((size_t)count * bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    return here;
}

/* Lays the arrays out from `base` on and gives the end. */
static char *lay_out(Descent *d, char *base, DType dtype, int64_t rows, int64_t columns) {
    char *at = base;
    size_t bytes = dtype_bytes(dtype);
    d->stride = (rows * (int64_t)bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT / (int64_t)bytes;
    d->r = take(&at, rows, sizeof(double));
    d->correlations = take(&at, columns, sizeof(double));
    d->squares = take(&at, columns, sizeof(double));
    d->priorities = take(&at, columns, sizeof(double));
    d->slot_of = take(&at, columns, sizeof(int64_t));
    d->is_out = take(&at, columns, sizeof(bool));
    d->slots = take(&at, columns, sizeof(Slot));
    d->set = take(&at, columns, sizeof(int64_t));
    d->order = take(&at, columns, sizeof(int64_t));
    d->store = take(&at, d->stride * columns, bytes);
    return at;
}

size_t lasso_scratch(DType dtype, int64_t rows, int64_t columns) {
    Descent d;
    char *base = (char *)(uintptr_t)ALIGNMENT;
    return (size_t)(lay_out(&d, base, dtype, rows, columns) - base);
}

/* ---- elements ------------------------------------------------------------------------------------------------------------ */

static double element(DType dtype, const void *data, int64_t at) {
    return dtype == DTYPE_F32 ? (double)((const float *)data)[at] : ((const double *)data)[at];
}

static void set_element(DType dtype, void *data, int64_t at, double value) {
    if (dtype == DTYPE_F32) ((float *)data)[at] = (float)value;
    else ((double *)data)[at] = value;
}

static const char *column_of(const Descent *d, int64_t slot) {
    return (const char *)d->store + slot * d->stride * (int64_t)dtype_bytes(d->lasso->dtype);
}

/* ---- passes over x ------------------------------------------------------------------------------------------------------- */

typedef struct Pass {
    Descent *d;
    double *squares;
} Pass;

static void correlate_tile(void *context, int64_t tile) {
    const Pass *pass = context;
    const Descent *d = pass->d;
    const Lasso *lasso = d->lasso;
    int64_t first = tile * COLUMN_TILE, count = lasso->columns - first < COLUMN_TILE ? lasso->columns - first : COLUMN_TILE;
    d->loops->correlate(lasso->x, lasso->rows, lasso->columns, first, count, d->r, d->correlations + first,
                        pass->squares ? pass->squares + first : NULL);
}

/* All correlations with the residual, one reading of x. */
static void correlate(Descent *d, bool with_squares) {
    Pass pass = {d, with_squares ? d->squares : NULL};
    threads_run(d->threads, (d->lasso->columns + COLUMN_TILE - 1) / COLUMN_TILE, correlate_tile, &pass);
}

static void gather_tile(void *context, int64_t tile) {
    Descent *d = context;
    const Lasso *lasso = d->lasso;
    int64_t from = tile * ROW_TILE, to = from + ROW_TILE < lasso->rows ? from + ROW_TILE : lasso->rows;
    d->loops->gather(lasso->x, lasso->columns, from, to, d->order, d->slot_count - d->fresh, (char *)(uintptr_t)column_of(d, d->fresh),
                     d->stride);
}

/* Copies the columns that have got a slot. */
static void fill_slots(Descent *d) {
    for (int64_t k = d->fresh; k < d->slot_count; k++) d->order[k - d->fresh] = d->slots[k].column;
    if (d->fresh < d->slot_count) threads_run(d->threads, (d->lasso->rows + ROW_TILE - 1) / ROW_TILE, gather_tile, d);
    d->fresh = d->slot_count;
}

static int64_t slot_for(Descent *d, int64_t column) {
    if (d->slot_of[column] >= 0) return d->slot_of[column];
    d->slots[d->slot_count] = (Slot){.column = column, .square = d->squares[column]};
    return d->slot_of[column] = d->slot_count++;
}

/* ---- the gap ------------------------------------------------------------------------------------------------------------- */

/* y - x w anew: what many small updates have added up to drifts. */
static void compute_residual(Descent *d) {
    const Lasso *lasso = d->lasso;
    for (int64_t i = 0; i < lasso->rows; i++) d->r[i] = element(lasso->dtype, lasso->y, i);
    for (int64_t k = 0; k < d->slot_count; k++)
        if (d->slots[k].w != 0) d->loops->subtract(d->r, column_of(d, k), d->slots[k].w, lasso->rows);
}

/* To what w can hold, so that the gap is that of the result. */
static void round_weights(Descent *d) {
    for (int64_t k = 0; k < d->slot_count && d->lasso->dtype == DTYPE_F32; k++) d->slots[k].w = (double)(float)d->slots[k].w;
}

/* The gap when `largest` is the largest correlation with the residual in size. The dual value at theta = r / s is
 * |y|^2 / 2 - |y - (L / s) r|^2 / 2 = (L / s) y'r - (L / s)^2 |r|^2 / 2. */
static double gap_of(const Descent *d, double largest) {
    const Lasso *lasso = d->lasso;
    double weight = 0, scale = d->limit / (largest > d->limit ? largest : d->limit);
    for (int64_t k = 0; k < d->slot_count; k++) weight += fabs(d->slots[k].w);
    double rr = column_loops(DTYPE_F64)->dot(d->r, d->r, lasso->rows, lasso->y), ry = d->loops->dot(lasso->y, d->r, lasso->rows, d->r);
    double gap = rr / 2 + d->limit * weight - (scale * ry - scale * scale * rr / 2);
    return gap > 0 ? gap : 0; /* below zero by rounding alone */
}

static double largest_of_all(const Descent *d) {
    double largest = 0;
    for (int64_t j = 0; j < d->lasso->columns; j++)
        if (fabs(d->correlations[j]) > largest) largest = fabs(d->correlations[j]);
    return largest;
}

static double set_gap(Descent *d) {
    double largest = 0;
    compute_residual(d);
    for (int64_t k = 0; k < d->set_count; k++) {
        Slot *slot = &d->slots[d->set[k]];
        slot->correlation = d->loops->dot(column_of(d, d->set[k]), d->r, d->lasso->rows,
                                          column_of(d, d->set[k + 1 < d->set_count ? k + 1 : 0]));
        if (fabs(slot->correlation) > largest) largest = fabs(slot->correlation);
    }
    return gap_of(d, largest);
}

/* ---- descent on the working set -------------------------------------------------------------------------------------------- */

/* One coordinate; gives how much its change can have lowered the objective. */
static double descend(Descent *d, int64_t k, int64_t next) {
    Slot *slot = &d->slots[k];
    if (slot->square == 0) return 0;
    double old = slot->w, target = old * slot->square + d->loops->dot(column_of(d, k), d->r, d->lasso->rows, column_of(d, next));
    double size = fabs(target) - d->limit;
    slot->w = size > 0 ? copysign(size, target) / slot->square : 0;
    double change = slot->w - old;
    if (change != 0) d->loops->subtract(d->r, column_of(d, k), change, d->lasso->rows);
    return change * change * slot->square;
}

static double round_over_set(Descent *d, bool whole) {
    double moved = 0;
    for (int64_t k = 0; k < d->set_count; k++)
        if (whole || d->slots[d->set[k]].w != 0) moved += descend(d, d->set[k], d->set[k + 1 < d->set_count ? k + 1 : 0]);
    return moved;
}

/* Until the gap on the set is at most `enough`. */
static void descend_set(Descent *d, double enough) {
    for (int round = 0; d->lasso->steps < d->lasso->max_steps && !threads_are_interrupted(d->threads); round++) {
        if (round > 0 && round % ROUNDS_A_CHECK == 0 && set_gap(d) <= enough) return;
        d->lasso->steps++;
        bool whole = round % WHOLE_ROUND == 0;
        if (round_over_set(d, whole) == 0 && whole) return;
    }
}

/* ---- working sets -------------------------------------------------------------------------------------------------------------- */

/* Marks the columns that are zero in every solution; gives how many are left. */
static int64_t screen(Descent *d, double gap, double largest) {
    double scale = largest > d->limit ? largest : d->limit, radius = sqrt(2 * gap) / d->limit;
    int64_t left = 0;
    for (int64_t j = 0; j < d->lasso->columns; j++) {
        double length = sqrt(d->squares[j]), inside = 1 - fabs(d->correlations[j]) / scale;
        bool is_zero = d->slot_of[j] < 0 || d->slots[d->slot_of[j]].w == 0;
        if (is_zero && (inside > radius * length || length == 0)) d->is_out[j] = true;
        left += !d->is_out[j];
        d->priorities[j] = is_zero ? inside / (length > 0 ? length : 1) : -1;
    }
    return left;
}

static int compare_numbers(const void *a, const void *b) {
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Moves the `count` columns of least priority to the front of `order` (Hoare's selection; equal ones by number). */
static void select_least(Descent *d, int64_t total, int64_t count) {
    int64_t low = 0, high = total - 1, *order = d->order;
    while (low < high) {
        int64_t middle = order[(low + high) / 2], i = low, j = high;
        double pivot = d->priorities[middle];
        while (i <= j) {
            while (d->priorities[order[i]] < pivot || (d->priorities[order[i]] == pivot && order[i] < middle)) i++;
            while (d->priorities[order[j]] > pivot || (d->priorities[order[j]] == pivot && order[j] > middle)) j--;
            if (i > j) break;
            int64_t keep = order[i];
            order[i++] = order[j];
            order[j--] = keep;
        }
        if (count - 1 <= j) high = j;
        else if (count - 1 >= i) low = i;
        else return;
    }
}

/* The columns that are not zero and those nearest to becoming it, twice as many as are in use. */
static void choose_set(Descent *d, int64_t left) {
    int64_t used = 0, total = 0;
    for (int64_t k = 0; k < d->slot_count; k++) used += d->slots[k].w != 0;
    int64_t wanted = 2 * used > FIRST_SET ? 2 * used : FIRST_SET;
    if (wanted > left) wanted = left;
    for (int64_t j = 0; j < d->lasso->columns; j++)
        if (!d->is_out[j]) d->order[total++] = j;
    if (wanted < total) select_least(d, total, wanted);
    qsort(d->order, (size_t)wanted, sizeof *d->order, compare_numbers);
    d->set_count = wanted;
    for (int64_t k = 0; k < wanted; k++) d->set[k] = slot_for(d, d->order[k]);
    qsort(d->set, (size_t)wanted, sizeof *d->set, compare_numbers); /* as they lie in memory */
    fill_slots(d);
}

/* ---- the whole ----------------------------------------------------------------------------------------------------------------- */

static const char *kind_of(double value) { return isnan(value) ? "NaN" : "an infinity"; }

static bool check_finite(const Descent *d, const char *what, const void *data, int64_t count, Fault *fault) {
    for (int64_t k = 0; k < count; k++)
        if (!isfinite(element(d->lasso->dtype, data, k)))
            return fault_set(fault, "%s holds %s at [%lld]", what, kind_of(element(d->lasso->dtype, data, k)), (long long)k);
    return true;
}

/* The squares of its columns are finite where x is, and seldom elsewhere. */
static bool check_columns(const Descent *d, Fault *fault) {
    const Lasso *lasso = d->lasso;
    for (int64_t j = 0; j < lasso->columns; j++) {
        if (isfinite(d->squares[j])) continue;
        for (int64_t i = 0; i < lasso->rows; i++) {
            double value = element(lasso->dtype, lasso->x, i * lasso->columns + j);
            if (!isfinite(value)) return fault_set(fault, "x holds %s at [%lld, %lld]", kind_of(value), (long long)i, (long long)j);
        }
        return fault_set(fault, "the squares of column %lld of x add up to more than the largest number", (long long)j);
    }
    return true;
}

/* Slots for the weights that it starts with. */
static void start(Descent *d) {
    const Lasso *lasso = d->lasso;
    for (int64_t j = 0; j < lasso->columns; j++) {
        d->slot_of[j] = -1;
        d->is_out[j] = false;
        double w = element(lasso->dtype, lasso->w, j);
        if (w != 0) d->slots[slot_for(d, j)].w = w;
    }
    fill_slots(d);
    compute_residual(d);
    correlate(d, true);
    for (int64_t k = 0; k < d->slot_count; k++) {
        Slot *slot = &d->slots[k];
        slot->square = d->squares[slot->column];
        if (slot->square == 0) slot->w = 0; /* a column of zeros: the penalty alone decides, and no step would move it */
    }
}

static void finish(Descent *d, double gap) {
    Lasso *lasso = d->lasso;
    memset(lasso->w, 0, (size_t)lasso->columns * dtype_bytes(lasso->dtype));
    for (int64_t k = 0; k < d->slot_count; k++) set_element(lasso->dtype, lasso->w, d->slots[k].column, d->slots[k].w);
    lasso->gap = d->half_square > 0 ? gap / d->half_square : 0;
}

bool lasso_run(Lasso *lasso, void *scratch, Threads *threads, Fault *fault) {
    Descent d = {.lasso = lasso, .loops = column_loops(lasso->dtype), .threads = threads, .limit = lasso->lambda * (double)lasso->rows};
    if (!(lasso->lambda > 0) || !isfinite(lasso->lambda)) return fault_set(fault, "lambda must be positive, found %g", lasso->lambda);
    if (!check_finite(&d, "y", lasso->y, lasso->rows, fault) || !check_finite(&d, "start", lasso->w, lasso->columns, fault)) return false;
    lay_out(&d, scratch, lasso->dtype, lasso->rows, lasso->columns);
    for (int64_t i = 0; i < lasso->rows; i++) d.half_square += element(lasso->dtype, lasso->y, i) * element(lasso->dtype, lasso->y, i) / 2;
    double enough = lasso->tolerance * d.half_square;
    lasso->steps = 0;
    start(&d);
    if (!check_columns(&d, fault)) return false;
    double best = INFINITY;
    for (int failures = 0;;) {
        double largest = largest_of_all(&d), gap = gap_of(&d, largest);
        if (threads_are_interrupted(threads)) return fault_set(fault, FAULT_INTERRUPTED);
        if (gap <= enough || failures == FAILURES_MAX || lasso->steps >= lasso->max_steps) return finish(&d, gap), true;
        int64_t before = d.slot_count, left = screen(&d, gap, largest);
        choose_set(&d, left);
        failures = d.slot_count > before || gap < 0.9 * best ? 0 : failures + 1;
        if (gap < best) best = gap;
        descend_set(&d, d.set_count < left && 0.3 * gap > enough / 2 ? 0.3 * gap : enough / 2);
        round_weights(&d);
        compute_residual(&d);
        correlate(&d, false);
    }
}
