#include "lang/syntax/build.h"

#include <string.h>

Tree *node(Parse *parse, TreeKind kind, Span span, int count, Tree *const *items, const Nodes *rest) {
    Tree *tree = arena_alloc(parse->arena, sizeof *tree);
    int more = rest ? rest->count : 0;
    *tree = (Tree){.kind = kind, .span = span, .count = count + more};
    if (tree->count == 0) return tree;
    tree->items = arena_alloc(parse->arena, (size_t)tree->count * sizeof *tree->items);
    if (count > 0) memcpy(tree->items, items, (size_t)count * sizeof *items);
    if (more > 0) memcpy(tree->items + count, rest->items, (size_t)more * sizeof *rest->items);
    return tree;
}

Tree *named(Word word, Tree *tree) {
    tree->name = word.text;
    tree->name_span = word.span;
    return tree;
}

Tree *flagged(bool flag, Tree *tree) {
    tree->flag = flag;
    return tree;
}

Tree *number_node(Parse *parse, TreeKind kind, Span span, double number, bool whole) {
    Tree *tree = flagged(whole, node(parse, kind, span, 0, NULL, NULL));
    tree->number = number;
    return tree;
}

Tree *quantity(Parse *parse, Span span, const char *unit, Tree *amount) {
    if (!amount) amount = number_node(parse, TREE_NUMBER, span, 1, true);
    return named((Word){unit, span}, node(parse, TREE_QUANTITY, span, 1, &amount, NULL));
}

Tree *need_quantity(Parse *parse, Tree *tree) {
    if (tree->kind == TREE_QUANTITY) return tree;
    bool is_negative = tree->kind == TREE_UNARY && tree->items[0]->kind == TREE_QUANTITY;
    if (is_negative) {
        diagnose(parse->diagnostics, "E0100", tree->span, "a time cannot be negative");
        return tree->items[0];
    }
    diagnose(parse->diagnostics, "E0100", tree->span, "expected a time such as `10 epochs`, `300 steps` or `50%%`");
    diagnose_help(parse->diagnostics, "say `steps` or `epochs` behind the number");
    return quantity(parse, tree->span, "steps", tree);
}

Tree *call_or_make(Parse *parse, TreeKind kind, Span span, Tree *callee, const Nodes *arguments) {
    return node(parse, kind, span, 1, &callee, arguments);
}

Tree *lambda(Parse *parse, Span span, Tree *parameters, Tree *body) {
    return node(parse, TREE_LAMBDA, span, 2, (Tree *[]){parameters, body}, NULL);
}

Nodes *nodes(Parse *parse, Tree *first) {
    Nodes *list = arena_alloc(parse->arena, sizeof *list);
    return append(parse, list, first);
}

Nodes *append(Parse *parse, Nodes *list, Tree *tree) {
    if (!tree) return list;
    if (list->count == list->capacity) {
        int capacity = list->capacity ? list->capacity * 2 : 4;
        Tree **items = arena_alloc(parse->arena, (size_t)capacity * sizeof *items);
        if (list->count > 0) memcpy(items, list->items, (size_t)list->count * sizeof *items);
        list->items = items;
        list->capacity = capacity;
    }
    list->items[list->count++] = tree;
    return list;
}

MinimizeHeader *header_option(Parse *parse, MinimizeHeader *header, int slot, Tree *tree, Span span) {
    static const char *const words[] = {"over", "on", "every", "using", "after", "eval"};
    if (!header) header = arena_alloc(parse->arena, sizeof *header);
    bool again = slot < 5 ? header->slots[slot] != NULL : header->eval;
    if (again) diagnose(parse->diagnostics, "E0100", span, "`%s` stands twice in this `minimize`", words[slot]);
    if (slot < 5) header->slots[slot] = tree;
    else header->eval = true;
    return header;
}
