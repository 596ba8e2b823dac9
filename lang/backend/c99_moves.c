/* Ops that only move elements: one nest of `out[…] = in[…];`. */
#include "lang/backend/c99_inside.h"

/* Every element of `nest` from one place to another. */
static bool copy(C99 *c, Shape nest, const char *to, const Affine *target, const char *from, const Affine *source) {
    c99_nest(c, nest, 'i');
    c99_line(c, "%s[%s] = %s[%s];", to, c99_offset(c, target, nest, 'i'), from, c99_offset(c, source, nest, 'i'));
    c99_nest_end(c, nest);
    return true;
}

bool c99_iota(C99 *c, const C99Step *step) {
    Shape shape = step->output[0]->shape;
    Affine whole = affine_of(shape), index = {0};
    index.factors[step->step->ints[0]] = 1;
    c99_nest(c, shape, 'i');
    c99_line(c, "%s[%s] = (%s)(%s);", step->out[0], c99_offset(c, &whole, shape, 'i'), c99_type(c, step->output[0]->dtype),
             c99_offset(c, &index, shape, 'i'));
    c99_nest_end(c, shape);
    return true;
}

bool c99_cast_op(C99 *c, const C99Step *step) {
    Shape shape = shape_1(shape_count(step->output[0]->shape));
    Affine whole = affine_of(shape);
    const char *offset = c99_offset(c, &whole, shape, 'i'), *from = arena_format(c->arena, "%s[%s]", step->in[0], offset);
    c99_nest(c, shape, 'i');
    c99_line(c, "%s[%s] = %s;", step->out[0], offset, c99_cast(c, from, step->input[0]->dtype, step->output[0]->dtype));
    c99_nest_end(c, shape);
    return true;
}

bool c99_broadcast(C99 *c, const C99Step *step) {
    Shape from = step->input[0]->shape, to = step->output[0]->shape;
    Affine source = affine_of(from), target = affine_of(to);
    for (int k = 0; k < from.rank; k++)
        if (from.dims[k] == 1) source.factors[k] = 0;
    return copy(c, to, step->out[0], &target, step->in[0], &source);
}

bool c99_transpose(C99 *c, const C99Step *step) {
    Affine from = affine_of(step->input[0]->shape), source = {0}, target = affine_of(step->output[0]->shape);
    for (int k = 0; k < step->output[0]->shape.rank; k++) source.factors[k] = from.factors[step->step->ints[k]];
    return copy(c, step->output[0]->shape, step->out[0], &target, step->in[0], &source);
}

bool c99_slice(C99 *c, const C99Step *step) {
    Affine source = affine_of(step->input[0]->shape), target = affine_of(step->output[0]->shape);
    int rank = step->output[0]->shape.rank;
    for (int k = 0; k < rank; k++) {
        source.offset += step->step->ints[k] * source.factors[k];
        source.factors[k] *= step->step->ints[rank + k];
    }
    return copy(c, step->output[0]->shape, step->out[0], &target, step->in[0], &source);
}

bool c99_flip(C99 *c, const C99Step *step) {
    Shape shape = step->output[0]->shape;
    Affine source = affine_of(shape), target = source;
    for (int k = 0; k < shape.rank; k++) {
        if (!step->step->ints[k]) continue;
        source.offset += (shape.dims[k] - 1) * source.factors[k];
        source.factors[k] = -source.factors[k];
    }
    return copy(c, shape, step->out[0], &target, step->in[0], &source);
}

bool c99_pad(C99 *c, const C99Step *step) {
    Shape from = step->input[0]->shape, all = shape_1(shape_count(step->output[0]->shape));
    Affine source = affine_of(from), target = affine_of(step->output[0]->shape);
    const int64_t *low = step->step->ints, *interior = low + 2 * from.rank;
    Affine each = affine_of(all);
    c99_nest(c, all, 'i');
    c99_line(c, "%s[%s] = %s;", step->out[0], c99_offset(c, &each, all, 'i'),
             c99_literal(c, step->step->numbers[0], step->output[0]->dtype));
    c99_nest_end(c, all);
    for (int k = 0; k < from.rank; k++) {
        target.offset += low[k] * target.factors[k];
        target.factors[k] *= interior[k] + 1;
    }
    return copy(c, from, step->out[0], &target, step->in[0], &source);
}

bool c99_concat(C99 *c, const C99Step *step) {
    int axis = (int)step->step->ints[0];
    Affine target = affine_of(step->output[0]->shape);
    for (int k = 0; k < step->step->input_count; k++) {
        Shape part = step->input[k]->shape;
        Affine source = affine_of(part);
        copy(c, part, step->out[0], &target, step->in[k], &source);
        target.offset += part.dims[axis] * target.factors[axis];
    }
    return true;
}
