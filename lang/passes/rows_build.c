/* The graph in which each group is one node with a body for a block of its rows. */
#include "lang/passes/rows.h"

#include "lang/graph/build.h"
#include "lang/passes/simplify.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

/* A value from outside as the body sees it. */
typedef struct Captured {
    const Node *node;
    bool is_cut, is_flipped; /* flipped: transposed once for all blocks */
    Node *leaf;
} Captured;

typedef struct Builder {
    Unit *unit;
    RowGroups groups;
    Graph *graph;      /* under construction */
    Node **map;        /* by id: in `graph` */
    bool *kept;        /* by id: a row of a group that is read outside of it */
    int *first, *next; /* by group root, by id: the members in order; -1: no more */
    /* of the group at hand */
    int root;
    int64_t block_rows;
    Graph *body;
    Node **inside; /* by id */
    LIST(Captured) captured;
} Builder;

/* ---- inside a block -------------------------------------------------------------------------------------------------------- */

static Type block_type(const Builder *builder, Type type) {
    type.shape.dims[0] = builder->block_rows;
    return type;
}

static Type flipped_type(Type type) { return (Type){type.dtype, shape_2(type.shape.dims[1], type.shape.dims[0])}; }

static Node *capture(Builder *builder, const Node *node, bool is_cut, bool is_flipped) {
    for (size_t k = 0; k < builder->captured.count; k++) {
        const Captured *known = &builder->captured.items[k];
        if (known->node == node && known->is_cut == is_cut && known->is_flipped == is_flipped) return known->leaf;
    }
    Type type = is_cut ? block_type(builder, node->type) : is_flipped ? flipped_type(node->type) : node->type;
    Cell *cell = cell_new("rows", NULL); /* only stands for a value: the step gives it its tensor */
    builder->body->here = node->span;
    Node *leaf = graph_add(builder->body, &(NodeSpec){.op = OP_LEAF, .cell = cell, .type = &type});
    cell_release(cell); /* the leaf holds it */
    list_push(&builder->captured, ((Captured){node, is_cut, is_flipped, leaf}));
    return leaf;
}

static Node *operand(Builder *builder, const Node *reader, int k) {
    const Node *node = reader->inputs[k];
    bool is_cut = rows_reads_cut(reader, k);
    double value;
    if (fold_uniform(node, &value)) return build_full(builder->body, is_cut ? block_type(builder, node->type) : node->type, value);
    if (is_cut && row_group_of(&builder->groups, node->id) == builder->root && builder->groups.role[node->id] == ROLE_ROW)
        return builder->inside[node->id];
    if (is_cut && builder->groups.role[node->id] == ROLE_SPREAD)
        return build_broadcast(builder->body, operand(builder, node, 0), block_type(builder, node->type).shape);
    return capture(builder, node, is_cut, false);
}

/* x b' with a matrix b for all blocks: the kernel would have to transpose b for every block. */
static bool flips_shared(const Node *node) {
    if (node->op != OP_MATMUL || !node->ints[1] || rows_reads_cut(node, 1)) return false;
    Shape b = node->inputs[1]->type.shape;
    return b.dims[0] > 1 && b.dims[1] > 1;
}

static Node *build_flipped(Builder *builder, const Node *node) {
    Node *a = operand(builder, node, 0), *b = capture(builder, node->inputs[1], false, true);
    builder->body->here = node->span;
    return build_matmul_flags(builder->body, a, b, node->ints[0] != 0, false);
}

static bool build_member(Builder *builder, const Node *node) {
    if (flips_shared(node)) return (builder->inside[node->id] = build_flipped(builder, node)) != NULL;
    LIST(Node *) inputs = {0};
    for (int k = 0; k < node->input_count; k++) list_push(&inputs, operand(builder, node, k));
    Type type = builder->groups.role[node->id] == ROLE_ROW ? block_type(builder, node->type) : node->type;
    builder->inside[node->id] = unit_copy_typed(builder->body, node, inputs.items, type);
    list_free(&inputs);
    return builder->inside[node->id] != NULL;
}

