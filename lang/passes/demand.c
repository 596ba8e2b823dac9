#include "lang/passes/demand.h"

#include "lang/ops/op.h"
#include "lang/passes/simplify.h"

static bool is_reduce(OpCode op) {
    return op == OP_REDUCE_SUM || op == OP_REDUCE_PROD || op == OP_REDUCE_MAX || op == OP_REDUCE_MIN || op == OP_ARGMAX || op == OP_ARGMIN;
}

static uint32_t reduced_axes(const Node *node) {
    return node->op == OP_ARGMAX || node->op == OP_ARGMIN ? 1u << node->ints[0] : (uint32_t)node->ints[0];
}

static bool is_zero_pad(const Node *node) { return node->op == OP_PAD && (node->number_count == 0 || node->numbers[0] == 0); }

bool demand_is_partial(const Node *node) {
    if (shape_count(node->type.shape) == 0) return false;
    switch ((int)node->op) {
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_CONCAT:
    case OP_GATHER:
    case OP_GATHER_ALONG:
    case OP_SCATTER_ADD:
    case OP_SCATTER_SET:
    case OP_SCATTER_ALONG_ADD:
    case OP_CUMSUM:
    case OP_MATMUL: return true;
    case OP_PAD: return is_zero_pad(node);
    default: return op_of(node)->fusion == FUSE_ELEMENTWISE || is_reduce(node->op);
    }
}

/* ---- pads and slices ---------------------------------------------------------------------------------------------------- */

static Region pad_image(const Node *pad) {
    Shape from = pad->inputs[0]->type.shape;
    Region image = {.rank = from.rank};
    for (int k = 0; k < from.rank; k++) {
        int64_t step = from.dims[k] < 2 ? 1 : pad->ints[2 * from.rank + k] + 1;
        image.axes[k] = (Range){pad->ints[k], from.dims[k], step};
    }
    return image;
}

Region demand_padded(const Node *pad, const Region *region) {
    Region image = pad_image(pad), inside = region_clip(&image, region);
    return region_holds(region, &inside) ? inside : region_clip(region, &image);
}

static Region slice_image(const Node *slice, const Region *region) {
    Region image = {.rank = region->rank};
    for (int k = 0; k < image.rank; k++) {
        Range all = {slice->ints[k], slice->type.shape.dims[k], slice->ints[image.rank + k]};
        image.axes[k] = range_of(all, region->axes[k]);
    }
    return image;
}

/* ---- demands ------------------------------------------------------------------------------------------------------------ */

static void take_all(Region *region, const Node *node, int axis) { region->axes[axis] = range_all(node->type.shape.dims[axis]); }

void demand_widen(const Node *node, Region *region) {
    switch ((int)node->op) {
    case OP_RESHAPE: region_reshape(region, node->type.shape, node->inputs[0]->type.shape); return;
    case OP_SCATTER_ADD:
    case OP_SCATTER_SET:
    case OP_SCATTER_ALONG_ADD:
    case OP_CUMSUM: take_all(region, node, (int)node->ints[0]); return;
    case OP_PAD: {
        Region image = pad_image(node), inside = demand_padded(node, region);
        if (!region_holds(&image, &inside)) *region = region_all(node->type.shape);
        return;
    }
    default: return;
    }
}

static int row_axis(const Node *node, int k) { return node->inputs[k]->type.shape.rank - (node->ints[k] != 0 ? 1 : 2); }
static int column_axis(const Node *node, int k) { return node->inputs[k]->type.shape.rank - (node->ints[k] != 0 ? 2 : 1); }

/* Along the inner dimension of a product only what can be other than zero in both. */
static Range inner_range(const Node *node, const Region *supports) {
    const Region *a = &supports[node->inputs[0]->id], *b = &supports[node->inputs[1]->id];
    return range_clip(a->axes[column_axis(node, 0)], b->axes[row_axis(node, 1)]);
}

static Region matmul_demand(const Node *node, const Region *region, int k, const Region *supports) {
    Region out = region_all(node->inputs[k]->type.shape);
    int rank = region->rank;
    for (int axis = 0; axis + 2 < out.rank; axis++) out.axes[axis] = region->axes[axis];
    out.axes[row_axis(node, k)] = k == 0 ? region->axes[rank - 2] : inner_range(node, supports);
    out.axes[column_axis(node, k)] = k == 0 ? inner_range(node, supports) : region->axes[rank - 1];
    return out;
}

