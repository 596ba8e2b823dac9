#include "lang/passes/narrow.h"

#include "lang/graph/build.h"
#include "lang/passes/demand.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { KEPT_MAX = 4 }; /* parts of one node that are computed separately, such as queries, keys and values of one product */

/* A part must save at least a quarter, or all is computed. */
static bool is_worth(int64_t part, int64_t whole) { return part < whole - whole / 4; }

typedef struct Kept {
    Region parts[KEPT_MAX];
    Node *made[KEPT_MAX];
    int count;
} Kept;

typedef struct Narrow {
    const Graph *graph; /* before */
    Region *supports;   /* by node id */
    Kept **kept;        /* by node id; NULL: not needed */
    bool *is_root;
    Arena *arena;
    bool narrows; /* something is left out */
} Narrow;

/* ---- what is computed --------------------------------------------------------------------------------------------------- */

/* Adds a part; those that cost no more together than apart become one. */
static void keep(Narrow *narrow, const Node *node, Region part) {
    Kept **slot = &narrow->kept[node->id];
    if (region_is_empty(&part) && shape_count(node->type.shape) > 0) return;
    if (*slot == NULL) {
        *slot = arena_alloc(narrow->arena, sizeof **slot);
        (*slot)->count = 0;
    }
    Kept *kept = *slot;
    for (int k = 0; k < kept->count; k++) {
        Region cover = region_cover(&kept->parts[k], &part);
        bool is_full = kept->count == KEPT_MAX;
        if (!is_full && region_count(&cover) > region_count(&kept->parts[k]) + region_count(&part)) continue;
        part = cover;
        kept->parts[k] = kept->parts[--kept->count];
        k = -1;
    }
    kept->parts[kept->count++] = part;
}

/* Few large parts become one, a large one becomes all. */
static void settle(Narrow *narrow, const Node *node) {
    Kept *kept = narrow->kept[node->id];
    Shape shape = node->type.shape;
    int64_t apart = 0;
    Region cover = kept->parts[0];
    for (int k = 0; k < kept->count; k++) {
        demand_widen(node, &kept->parts[k]);
        cover = region_cover(&cover, &kept->parts[k]);
        apart += region_count(&kept->parts[k]);
    }
    if (kept->count > 1 && demand_is_partial(node) && is_worth(apart, region_count(&cover))) return;
    demand_widen(node, &cover);
    bool is_part = demand_is_partial(node) && is_worth(region_count(&cover), shape_count(shape));
    *kept = (Kept){.parts = {is_part ? cover : region_all(shape)}, .count = 1};
}

static void find_supports(Narrow *narrow) {
    for (size_t id = 0; id < narrow->graph->node_count; id++) {
        const Node *node = narrow->graph->nodes[id];
        Region *support = &narrow->supports[id];
        *support = demand_support(node, narrow->supports);
        if (!is_worth(region_count(support), shape_count(node->type.shape))) *support = region_all(node->type.shape);
    }
}

static void find_demands(Narrow *narrow) {
    for (size_t id = narrow->graph->node_count; id-- > 0;) {
        const Node *node = narrow->graph->nodes[id];
        if (narrow->is_root[id]) keep(narrow, node, narrow->supports[id]);
        const Kept *kept = narrow->kept[id];
        if (kept == NULL) continue;
        settle(narrow, node);
        narrow->narrows |= node->input_count > 0 && (kept->count > 1 || !region_is_all(&kept->parts[0], node->type.shape));
        for (int k = 0; k < node->input_count; k++)
            for (int j = 0; j < kept->count; j++) {
                Region wanted = demand_of(node, &kept->parts[j], k, narrow->supports);
                keep(narrow, node->inputs[k], region_clip(&wanted, &narrow->supports[node->inputs[k]->id]));
            }
    }
}

/* ---- the rebuild -------------------------------------------------------------------------------------------------------- */

/* The part of a reshaped value is a part of the value where it can be. */
static Node *slice_of(Graph *graph, Node *x, const Region *part) {
    int64_t start[RANK_MAX], stop[RANK_MAX], step[RANK_MAX];
    if (region_is_all(part, x->type.shape)) return x;
    if (x->op == OP_RESHAPE) {
        Region widened = *part, inner = region_reshape(&widened, x->type.shape, x->inputs[0]->type.shape);
        if (region_holds(part, &widened)) return build_reshape(graph, slice_of(graph, x->inputs[0], &inner), region_shape(part));
    }
    for (int k = 0; k < part->rank; k++) {
        Range range = part->axes[k];
        start[k] = range.start, step[k] = range.step, stop[k] = range.start + (range.count - 1) * range.step + 1;
    }
    return build_slice(graph, x, start, stop, step);
}

/* x at `part` of a tensor that is zero elsewhere. */
static Node *pad_to(Graph *graph, Node *x, const Region *part, Shape shape) {
    int64_t low[RANK_MAX], high[RANK_MAX], interior[RANK_MAX];
    if (region_is_all(part, shape)) return x;
    for (int k = 0; k < part->rank; k++) {
        Range range = part->axes[k];
        low[k] = range.start, interior[k] = range.step - 1;
        high[k] = shape.dims[k] - 1 - (range.start + (range.count - 1) * range.step);
    }
    return build_pad(graph, x, low, high, interior, 0);
}