/* ---- the node -------------------------------------------------------------------------------------------------------------- */

static RowsResult result_kind(const Builder *builder, const Node *node) {
    if (builder->groups.role[node->id] == ROLE_ROW) return ROWS_KEPT;
    return node->op == OP_REDUCE_MAX ? ROWS_MAX : node->op == OP_REDUCE_MIN ? ROWS_MIN : ROWS_SUM;
}

static bool is_result(const Builder *builder, int id) { return builder->kept[id] || builder->groups.role[id] == ROLE_REDUCED; }

static RowsBody *new_body(Builder *builder, int result_count) {
    Arena *arena = builder->unit->arena;
    size_t inputs = builder->captured.count;
    RowsBody *rows = arena_alloc(arena, sizeof *rows);
    int64_t n = rows_of(&builder->groups, builder->groups.graph->nodes[builder->root]);
    *rows = (RowsBody){.graph = builder->body,
                       .cells = arena_alloc(arena, sizeof(Cell *) * (inputs + 1)),
                       .is_cut = arena_alloc(arena, inputs + 1),
                       .input_count = (int)inputs,
                       .results = arena_alloc(arena, sizeof(Node *) * (size_t)(result_count + 1)),
                       .kinds = arena_alloc(arena, sizeof(RowsResult) * (size_t)(result_count + 1)),
                       .row_count = n,
                       .block_rows = builder->block_rows,
                       .block_count = (n + builder->block_rows - 1) / builder->block_rows};
    for (size_t k = 0; k < inputs; k++) {
        rows->cells[k] = builder->captured.items[k].leaf->cell;
        rows->is_cut[k] = builder->captured.items[k].is_cut;
    }
    for (int id = builder->first[builder->root]; id >= 0; id = builder->next[id]) {
        if (!is_result(builder, id)) continue;
        rows->kinds[rows->result_count] = result_kind(builder, builder->groups.graph->nodes[id]);
        rows->results[rows->result_count++] = builder->inside[id];
    }
    return rows;
}

static bool add_node(Builder *builder, int result_count) {
    LIST(Node *) inputs = {0};
    for (size_t k = 0; k < builder->captured.count; k++) {
        Node *outside = builder->map[builder->captured.items[k].node->id];
        list_push(&inputs, builder->captured.items[k].is_flipped ? build_swap_last(builder->graph, outside) : outside);
    }
    RowsBody *rows = new_body(builder, result_count);
    builder->graph->here = builder->groups.graph->nodes[builder->root]->span;
    Node *node = graph_add(builder->graph,
                           &(NodeSpec){.op = OP_ROWS, .more_inputs = inputs.items, .more_count = (int)inputs.count, .rows = rows});
    list_free(&inputs);
    int at = 0;
    for (int id = builder->first[builder->root]; node != NULL && id >= 0; id = builder->next[id])
        if (is_result(builder, id)) builder->map[id] = result_count == 1 ? node : build_part(builder->graph, node, at++);
    return node != NULL;
}

static bool build_group(Builder *builder, int root) {
    Unit *unit = builder->unit;
    builder->root = root;
    builder->block_rows = rows_in_uneven_block(rows_of(&builder->groups, builder->groups.graph->nodes[root]));
    builder->body = graph_new(builder->graph->diagnostics, builder->graph->float_type);
    unit->bodies = reallocate(unit->bodies, sizeof(Graph *) * (size_t)(unit->body_count + 1));
    unit->bodies[unit->body_count++] = builder->body;
    builder->captured.count = 0;
    int result_count = 0;
    bool ok = true;
    for (int id = builder->first[root]; ok && id >= 0; id = builder->next[id]) {
        ok = build_member(builder, builder->groups.graph->nodes[id]);
        result_count += is_result(builder, id);
    }
    return ok && add_node(builder, result_count);
}

/* ---- the rest -------------------------------------------------------------------------------------------------------------- */

static bool copy_outside(Builder *builder, const Node *node) {
    LIST(Node *) inputs = {0};
    for (int k = 0; k < node->input_count; k++) list_push(&inputs, builder->map[node->inputs[k]->id]);
    builder->map[node->id] = unit_copy_node(builder->graph, node, inputs.items);
    list_free(&inputs);
    return builder->map[node->id] != NULL;
}

