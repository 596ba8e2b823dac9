/* Tree constructors for the grammar's actions. */
#ifndef REG_SYNTAX_BUILD_H
#define REG_SYNTAX_BUILD_H

#include "lang/syntax/tokens.h"

/* A growing list of nodes in the arena of the parse. */
typedef struct Nodes {
    Tree **items;
    int count;
    int capacity;
} Nodes;

typedef struct Word {
    const char *text;
    Span span;
} Word;

/* What stands between `minimize` and the colon. */
typedef struct MinimizeHeader {
    Tree *slots[5]; /* over, on, every, using, after */
    bool eval;
} MinimizeHeader;

/* How the grammar goes on after a syntax error. */
typedef enum Resume {
    RESUME_HERE,   /* the offending token ends the statement */
    RESUME_BEHIND, /* the stream skipped it */
    RESUME_NOT,    /* as the parser generator does: discard until something fits */
} Resume;

typedef struct Parse {
    Arena *arena;
    Diagnostics *diagnostics;
    TokenStream *stream;
    Token token;      /* the one handed to the grammar last */
    Nodes statements; /* of the script, complete ones only */
    Resume resume;
    uint32_t error_offset; /* where the last one was */
    int error_count;       /* syntax errors so far */
    bool incomplete;       /* the first of them was at the end of the text */
} Parse;

enum { NODE_ITEMS_MAX = 8 };

/* `items` fixed slots, then those of `rest` (NULL: none). */
Tree *node(Parse *parse, TreeKind kind, Span span, int count, Tree *const *items, const Nodes *rest);
Tree *named(Word word, Tree *tree);
Tree *flagged(bool flag, Tree *tree);
Tree *number_node(Parse *parse, TreeKind kind, Span span, double number, bool whole);
Tree *quantity(Parse *parse, Span span, const char *unit, Tree *amount);
Tree *need_quantity(Parse *parse, Tree *tree); /* reports when it is not one */
Tree *call_or_make(Parse *parse, TreeKind kind, Span span, Tree *callee, const Nodes *arguments);
Tree *lambda(Parse *parse, Span span, Tree *parameters, Tree *body);

Nodes *nodes(Parse *parse, Tree *first);              /* first NULL: empty */
Nodes *append(Parse *parse, Nodes *list, Tree *tree); /* NULL trees, left out after an error, are skipped */

MinimizeHeader *header_option(Parse *parse, MinimizeHeader *header, int slot, Tree *tree, Span span);

#endif