/* The smallest part that was computed and holds what is wanted. */
static int part_with(const Kept *kept, const Region *wanted) {
    int best = -1;
    for (int k = 0; k < kept->count; k++)
        if (region_holds(&kept->parts[k], wanted) && (best < 0 || region_count(&kept->parts[k]) < region_count(&kept->parts[best])))
            best = k;
    return best;
}

static Node *fetch(const Narrow *narrow, Graph *graph, const Node *node, const Region *wanted) {
    Region there = region_clip(wanted, &narrow->supports[node->id]);
    Type type = {node->type.dtype, region_shape(wanted)};
    if (region_is_empty(&there) && !region_is_empty(wanted)) return build_full(graph, type, 0);
    const Kept *kept = narrow->kept[node->id];
    int k = part_with(kept, &there);
    Region inside = region_within(&kept->parts[k], &there), outside = region_within(wanted, &there);
    return pad_to(graph, slice_of(graph, kept->made[k], &inside), &outside, type.shape);
}

static Node *make_pad(const Narrow *narrow, Graph *graph, const Node *node, const Region *part) {
    Region inside = demand_padded(node, part), wanted = demand_of(node, part, 0, narrow->supports);
    Region within = region_within(part, &inside);
    if (region_is_empty(&inside)) return build_full(graph, (Type){node->type.dtype, region_shape(part)}, 0);
    return pad_to(graph, fetch(narrow, graph, node->inputs[0], &wanted), &within, region_shape(part));
}

static Node *make_concat(const Narrow *narrow, Graph *graph, const Node *node, const Region *part) {
    LIST(Node *) pieces = {0};
    for (int k = 0; k < node->input_count; k++) {
        Region wanted = demand_of(node, part, k, narrow->supports);
        if (!region_is_empty(&wanted)) list_push(&pieces, fetch(narrow, graph, node->inputs[k], &wanted));
    }
    Node *joined = build_concat(graph, pieces.items, (int)pieces.count, (int)node->ints[0]);
    list_free(&pieces);
    return joined;
}

/* The same op on parts of its operands. */
static Node *make_same(const Narrow *narrow, Graph *graph, const Node *node, const Region *part) {
    LIST(Node *) inputs = {0};
    for (int k = 0; k < node->input_count; k++) {
        Region wanted = demand_of(node, part, k, narrow->supports);
        list_push(&inputs, fetch(narrow, graph, node->inputs[k], &wanted));
    }
    Node like = *node;
    if (node->part_count == 0) like.type.shape = region_shape(part);
    Node *made = unit_copy_node(graph, &like, inputs.items);
    list_free(&inputs);
    return made;
}

static Node *make(const Narrow *narrow, Graph *graph, const Node *node, const Region *part) {
    bool is_partial = demand_is_partial(node);
    if (node->op == OP_PAD && is_partial) return make_pad(narrow, graph, node, part);
    if (node->op == OP_CONCAT && is_partial) return make_concat(narrow, graph, node, part);
    if (node->op == OP_SLICE && is_partial) {
        Region wanted = demand_of(node, part, 0, narrow->supports);
        return fetch(narrow, graph, node->inputs[0], &wanted);
    }
    return make_same(narrow, graph, node, part);
}

static Node *narrow_rule(void *context, Graph *graph, const Node *node, Node *const *inputs) {
    const Narrow *narrow = context;
    Kept *kept = narrow->kept[node->id];
    if (kept == NULL && !narrow->is_root[node->id]) return node->input_count > 0 ? inputs[0] : unit_copy_node(graph, node, inputs);
    for (int k = 0; kept != NULL && k < kept->count; k++) {
        kept->made[k] = make(narrow, graph, node, &kept->parts[k]);
        if (kept->made[k] == NULL) return NULL;
    }
    Region all = region_all(node->type.shape);
    return narrow->is_root[node->id] ? fetch(narrow, graph, node, &all) : kept->made[0];
}

/* Only slices leave something out and only pads bring zeros. */
static bool may_narrow(const Graph *graph) {
    for (size_t id = 0; id < graph->node_count; id++)
        if (graph->nodes[id]->op == OP_SLICE || graph->nodes[id]->op == OP_PAD) return true;
    return false;
}

bool narrow(Unit *unit) {
    if (!may_narrow(unit->graph)) return true;
    size_t count = unit->graph->node_count + 1;
    Narrow state = {.graph = unit->graph,
                    .supports = allocate(sizeof(Region) * count),
                    .kept = allocate(sizeof(Kept *) * count),
                    .is_root = allocate(count),
                    .arena = arena_new()};
    for (int k = 0; k < unit->output_count; k++) state.is_root[unit->outputs[k]->id] = true;
    for (int k = 0; k < unit->commit_count; k++) state.is_root[unit->commits[k].value->id] = true;
    find_supports(&state);
    find_demands(&state);
    bool ok = !state.narrows || unit_rebuild(unit, narrow_rule, &state);
    arena_free(state.arena);
    free(state.supports), free(state.kept), free(state.is_root);
    return ok;
}