static void keep(Builder *builder, const Node *node, int reader_group) {
    if (builder->groups.role[node->id] == ROLE_ROW && row_group_of(&builder->groups, node->id) != reader_group)
        builder->kept[node->id] = true;
}

static void find_kept(Builder *builder) {
    const Unit *unit = builder->unit;
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        const Node *node = unit->graph->nodes[id];
        int group = builder->groups.needed[id] ? row_group_of(&builder->groups, (int)id) : -1;
        for (int k = 0; builder->groups.needed[id] && k < node->input_count; k++)
            keep(builder, node->inputs[k], rows_reads_cut(node, k) ? group : -1);
    }
    for (int k = 0; k < unit->output_count; k++) keep(builder, unit->outputs[k], -1);
    for (int k = 0; k < unit->commit_count; k++) keep(builder, unit->commits[k].value, -1);
}

static bool find_members(Builder *builder) {
    bool any = false;
    size_t count = builder->groups.graph->node_count;
    for (size_t id = 0; id < count; id++) builder->first[id] = builder->next[id] = -1;
    for (size_t id = count; id-- > 0;) {
        int root = builder->groups.needed[id] ? row_group_of(&builder->groups, (int)id) : -1;
        if (root < 0) continue;
        builder->next[id] = builder->first[root];
        builder->first[root] = (int)id;
        any = true;
    }
    return any;
}

/* Node ids by level, in order; level k's are order[first[k]] .. order[first[k + 1] - 1]. */
static int *sort_by_level(const RowGroups *groups, int *first) {
    size_t count = groups->graph->node_count;
    int *order = allocate(sizeof(int) * (count + 1)), *next = allocate(sizeof(int) * ((size_t)groups->level_count + 1));
    for (size_t id = 0; id < count; id++) first[groups->level[id] + 1]++;
    for (int k = 0; k < groups->level_count; k++) first[k + 1] += first[k];
    memcpy(next, first, sizeof(int) * (size_t)groups->level_count);
    for (size_t id = 0; id < count; id++) order[next[groups->level[id]]++] = (int)id;
    free(next);
    return order;
}

/* Of one level: what is outside, in order, then the groups. */
static bool build_level(Builder *builder, const int *ids, int count) {
    RowGroups *groups = &builder->groups;
    bool ok = true;
    for (int k = 0; ok && k < count; k++)
        if (groups->needed[ids[k]] && row_group_of(groups, ids[k]) < 0) ok = copy_outside(builder, groups->graph->nodes[ids[k]]);
    for (int k = 0; ok && k < count; k++)
        if (builder->first[ids[k]] >= 0) ok = build_group(builder, ids[k]);
    return ok;
}

static bool build_levels(Builder *builder) {
    int levels = builder->groups.level_count, *first = allocate(sizeof(int) * ((size_t)levels + 2));
    int *order = sort_by_level(&builder->groups, first);
    bool ok = true;
    for (int k = 0; ok && k < levels; k++) ok = build_level(builder, order + first[k], first[k + 1] - first[k]);
    free(order), free(first);
    return ok;
}

bool rows_block(Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    Builder builder = {.unit = unit,
                       .map = allocate(sizeof(Node *) * count),
                       .kept = allocate(count),
                       .first = allocate(sizeof(int) * count),
                       .next = allocate(sizeof(int) * count),
                       .inside = allocate(sizeof(Node *) * count)};
    row_groups_find(&builder.groups, unit);
    bool ok = true;
    if (find_members(&builder)) {
        builder.graph = graph_new(unit->graph->diagnostics, unit->graph->float_type);
        find_kept(&builder);
        ok = build_levels(&builder);
        if (ok) unit_replace(unit, builder.graph, builder.map);
        else graph_free(builder.graph);
    }
    row_groups_free(&builder.groups);
    list_free(&builder.captured);
    free(builder.map), free(builder.kept), free(builder.first), free(builder.next), free(builder.inside);
    return ok;
}
