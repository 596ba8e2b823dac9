/* Inside fusion: its state, shared by fuse.c and fuse_exchange.c. */
#ifndef REG_PASSES_FUSE_INSIDE_H
#define REG_PASSES_FUSE_INSIDE_H

#include "lang/passes/fuse.h"

typedef struct Fuse {
    const Unit *unit;
    int count;       /* nodes */
    bool *live;      /* must be computed */
    bool *stored;    /* read from outside fused groups */
    bool *committed; /* the storage of a commit's value */
    bool *held;      /* read otherwise than by updates */
    bool *update;
    int *level;
    int *limit;       /* the highest level that readers allow */
    int *fused_limit; /* the lowest level of a reader that could share the group */
    int *parent;      /* union-find */
    uint32_t *mask;   /* per root: axes that its reductions reduce, but for rows of a tile */
    bool *exchanged;  /* Tasks.is_exchanged */
} Fuse;

typedef struct Edge {
    Node *producer;
    bool is_fusible; /* element for element in one space: reader and producer may share a group */
    bool is_identity;
} Edge;

/* Edge from operand k of a live node; producer NULL for a number. */
Edge fuse_edge(const Node *reader, int k);
/* Moves updates of large cells into the groups that their values come from; once levels are final. */
void fuse_exchange(Fuse *f);

#endif