/* In sums zeros are left out. */
static Region reduce_demand(const Node *node, const Region *region, const Region *supports) {
    Region out = *region;
    const Region *support = &supports[node->inputs[0]->id];
    bool skips = node->op == OP_REDUCE_SUM && !region_is_empty(support);
    for (int k = 0; k < out.rank; k++)
        if (reduced_axes(node) >> k & 1) out.axes[k] = skips ? support->axes[k] : range_all(node->inputs[0]->type.shape.dims[k]);
    return out;
}

static Region concat_demand(const Node *node, const Region *region, int k) {
    int axis = (int)node->ints[0];
    int64_t begin = 0;
    for (int j = 0; j < k; j++) begin += node->inputs[j]->type.shape.dims[axis];
    Region out = *region;
    out.axes[axis] = range_clip(out.axes[axis], (Range){begin, node->inputs[k]->type.shape.dims[axis], 1});
    if (out.axes[axis].count > 0) out.axes[axis].start -= begin;
    return out;
}

/* Operands of gather and scatter: x or base, index, update. The axes of `region` are those of gather's result. */
static Region rows_demand(const Node *node, const Region *region, int k) {
    int axis = (int)node->ints[0], width = node->inputs[1]->type.shape.rank;
    if (k == 1) {
        Region index = {.rank = width};
        for (int j = 0; j < width; j++) index.axes[j] = region->axes[axis + j];
        return index;
    }
    Region x = region_all(node->inputs[0]->type.shape);
    for (int j = 0; j < x.rank; j++)
        if (j != axis) x.axes[j] = region->axes[j < axis ? j : j + width - 1];
    return x;
}

/* Rows of the update that are zero add nothing. */
static Region scatter_demand(const Node *node, const Region *region, int k, const Region *supports) {
    if (k == 0) return *region;
    int axis = (int)node->ints[0], width = node->inputs[1]->type.shape.rank;
    const Region *support = &supports[node->inputs[2]->id];
    Region update = region_all(node->inputs[2]->type.shape);
    for (int j = 0; j < update.rank; j++) {
        bool is_row = j >= axis && j < axis + width;
        if (!is_row) update.axes[j] = region->axes[j < axis ? j : j - width + 1];
        else if (node->op == OP_SCATTER_ADD && !region_is_empty(support)) update.axes[j] = support->axes[j];
    }
    return k == 2 ? update : rows_demand(node, &update, 1);
}

static Region along_demand(const Node *node, const Region *region, int k) {
    Region out = *region;
    bool is_whole = node->op == OP_SCATTER_ALONG_ADD ? k > 0 : k == 0;
    if (is_whole) take_all(&out, node->inputs[k], (int)node->ints[0]);
    return out;
}

static Region move_demand(const Node *node, const Region *region) {
    Region out = *region;
    Shape from = node->inputs[0]->type.shape;
    if (node->op == OP_RESHAPE) return region_reshape(&out, node->type.shape, from);
    if (node->op == OP_SLICE) return slice_image(node, region);
    for (int k = 0; k < out.rank; k++) {
        if (node->op == OP_TRANSPOSE) out.axes[node->ints[k]] = region->axes[k];
        else if (from.dims[k] != node->type.shape.dims[k]) out.axes[k] = range_all(1);
    }
    return out;
}

Region demand_of(const Node *node, const Region *region, int k, const Region *supports) {
    if (!demand_is_partial(node)) return region_all(node->inputs[k]->type.shape);
    switch ((int)node->op) {
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE: return move_demand(node, region);
    case OP_PAD: {
        Region image = pad_image(node), inside = demand_padded(node, region);
        return region_within(&image, &inside);
    }
    case OP_CONCAT: return concat_demand(node, region, k);
    case OP_GATHER: return rows_demand(node, region, k);
    case OP_SCATTER_ADD:
    case OP_SCATTER_SET: return scatter_demand(node, region, k, supports);
    case OP_GATHER_ALONG:
    case OP_SCATTER_ALONG_ADD: return along_demand(node, region, k);
    case OP_MATMUL: return matmul_demand(node, region, k, supports);
    default: return is_reduce(node->op) ? reduce_demand(node, region, supports) : *region;
    }
}

/* ---- supports ----------------------------------------------------------------------------------------------------------- */

static Region empty_region(Shape shape) {
    Region region = {.rank = shape.rank};
    for (int k = 0; k < shape.rank; k++) region.axes[k] = (Range){0, 0, 1};
    return region;
}

