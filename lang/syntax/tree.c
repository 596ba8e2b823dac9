#include "lang/syntax/tree.h"

#include "lang/syntax/parser.h"

#include <stdio.h>
#include <stdlib.h>

static const char *const kind_names[] = {
    [TREE_NUMBER] = "number",
    [TREE_QUANTITY] = "quantity",
    [TREE_STRING] = "string",
    [TREE_BOOL] = "bool",
    [TREE_NAME] = "name",
    [TREE_LIST] = "list",
    [TREE_RECORD] = "record",
    [TREE_RANGE] = "range",
    [TREE_LAMBDA] = "lambda",
    [TREE_IF] = "if",
    [TREE_CALL] = "call",
    [TREE_MAKE] = "make",
    [TREE_ARGUMENT] = "argument",
    [TREE_INDEX] = "index",
    [TREE_SLICE] = "slice",
    [TREE_FIELD] = "field",
    [TREE_UNARY] = "unary",
    [TREE_BINARY] = "binary",
    [TREE_PIPE] = "pipe",
    [TREE_WITH] = "with",
    [TREE_WITHOUT] = "without",
    [TREE_EXCEPT] = "except",
    [TREE_LOOP] = "loop",
    [TREE_BLOCK] = "block",
    [TREE_LET] = "let",
    [TREE_DATA] = "data",
    [TREE_VAR] = "var",
    [TREE_PARAM] = "param",
    [TREE_STATE] = "state",
    [TREE_TUNE] = "tune",
    [TREE_COMMIT] = "commit",
    [TREE_PARAMETERS] = "parameters",
    [TREE_PARAMETER] = "parameter",
    [TREE_CHOICES] = "choices",
    [TREE_SHAPE] = "shape",
    [TREE_FN] = "fn",
    [TREE_MODEL] = "model",
    [TREE_LOSS] = "loss",
    [TREE_PENALTY] = "penalty",
    [TREE_METHOD] = "method",
    [TREE_HOOK] = "hook",
    [TREE_EVERY] = "every",
    [TREE_AT] = "at",
    [TREE_IMPORT] = "import",
    [TREE_TRAIN] = "train",
    [TREE_FOR] = "for",
    [TREE_PRINT] = "print",
    [TREE_TABLE] = "table",
    [TREE_ROW] = "row",
    [TREE_PLOT] = "plot",
    [TREE_IMAGE] = "image",
    [TREE_SAVE] = "save",
    [TREE_RESTORE] = "restore",
    [TREE_REPORT] = "report",
    [TREE_EXPECT] = "expect",
    [TREE_PRECISION] = "precision",
    [TREE_EXPRESSION] = "expression",
    [TREE_MINIMIZE] = "minimize",
    [TREE_USING] = "using",
    [TREE_METHOD_USE] = "method_use",
    [TREE_BATCH] = "batch",
    [TREE_SEED] = "seed",
    [TREE_WATCH] = "watch",
    [TREE_STOP] = "stop",
    [TREE_KEEP] = "keep",
    [TREE_CHECKPOINT] = "checkpoint",
    [TREE_LOG] = "log",
    [TREE_DRAW] = "draw",
    [TREE_RESET] = "reset",
};

_Static_assert(sizeof kind_names / sizeof *kind_names == TREE_KIND_COUNT, "one name per kind");

const char *tree_kind_name(TreeKind kind) { return kind_names[kind]; }

static void add_quoted(const char *string, Text *out) {
    text_add_char(out, '"');
    for (const char *at = string; *at; at++) {
        if (*at == '\n') text_add(out, "\\n");
        else if (*at == '\t') text_add(out, "\\t");
        else if (*at == '"' || (*at == '\\' && at[1] != '{')) text_addf(out, "\\%c", *at);
        else text_add_char(out, *at);
    }
    text_add_char(out, '"');
}

static bool holds_text(TreeKind kind) { return kind == TREE_STRING || kind == TREE_IMPORT; }

/* The shortest text that reads back as the same number. */
static void add_number(const Tree *tree, Text *out) {
    char digits[40];
    for (int precision = 6; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, tree->number);
        if (strtod(digits, NULL) == tree->number) break;
    }
    text_addf(out, " %s%s", digits, tree->flag ? "" : " real");
}

/* A slot that is left out is shown as `-`, so that the next ones keep their places. */
static void dump_node(const Tree *tree, int depth, Text *out) {
    for (int i = 0; i < depth; i++) text_add(out, "  ");
    if (!tree) {
        text_add(out, "-\n");
        return;
    }
    text_add(out, tree_kind_name(tree->kind));
    if (tree->name && holds_text(tree->kind)) {
        text_add_char(out, ' ');
        add_quoted(tree->name, out);
    } else if (tree->name) {
        text_addf(out, " %s", tree->name);
    }
    if (tree->kind == TREE_NUMBER) add_number(tree, out);
    else if (tree->kind == TREE_BOOL) text_add(out, tree->number != 0 ? " true" : " false");
    else if (tree->flag) text_add(out, " *");
    text_add_char(out, '\n');
    int count = tree->count;
    while (count > 0 && !tree->items[count - 1]) count--;
    for (int i = 0; i < count; i++) dump_node(tree->items[i], depth + 1, out);
}

void tree_dump(const Tree *tree, Text *out) { dump_node(tree, 0, out); }
