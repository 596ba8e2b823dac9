#include "lang/passes/rows.h"

#include "lang/ops/op.h"
#include "runtime/base/memory.h"

#include <stdlib.h>

enum {
    BLOCK_ROWS = 128,      /* at most: 64 columns of f32 are 32 KiB */
    LEAST = 256,           /* rows that are cut at all */
    LEAST_ROWS = 64,       /* of a block */
    LEAST_BLOCKS = 2,      /* work for that many threads */
    SHARED_MAX = 64 * 1024 /* elements of a matrix that every block reads or adds to: several stay in the cache */
};

int64_t rows_in_block(int64_t n) {
    if (n < LEAST) return 0;
    int64_t largest = n / LEAST_BLOCKS < BLOCK_ROWS ? n / LEAST_BLOCKS : BLOCK_ROWS;
    for (int64_t rows = largest; rows >= LEAST_ROWS; rows--)
        if (n % rows == 0) return rows;
    return 0;
}

int64_t rows_in_uneven_block(int64_t n) {
    int64_t even = rows_in_block(n);
    return even > 0 || n < 2 * LEAST ? even : BLOCK_ROWS;
}

/* ---- which ops keep rows apart -------------------------------------------------------------------------------------------- */

static int64_t first_dim(const Node *node) { return node->type.shape.rank > 0 ? node->type.shape.dims[0] : 0; }
static bool keeps_first(const Node *node) { return first_dim(node) > 0 && first_dim(node) == first_dim(node->inputs[0]); }
static bool is_small(const Node *node) { return shape_count(node->type.shape) <= SHARED_MAX; }

static Role role_of_matmul(const Node *node) {
    const Node *a = node->inputs[0], *b = node->inputs[1];
    bool shared = b->type.shape.rank == 2, flips_a = node->ints[0] != 0, flips_b = node->ints[1] != 0;
    if (!shared) return ROLE_ROW; /* a batch of products */
    if (!flips_a) return is_small(b) ? ROLE_ROW : ROLE_OUTSIDE;
    return a->type.shape.rank == 2 && !flips_b && is_small(node) ? ROLE_REDUCED : ROLE_OUTSIDE;
}

static Role role_of_reduce(const Node *node) {
    if (!(node->ints[0] & 1)) return ROLE_ROW;
    return node->op == OP_REDUCE_PROD || node->type.dtype == DTYPE_BOOL || !is_small(node) ? ROLE_OUTSIDE : ROLE_REDUCED;
}

static Role role_if(bool is_row) { return is_row ? ROLE_ROW : ROLE_OUTSIDE; }

static Role role_of_small(const Node *node) {
    int rank = node->type.shape.rank;
    if (rank == 0) return ROLE_OUTSIDE;
    if (op_of(node)->fusion == FUSE_ELEMENTWISE) return ROLE_ROW;
    if (node->op == OP_BROADCAST) return keeps_first(node) ? ROLE_ROW : ROLE_SPREAD;
    if (node->op == OP_RESHAPE) return role_if(keeps_first(node));
    if (node->op == OP_TRANSPOSE || node->op == OP_FLIP) return role_if(node->ints[0] == 0);
    if (node->op == OP_SLICE) return role_if(keeps_first(node));
    if (node->op == OP_PAD) return role_if(keeps_first(node));
    if (node->op == OP_CONCAT) return role_if(node->ints[0] != 0);
    if (node->op == OP_MATMUL) return role_of_matmul(node);
    bool reduces = node->op == OP_REDUCE_SUM || node->op == OP_REDUCE_PROD || node->op == OP_REDUCE_MAX || node->op == OP_REDUCE_MIN;
    return reduces ? role_of_reduce(node) : ROLE_OUTSIDE;
}

static Role role_of(const RowGroups *groups, const Node *node) {
    if (node->op == OP_PART) return role_if(groups->role[node->inputs[0]->id] == ROLE_ROW);
    Role role = role_of_small(node);
    return role == ROLE_OUTSIDE ? rows_role_of_large(node) : role;
}

bool rows_reads_cut(const Node *node, int k) {
    if (node->op == OP_BROADCAST) return keeps_first(node);
    if (rows_reads_whole(node, k)) return false;
    return node->op != OP_MATMUL || k == 0 || node->ints[0] != 0 || node->inputs[1]->type.shape.rank > 2;
}

int64_t rows_of(const RowGroups *groups, const Node *node) {
    return groups->role[node->id] == ROLE_REDUCED ? first_dim(node->inputs[0]) : first_dim(node);
}

/* ---- groups -------------------------------------------------------------------------------------------------------------- */

static int find(RowGroups *groups, int id) {
    int *parent = groups->parent;
    while (parent[id] != id) id = parent[id] = parent[parent[id]];
    return id;
}

static bool is_inside(const RowGroups *groups, int id) { return groups->role[id] == ROLE_ROW || groups->role[id] == ROLE_REDUCED; }

int row_group_of(RowGroups *groups, int id) {
    if (!is_inside(groups, id)) return -1;
    int root = find(groups, id);
    return groups->found[root] ? root : -1;
}

/* `node` reads input k within its own group, if their levels agree. */
static bool is_inner(const RowGroups *groups, const Node *node, int k) {
    const Node *input = node->inputs[k];
    return is_inside(groups, node->id) && rows_reads_cut(node, k) && groups->role[input->id] == ROLE_ROW &&
           rows_of(groups, input) == rows_of(groups, node);
}