static Region move_support(const Node *node, const Region *x) {
    Region out = *x;
    Shape from = node->inputs[0]->type.shape, to = node->type.shape;
    if (node->op == OP_RESHAPE) return region_reshape(&out, from, to);
    for (int k = 0; k < to.rank; k++) {
        if (node->op == OP_TRANSPOSE) out.axes[k] = x->axes[node->ints[k]];
        else if (from.dims[k] != to.dims[k]) out.axes[k] = range_all(to.dims[k]);
    }
    return out;
}

static Region slice_support(const Node *node, const Region *x) {
    Region all = region_all(node->type.shape), image = slice_image(node, &all), inside = region_clip(&image, x);
    return region_within(&image, &inside);
}

static Region pad_support(const Node *node, const Region *x) {
    Region image = pad_image(node);
    for (int k = 0; k < image.rank; k++) image.axes[k] = range_of(image.axes[k], x->axes[k]);
    return image;
}

static Region concat_support(const Node *node, const Region *supports) {
    Region out = empty_region(node->type.shape);
    int axis = (int)node->ints[0];
    int64_t begin = 0;
    for (int k = 0; k < node->input_count; k++) {
        Region x = supports[node->inputs[k]->id];
        x.axes[axis].start += begin;
        out = region_cover(&out, &x);
        begin += node->inputs[k]->type.shape.dims[axis];
    }
    return out;
}

static Region matmul_support(const Node *node, const Region *supports) {
    const Region *a = &supports[node->inputs[0]->id], *b = &supports[node->inputs[1]->id];
    Region out = region_all(node->type.shape);
    if (inner_range(node, supports).count == 0) return empty_region(node->type.shape);
    for (int k = 0; k + 2 < out.rank; k++) out.axes[k] = b->rank > 2 ? range_clip(a->axes[k], b->axes[k]) : a->axes[k];
    out.axes[out.rank - 2] = a->axes[row_axis(node, 0)];
    out.axes[out.rank - 1] = b->axes[column_axis(node, 1)];
    return out;
}

static Region sum_support(const Node *node, const Region *x) {
    Region out = *x;
    for (int k = 0; k < out.rank; k++)
        if (node->ints[0] >> k & 1) out.axes[k] = range_all(1);
    return out;
}

/* Zero in each of these operands alone is zero in the result. */
static uint32_t zero_operands(const Node *node) {
    switch ((int)node->op) {
    case OP_MUL:
    case OP_MATMUL: return 3;
    case OP_NEG:
    case OP_RELU:
    case OP_ABS:
    case OP_DIV:
    case OP_CAST:
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE:
    case OP_SLICE:
    case OP_REDUCE_SUM: return 1;
    case OP_PAD: return is_zero_pad(node);
    default: return 0;
    }
}

static Region support_rule(const Node *node, const Region *supports) {
    const Region *a = &supports[node->inputs[0]->id], *b = node->input_count > 1 ? &supports[node->inputs[1]->id] : NULL;
    switch ((int)node->op) {
    case OP_MUL: return region_clip(a, b);
    case OP_MATMUL: return matmul_support(node, supports);
    case OP_ADD:
    case OP_SUB: return region_cover(a, b);
    case OP_WHERE: return region_cover(b, &supports[node->inputs[2]->id]);
    case OP_BROADCAST:
    case OP_RESHAPE:
    case OP_TRANSPOSE: return move_support(node, a);
    case OP_SLICE: return slice_support(node, a);
    case OP_PAD: return is_zero_pad(node) ? pad_support(node, a) : region_all(node->type.shape);
    case OP_CONCAT: return concat_support(node, supports);
    case OP_REDUCE_SUM: return sum_support(node, a);
    default: return zero_operands(node) != 0 ? *a : region_all(node->type.shape);
    }
}

Region demand_support(const Node *node, const Region *supports) {
    Shape shape = node->type.shape;
    if (node->input_count == 0 || shape.rank == 0 || shape_count(shape) == 0) return region_all(shape);
    if (fold_is(node, 0)) return empty_region(shape);
    for (int k = 0; k < node->input_count; k++)
        if ((zero_operands(node) >> k & 1) && region_is_empty(&supports[node->inputs[k]->id])) return empty_region(shape);
    Region support = support_rule(node, supports);
    return region_is_empty(&support) ? empty_region(shape) : support;
}
