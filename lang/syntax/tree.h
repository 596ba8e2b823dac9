/* The tree of a script: one uniform node, kinds in tree.def with the meaning of their slots.
 *
 * A tree lives in the arena it was parsed into and never changes. Optional slots hold NULL. */
#ifndef REG_SYNTAX_TREE_H
#define REG_SYNTAX_TREE_H

#include "lang/syntax/span.h"
#include "runtime/base/arena.h"

#include <stdbool.h>

typedef enum TreeKind {
#define TREE(KIND, slots) TREE_##KIND,
#include "lang/syntax/tree.def"
#undef TREE
    TREE_KIND_COUNT
} TreeKind;

typedef struct Tree Tree;
struct Tree {
    TreeKind kind;
    Span span;        /* the whole construct */
    Span name_span;   /* the name alone, where there is one */
    const char *name; /* identifier, string contents, operator text, unit, file path: as tree.def says; NULL when none */
    double number;    /* TREE_NUMBER, TREE_BOOL */
    bool flag;        /* as tree.def says */
    Tree **items;
    int count;
};

/* A comment, kept for the formatter and for golden lines (`#> value`). */
typedef struct Comment {
    Span span;
    bool own_line;
} Comment;

typedef struct Script {
    Tree *root; /* TREE_BLOCK of the statements; never NULL, statements with errors are left out */
    uint32_t file;
    Comment *comments;
    int comment_count;
} Script;

const char *tree_kind_name(TreeKind kind); /* "call", "let": for dumps and messages */
static inline Tree *tree_item(const Tree *tree, int slot) { return slot < tree->count ? tree->items[slot] : 0; }

#endif
