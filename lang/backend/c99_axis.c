/* What goes along one axis: the place of the largest, running sums, sorting. And reductions that no group took. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>

typedef long long Number; /* as it prints */

/* Loops over all but the axis; element k of a lane is array[at + step * k]. */
typedef struct Lanes {
    Number outer, size, inner;
} Lanes;

static Lanes open_lanes(C99 *c, Shape shape, int axis) {
    Lanes lanes = {1, shape.dims[axis], 1};
    for (int k = 0; k < shape.rank; k++) {
        lanes.outer *= k < axis ? shape.dims[k] : 1;
        lanes.inner *= k > axis ? shape.dims[k] : 1;
    }
    c99_open(c, "for (long o = 0; o < %lld; o++)", lanes.outer);
    c99_open(c, "for (long i = 0; i < %lld; i++)", lanes.inner);
    c99_line(c, "const long at = o * %lld + i;", lanes.size * lanes.inner);
    return lanes;
}

static void close_lanes(C99 *c) {
    c99_close(c);
    c99_close(c);
}

/* NaN beats every number, the first of equals stays. */
static bool search(C99 *c, const C99Step *step, char better) {
    const char *type = c99_type(c, step->input[0]->dtype);
    bool has_nan = dtype_is_float(step->input[0]->dtype);
    if (step->input[0]->shape.dims[step->step->ints[0]] == 0)
        return c99_refuse(c, step->step, step->step->label, "there is nothing along its axis");
    Lanes lanes = open_lanes(c, step->input[0]->shape, (int)step->step->ints[0]);
    c99_line(c, "%s best = %s[at];", type, step->in[0]);
    c99_line(c, "long place = 0;");
    c99_open(c, "for (long k = 1; k < %lld; k++)", lanes.size);
    c99_line(c, "const %s value = %s[at + %lld * k];", type, step->in[0], lanes.inner);
    c99_line(c, "if (value %c best%s) best = value, place = k;", better, has_nan ? " || (value != value && best == best)" : "");
    c99_close(c);
    c99_line(c, "%s[o * %lld + i] = place;", step->out[0], lanes.inner);
    close_lanes(c);
    return true;
}

bool c99_argmax(C99 *c, const C99Step *step) { return search(c, step, '>'); }
bool c99_argmin(C99 *c, const C99Step *step) { return search(c, step, '<'); }

bool c99_cumsum(C99 *c, const C99Step *step) {
    DType dtype = step->output[0]->dtype;
    Lanes lanes = open_lanes(c, step->input[0]->shape, (int)step->step->ints[0]);
    c99_line(c, "%s sum = 0;", c99_sum_type(c, dtype));
    if (step->step->ints[1]) c99_open(c, "for (long k = %lld; k >= 0; k--)", lanes.size - 1);
    else c99_open(c, "for (long k = 0; k < %lld; k++)", lanes.size);
    c99_line(c, "sum += %s[at + %lld * k];", step->in[0], lanes.inner);
    c99_line(c, "%s[at + %lld * k] = (%s)sum;", step->out[0], lanes.inner, c99_type(c, dtype));
    c99_close(c);
    close_lanes(c);
    return true;
}

/* Insertion keeps equal elements in order and of all elements as many of the first as are wanted; NaN is the largest. */
bool c99_sort(C99 *c, const C99Step *step) {
    DType dtype = step->output[0]->dtype;
    int axis = (int)step->step->ints[0];
    bool descending = step->step->ints[1] != 0, has_nan = dtype_is_float(dtype);
    const char *value = step->out[0], *index = step->out[1], *type = c99_type(c, dtype);
    Number kept = step->output[0]->shape.dims[axis];
    c99_type(c, DTYPE_I64);
    Lanes lanes = open_lanes(c, step->input[0]->shape, axis);
    c99_line(c, "const long to = o * %lld + i;", kept * lanes.inner);
    c99_open(c, "for (long k = 0; k < %lld; k++)", lanes.size);
    c99_line(c, "const %s new = %s[at + %lld * k];", type, step->in[0], lanes.inner);
    c99_line(c, "long j = k < %lld ? k : %lld;", kept, kept);
    c99_open(c, "for (; j > 0; j--)");
    c99_line(c, "const %s old = %s[to + %lld * (j - 1)];", type, value, lanes.inner);
    c99_line(c, "if (!(old %c new%s)) break;", descending ? '<' : '>',
             !has_nan     ? ""
             : descending ? " || (new != new && old == old)"
                          : " || (old != old && new == new)");
    c99_line(c, "if (j == %lld) continue;", kept);
    c99_line(c, "%s[to + %lld * j] = old;", value, lanes.inner);
    c99_line(c, "%s[to + %lld * j] = %s[to + %lld * (j - 1)];", index, lanes.inner, index, lanes.inner);
    c99_close(c);
    c99_line(c, "if (j == %lld) continue;", kept);
    c99_line(c, "%s[to + %lld * j] = new;", value, lanes.inner);
    c99_line(c, "%s[to + %lld * j] = k;", index, lanes.inner);
    c99_close(c);
    close_lanes(c);
    return true;
}

bool c99_reduce_sum(C99 *c, const C99Step *step) { return c99_reduce(c, step, COMBINE_SUM); }
bool c99_reduce_prod(C99 *c, const C99Step *step) { return c99_reduce(c, step, COMBINE_PROD); }
bool c99_reduce_max(C99 *c, const C99Step *step) { return c99_reduce(c, step, COMBINE_MAX); }
bool c99_reduce_min(C99 *c, const C99Step *step) { return c99_reduce(c, step, COMBINE_MIN); }