static void place(RowGroups *groups, Node *node) {
    int *level = &groups->level[node->id];
    for (int k = 0; k < node->input_count; k++) {
        int id = node->inputs[k]->id, least = groups->level[id];
        if (is_inside(groups, id) && !is_inner(groups, node, k)) least++;
        if (*level < least) *level = least;
    }
    if (*level >= groups->level_count) groups->level_count = *level + 1;
    for (int k = 0; k < node->input_count; k++) {
        int id = node->inputs[k]->id;
        if (is_inner(groups, node, k) && groups->level[id] == *level) groups->parent[find(groups, id)] = find(groups, node->id);
    }
}

/* What a group hands from op to op inside a block, and what it reads and writes in whole. */
typedef struct Traffic {
    double inner, outer;
    bool has_product, is_large;
} Traffic;

static double bytes_of(const Node *node) { return (double)shape_count(node->type.shape) * (double)dtype_bytes(node->type.dtype); }

/* Computed in a group: views are what they are of. */
static int computed_in(RowGroups *groups, const Node *node) {
    bool is_row = groups->role[node->id] == ROLE_ROW && node->op != OP_RESHAPE && node->op != OP_BROADCAST;
    return is_row ? find(groups, node->id) : -1;
}

static bool is_fused(const Node *node) {
    OpFusion fusion = op_of(node)->fusion;
    return fusion == FUSE_ELEMENTWISE || fusion == FUSE_REDUCE || node->op == OP_BROADCAST || node->op == OP_RESHAPE;
}

/* By node id: read outside of the group, stored from one step to another in any case. */
typedef struct Uses {
    bool *leaves, *stored;
} Uses;

static void add_edge(RowGroups *groups, Traffic *traffic, const Node *reader, int k, const Uses *uses) {
    const Node *input = reader->inputs[k];
    uses->stored[input->id] |= !is_fused(reader);
    int from = is_inside(groups, input->id) ? find(groups, input->id) : -1;
    int to = is_inside(groups, reader->id) ? find(groups, reader->id) : -1;
    if (from == to && rows_reads_cut(reader, k)) return;
    if (to >= 0 && rows_reads_cut(reader, k) && groups->role[input->id] != ROLE_SPREAD) traffic[to].outer += bytes_of(input);
    uses->leaves[input->id] = true;
}

/* Worth it are groups with products or values too large for any cache (without one there is one fused loop, which goes through its
 * values once anyway) that keep to themselves more than half of what they exchange with others. */
static void keep_worthy_groups(RowGroups *groups) {
    size_t count = groups->graph->node_count;
    Traffic *traffic = allocate(sizeof(Traffic) * (count + 1));
    Uses uses = {.leaves = allocate(count + 1), .stored = allocate(count + 1)};
    for (size_t id = 0; id < count; id++) {
        const Node *node = groups->graph->nodes[id];
        for (int k = 0; groups->needed[id] && k < node->input_count; k++) add_edge(groups, traffic, node, k, &uses);
    }
    for (size_t id = 0; id < count; id++) {
        const Node *node = groups->graph->nodes[id];
        if (!groups->needed[id] || !is_inside(groups, (int)id)) continue;
        int root = find(groups, (int)id), from = computed_in(groups, node);
        traffic[root].is_large |= rows_role_of_large(node) != ROLE_OUTSIDE;
        traffic[root].has_product |= node->op == OP_MATMUL || traffic[root].is_large;
        if (from < 0) continue;
        if (uses.leaves[id]) traffic[from].outer += bytes_of(node);
        else if (uses.stored[id] || !is_fused(node)) traffic[from].inner += bytes_of(node);
    }
    for (size_t id = 0; id < count; id++)
        groups->found[id] = traffic[id].has_product && 2 * traffic[id].inner > traffic[id].outer &&
                            (traffic[id].is_large || rows_in_block(rows_of(groups, groups->graph->nodes[id])) > 0);
    free(traffic);
    free(uses.leaves), free(uses.stored);
}

static bool can_cut(const RowGroups *groups, const Node *node) {
    int64_t n = rows_of(groups, node);
    return rows_in_block(n) > 0 || (groups->role[node->id] != ROLE_REDUCED && rows_in_uneven_block(n) > 0);
}

void row_groups_find(RowGroups *groups, const Unit *unit) {
    size_t count = unit->graph->node_count + 1;
    *groups = (RowGroups){.graph = unit->graph,
                          .needed = unit_needed(unit),
                          .role = allocate(sizeof(Role) * count),
                          .level = allocate(sizeof(int) * count),
                          .parent = allocate(sizeof(int) * count),
                          .found = allocate(count),
                          .level_count = 1};
    for (size_t id = 0; id < unit->graph->node_count; id++) {
        Node *node = unit->graph->nodes[id];
        groups->parent[id] = (int)id;
        if (!groups->needed[id]) continue;
        groups->role[id] = role_of(groups, node);
        if (groups->role[id] != ROLE_OUTSIDE && !can_cut(groups, node)) groups->role[id] = ROLE_OUTSIDE;
        place(groups, node);
    }
    keep_worthy_groups(groups);
}

void row_groups_free(RowGroups *groups) {
    free(groups->needed);
    free(groups->role);
    free(groups->level);
    free(groups->parent);
    free(groups->found);
}
