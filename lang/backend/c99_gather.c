/* Reading and writing at computed places. An index that a caller could get wrong is checked: the function then returns 1. */
#include "lang/backend/c99_inside.h"

#include <inttypes.h>

static bool is_certain(const Buffer *index, int64_t size) {
    if (index->kind != BUFFER_CONSTANT) return false;
    const int64_t *values = index->tensor->data;
    for (int64_t k = 0; k < tensor_count(index->tensor); k++)
        if (values[k] < 0 || values[k] >= size) return false;
    return true;
}

/* `const long at = …;` for the index at this place, checked where it is not known. */
static void read_index(C99 *c, const C99Step *step, const char *place, int64_t size) {
    c99_line(c, "const long at = (long)%s[%s];", step->in[1], place);
    if (is_certain(step->input[1], size)) return;
    c99_line(c, "if (at < 0 || at >= %" PRId64 ") return 1;", size);
    c->may_fail = true;
}

/* A tensor [outer, size, inner] around one axis, as three numbers. */
typedef struct Around {
    int64_t outer, size, inner;
} Around;

static Around around(Shape shape, int axis) {
    Around a = {1, shape.dims[axis], 1};
    for (int k = 0; k < shape.rank; k++) {
        a.outer *= k < axis ? shape.dims[k] : 1;
        a.inner *= k > axis ? shape.dims[k] : 1;
    }
    return a;
}

/* Loops over outer, index, inner: out[o, j, i] and base[o, at, i]. */
typedef struct Places {
    Shape nest; /* outer, indices, inner */
    const char *small, *large, *index;
} Places;

static Places places_of(C99 *c, Around base, int64_t indices, bool along) {
    Places p = {.nest = {3, {base.outer, indices, base.inner}}};
    Affine small = affine_of(p.nest), large = {0, {base.size * base.inner, 0, 1}}, index = {0, {0, 1, 0}};
    p.small = c99_offset(c, &small, p.nest, 'i');
    p.large = arena_format(c->arena, "%s + %" PRId64 " * at", c99_offset(c, &large, p.nest, 'i'), base.inner);
    p.index = along ? p.small : c99_offset(c, &index, p.nest, 'i');
    return p;
}

static bool pick(C99 *c, const C99Step *step, bool along) {
    int axis = (int)step->step->ints[0];
    Around base = around(step->input[0]->shape, axis);
    int64_t count = along ? step->input[1]->shape.dims[axis] : shape_count(step->input[1]->shape);
    Places p = places_of(c, base, count, along);
    c99_nest(c, p.nest, 'i');
    c99_line(c, "{");
    c->depth++;
    read_index(c, step, p.index, base.size);
    c99_line(c, "%s[%s] = %s[%s];", step->out[0], p.small, step->in[0], p.large);
    c99_close(c);
    c99_nest_end(c, p.nest);
    return true;
}

static bool put(C99 *c, const C99Step *step, bool along, const char *operator) {
    int axis = (int)step->step->ints[0];
    Shape all = shape_1(shape_count(step->output[0]->shape));
    Around base = around(step->input[0]->shape, axis);
    int64_t count = along ? step->input[1]->shape.dims[axis] : shape_count(step->input[1]->shape);
    Places p = places_of(c, base, count, along);
    c99_nest(c, all, 'i');
    c99_line(c, "%s[%s] = %s[%s];", step->out[0], all.dims[0] == 1 ? "0" : "i0", step->in[0], all.dims[0] == 1 ? "0" : "i0");
    c99_nest_end(c, all);
    c99_nest(c, p.nest, 'i');
    c99_line(c, "{");
    c->depth++;
    read_index(c, step, p.index, base.size);
    c99_line(c, "%s[%s] %s %s[%s];", step->out[0], p.large, operator, step->in[2], p.small);
    c99_close(c);
    c99_nest_end(c, p.nest);
    return true;
}

bool c99_gather(C99 *c, const C99Step *step) { return pick(c, step, false); }
bool c99_gather_along(C99 *c, const C99Step *step) { return pick(c, step, true); }
bool c99_scatter_add(C99 *c, const C99Step *step) { return put(c, step, false, "+="); }
bool c99_scatter_set(C99 *c, const C99Step *step) { return put(c, step, false, "="); }
bool c99_scatter_along_add(C99 *c, const C99Step *step) { return put(c, step, true, "+="); }
