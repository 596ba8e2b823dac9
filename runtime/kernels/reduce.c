/* Sums, products, largest and smallest along axes, and where the largest and smallest are. */
#include "runtime/exec/reduction.h"
#include "runtime/kernels/kernels.h"

typedef struct Reduce {
    TileSpace space;
    Reduction reduction;
    const char *data;
} Reduce;

static void reduce_of(Reduce *reduce, const KernelCall *call, Combine combine) {
    const View *x = &call->inputs[0], *y = &call->outputs[0];
    int64_t strides[1][RANK_MAX];
    shape_strides(x->shape, strides[0]);
    uint32_t mask = (uint32_t)call->ints[0];
    tiles_collapse(&reduce->space, x->shape, strides, 1, &mask, 1);
    tiles_cut(&reduce->space, 0);
    tiles_cut(&reduce->space, reduction_is_complete(&reduce->space, mask) ? 0 : mask);
    reduction_init(&reduce->reduction, &reduce->space, mask, combine, x->dtype, y->dtype, elementwise_table());
    reduce->reduction.accumulators = call->scratch;
    reduce->reduction.out = y->data;
    reduce->data = x->data;
}

static void reduce_unit(void *context, int64_t unit) {
    const Reduce *reduce = context;
    TileWalk walk;
    int64_t element_bytes = (int64_t)dtype_bytes(reduce->reduction.dtype);
    for (bool more = tiles_first(&walk, &reduce->space, unit); more; more = tiles_next(&walk))
        reduction_add_tile(&reduce->reduction, unit, &walk, reduce->data + walk.start * element_bytes);
}

static bool run_reduce(const KernelCall *call, Combine combine) {
    Reduce reduce;
    reduce_of(&reduce, call, combine);
    reduction_start(&reduce.reduction, call->threads);
    threads_run(call->threads, reduce.space.unit_count, reduce_unit, &reduce);
    reduction_finish(&reduce.reduction, call->threads);
    return true;
}

static size_t scratch_reduce(const KernelCall *call) {
    Reduce reduce;
    reduce_of(&reduce, call, COMBINE_SUM);
    return reduction_bytes(&reduce.reduction);
}

bool kernel_reduce_sum(const KernelCall *call) { return run_reduce(call, COMBINE_SUM); }
bool kernel_reduce_prod(const KernelCall *call) { return run_reduce(call, COMBINE_PROD); }
bool kernel_reduce_max(const KernelCall *call) { return run_reduce(call, COMBINE_MAX); }
bool kernel_reduce_min(const KernelCall *call) { return run_reduce(call, COMBINE_MIN); }
size_t scratch_reduce_sum(const KernelCall *call) { return scratch_reduce(call); }
size_t scratch_reduce_prod(const KernelCall *call) { return scratch_reduce(call); }
size_t scratch_reduce_max(const KernelCall *call) { return scratch_reduce(call); }
size_t scratch_reduce_min(const KernelCall *call) { return scratch_reduce(call); }

/* --- argmax, argmin: x [outer, n, inner] -> y [outer, 1, inner] --- */

enum { COLUMNS_AT_ONCE = 64, ROW_ELEMENTS = 16384 };

typedef struct Search {
    const View *x;
    int64_t *y;
    int64_t outer, n, inner;
    int64_t lines_at_once; /* of `outer`, when inner is 1 */
    bool is_max;
} Search;

/* NaN beats every number, the first of equals stays. */
#define SEARCH(suffix, type) \
    static void search_##suffix(const Search *search, int64_t line, int64_t first, int64_t count) { \
        const type *x = (const type *)search->x->data + line * search->n * search->inner + first; \
        int64_t *y = search->y + line * search->inner + first; \
        type best[COLUMNS_AT_ONCE]; \
        for (int64_t j = 0; j < count; j++) best[j] = x[j], y[j] = 0; \
        for (int64_t k = 1; k < search->n; k++) { \
            x += search->inner; \
            for (int64_t j = 0; j < count; j++) { \
                bool better = search->is_max ? x[j] > best[j] : x[j] < best[j]; \
                if (better || (x[j] != x[j] && best[j] == best[j])) best[j] = x[j], y[j] = k; \
            } \
        } \
    }
SEARCH(bool, uint8_t)
SEARCH(i64, int64_t)
SEARCH(f32, float)
SEARCH(f64, double)

static void search_columns(const Search *search, int64_t line, int64_t first, int64_t count) {
    switch (search->x->dtype) {
    case DTYPE_BOOL: search_bool(search, line, first, count); return;
    case DTYPE_I64: search_i64(search, line, first, count); return;
    case DTYPE_F32: search_f32(search, line, first, count); return;
    case DTYPE_F64: search_f64(search, line, first, count); return;
    }
}

static void search_tile(void *context, int64_t tile) {
    const Search *search = context;
    if (search->inner == 1) {
        int64_t end = (tile + 1) * search->lines_at_once;
        for (int64_t line = tile * search->lines_at_once; line < end && line < search->outer; line++) search_columns(search, line, 0, 1);
        return;
    }
    int64_t blocks = (search->inner + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE, first = tile % blocks * COLUMNS_AT_ONCE;
    int64_t left = search->inner - first;
    search_columns(search, tile / blocks, first, left < COLUMNS_AT_ONCE ? left : COLUMNS_AT_ONCE);
}

static bool run_search(const KernelCall *call, bool is_max) {
    const View *x = &call->inputs[0];
    int axis = (int)call->ints[0];
    Search search = {.x = x, .y = call->outputs[0].data, .outer = 1, .n = x->shape.dims[axis], .inner = 1, .is_max = is_max};
    for (int i = 0; i < x->shape.rank; i++) {
        search.outer *= i < axis ? x->shape.dims[i] : 1;
        search.inner *= i > axis ? x->shape.dims[i] : 1;
    }
    if (search.outer == 0 || search.inner == 0) return true;
    if (search.n == 0)
        return fault_set(call->fault, "the %s of an empty axis has no place", is_max ? "largest element" : "smallest element");
    search.lines_at_once = search.n < ROW_ELEMENTS ? ROW_ELEMENTS / search.n : 1;
    int64_t tiles = search.inner == 1 ? (search.outer + search.lines_at_once - 1) / search.lines_at_once
                                      : search.outer * ((search.inner + COLUMNS_AT_ONCE - 1) / COLUMNS_AT_ONCE);
    threads_run(call->threads, tiles, search_tile, &search);
    return true;
}

bool kernel_argmax(const KernelCall *call) { return run_search(call, true); }
bool kernel_argmin(const KernelCall *call) { return run_search(call, false); }
