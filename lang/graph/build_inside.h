/* What the build_*.c files share. */
#ifndef REG_GRAPH_BUILD_INSIDE_H
#define REG_GRAPH_BUILD_INSIDE_H

#include "lang/graph/build.h"
#include "lang/ops/op.h"

/* A scalar that takes its partner's dtype: a number of build_number or build_integer, or computed from such alone. */
bool build_is_weak(const Node *node);
/* x as `dtype`; a weak scalar is made anew from its exact value, so nothing is lost. */
Node *build_convert(Graph *graph, Node *x, DType dtype);
/* The float dtype that x has or is promoted to. */
DType build_float_type(const Graph *graph, const Node *x);

/* Brings a negative axis into range; E0403 when it is not in [-rank, rank). */
bool build_axis(Graph *graph, const Node *x, int *axis);
bool build_axes(Graph *graph, const Node *x, uint32_t axes);
Shape shape_without(Shape shape, uint32_t axes); /* the dims whose bit is not set */
Shape shape_insert(Shape shape, int axis, int64_t dim);

#endif
