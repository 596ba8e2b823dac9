/* Selectors: paths with globs and predicates, to parameters. */
#include "lang/elaborate/elaborate.h"

#include <string.h>

bool is_selector(const Tree *tree) {
    switch ((int)tree->kind) {
    case TREE_EXCEPT: return true;
    case TREE_FIELD: return strchr(tree->name, '*') || is_selector(tree->items[0]);
    case TREE_INDEX: return is_selector(tree->items[0]);
    }
    return false;
}

/* Matching ----------------------------------------------------------------------------------------------------------- */

static bool glob(const char *pattern, const char *text) {
    for (; *pattern; pattern++, text++) {
        if (*pattern == '*') {
            for (;; text++) {
                if (glob(pattern + 1, text)) return true;
                if (!*text) return false;
            }
        }
        if (*pattern != *text) return false;
    }
    return !*text;
}

/* The path below the root, cut at its dots. */
typedef struct Path {
    char *parts[32];
    int count;
} Path;

static bool match_parts(const char *const *pattern, int pattern_count, char *const *parts, int count) {
    if (!pattern_count) return !count;
    if (!strcmp(pattern[0], "**")) {
        for (int skip = 0; skip <= count; skip++)
            if (match_parts(pattern + 1, pattern_count - 1, parts + skip, count - skip)) return true;
        return false;
    }
    return count && glob(pattern[0], parts[0]) && match_parts(pattern + 1, pattern_count - 1, parts + 1, count - 1);
}

/* Selectors on models find parameters; a path that ends at a part means everything below it. */
static bool matches(const char *const *pattern, int count, const Path *path) {
    for (int length = 1; length <= path->count; length++)
        if (match_parts(pattern, count, path->parts, length)) return true;
    return match_parts(pattern, count, path->parts, path->count);
}

static Path split_path(Arena *arena, const char *root, const char *path) {
    Path parts = {0};
    size_t length = strlen(root);
    char *text = arena_string(arena, strncmp(path, root, length) || path[length] != '.' ? path : path + length + 1);
    for (char *part = strtok_r(text, ".", &text); part && parts.count < 32; part = strtok_r(NULL, ".", &text))
        parts.parts[parts.count++] = part;
    return parts;
}

/* Collecting --------------------------------------------------------------------------------------------------------- */

typedef struct Collect {
    Elaborator *e;
    Selection *selection;
    int capacity;
    const char *const *pattern; /* NULL: all */
    int pattern_count;
    const char *root;
    const Tree *predicate;
    Scope *scope;
    bool failed;
} Collect;

static void add_selected(Collect *collect, Instance *owner, Member *member) {
    Selection *selection = collect->selection;
    for (int k = 0; k < selection->count; k++)
        if (selection->items[k].member == member) return;
    selection->items = arena_grow(collect->e->arena, selection->items, sizeof *selection->items, selection->count, &collect->capacity);
    selection->items[selection->count++] = (Selected){owner, member};
}

static bool satisfies(Collect *collect, const Member *member) {
    Elaborator *e = collect->e;
    if (!collect->predicate) return true;
    Shape shape = member->cell->tensor->shape;
    Scope *scope = scope_new(e, collect->scope);
    scope_set(e, scope, "rank", value_number(shape.rank, true, collect->predicate->span));
    scope_set(e, scope, "size", value_number((double)shape_count(shape), true, collect->predicate->span));
    scope_set(e, scope, "name", value_string(member->name, collect->predicate->span));
    bool truth = false;
    if (!to_bool(e, elaborate(e, collect->predicate, scope), &truth)) collect->failed = true;
    return truth;
}

static void visit(void *context, Instance *owner, Member *member) {
    Collect *collect = context;
    if (member->kind != MEMBER_PARAM || !member->cell || collect->failed) return;
    if (collect->pattern) {
        Path path = split_path(collect->e->arena, collect->root, member->cell->name);
        if (!matches(collect->pattern, collect->pattern_count, &path)) return;
    }
    if (satisfies(collect, member)) add_selected(collect, owner, member);
}

static void walk_value(Elaborator *e, Value root, Collect *collect) {
    if (root.kind == VALUE_INSTANCE) {
        collect->root = instance_path(e, root.instance);
        instance_walk(root.instance, visit, collect);
    } else if (root.kind == VALUE_FUNCTION) {
        for (int k = 0; k < root.function->stage_count; k++) walk_value(e, root.function->stages[k], collect);
    }
}

Selection *select_all(Elaborator *e, Instance *instance) {
    Selection *selection = arena_alloc(e->arena, sizeof *selection);
    selection->text = instance_path(e, instance);
    Collect collect = {.e = e, .selection = selection, .root = selection->text};
    instance_walk(instance, visit, &collect);
    return selection;
}

static const char *source_text(Elaborator *e, const Tree *tree) {
    const Source *source = &e->diagnostics->sources->items[tree->span.file];
    return arena_bytes(e->arena, source->text + tree->span.start, tree->span.end - tree->span.start);
}

typedef struct Names {
    const char *items[256];
    size_t count;
    const char *root;
} Names;

static void list_path(void *context, Instance *owner, Member *member) {
    Names *names = context;
    (void)owner;
    if (member->kind == MEMBER_PARAM && member->cell && names->count < 256) names->items[names->count++] = member->cell->name;
}

static Value nothing_matches(Elaborator *e, const Tree *tree, Value root) {
    const char *text = source_text(e, tree);
    bool has_parts = !value_ok(root) || root.kind == VALUE_INSTANCE || root.kind == VALUE_FUNCTION || root.kind == VALUE_SELECTION;
    if (!has_parts) {
        char buffer[KIND_TEXT];
        diagnose(e->diagnostics, "E0401", tree->span, "a selector looks into a model, and this is %s", value_describe(root, buffer));
        return value_none();
    }
    diagnose(e->diagnostics, "E0700", tree->span, "the selector '%s' matches no parameter", text);
    Names names = {0};
    if (!value_ok(root)) return value_none();
    if (root.kind == VALUE_INSTANCE) instance_walk(root.instance, list_path, &names);
    if (!names.count) {
        diagnose_help(e->diagnostics, "a model has parameters once it was applied to an input");
        return value_none();
    }
    const char *nearest = nearest_name(text, names.items, names.count);
    Text list = {0};
    for (size_t k = 0; k < names.count && k < 6; k++) text_addf(&list, "%s%s", k ? ", " : "", names.items[k]);
    diagnose_help(e->diagnostics, "%s%s%s%s", nearest ? "the nearest path is " : "there are: ", nearest ? nearest : text_string(&list),
                  nearest || names.count <= 6 ? "" : ", …", "");
    text_free(&list);
    return value_none();
}

static Value select_except(Elaborator *e, const Tree *tree, Scope *scope) {
    Value all = select_tree(e, tree->items[0], scope), without = select_tree(e, tree->items[1], scope);
    if (!value_ok(all) || !value_ok(without)) return value_none();
    Selection *selection = arena_alloc(e->arena, sizeof *selection);
    Collect collect = {.e = e, .selection = selection};
    selection->text = source_text(e, tree);
    for (int k = 0; k < all.selection->count; k++) {
        bool is_left_out = false;
        for (int j = 0; j < without.selection->count; j++)
            if (without.selection->items[j].member == all.selection->items[k].member) is_left_out = true;
        if (!is_left_out) add_selected(&collect, all.selection->items[k].owner, all.selection->items[k].member);
    }
    if (!selection->count) return nothing_matches(e, tree, value_none());
    return (Value){.kind = VALUE_SELECTION, .span = tree->span, .selection = selection};
}

/* A plain path names one parameter, or a part with everything below it. */
static Value select_plain(Elaborator *e, const Tree *tree, Scope *scope) {
    Value base = tree->kind == TREE_FIELD ? elaborate(e, tree->items[0], scope) : elaborate(e, tree, scope);
    if (!value_ok(base)) return base;
    Selection *selection = arena_alloc(e->arena, sizeof *selection);
    selection->text = source_text(e, tree);
    Collect collect = {.e = e, .selection = selection, .scope = scope};
    Member *member = tree->kind == TREE_FIELD && base.kind == VALUE_INSTANCE ? instance_member(base.instance, tree->name) : NULL;
    if (member) {
        add_selected(&collect, base.instance, member);
    } else {
        Value whole = tree->kind == TREE_FIELD ? elaborate(e, tree, scope) : base;
        if (!value_ok(whole)) return whole;
        if (whole.kind == VALUE_SELECTION) return whole;
        walk_value(e, whole, &collect);
        base = whole;
    }
    if (!selection->count) return nothing_matches(e, tree, base);
    return (Value){.kind = VALUE_SELECTION, .span = tree->span, .selection = selection};
}

Value select_tree(Elaborator *e, const Tree *tree, Scope *scope) {
    if (tree->kind == TREE_EXCEPT) return select_except(e, tree, scope);
    if (!is_selector(tree)) return select_plain(e, tree, scope);
    const char *pattern[32];
    int count = 0;
    const Tree *predicate = NULL, *at = tree;
    for (; at->kind == TREE_FIELD || at->kind == TREE_INDEX; at = at->items[0]) {
        if (at->kind == TREE_INDEX) predicate = at->items[1];
        else if (count < 32) pattern[count++] = at->name;
    }
    for (int k = 0; k < count / 2; k++) {
        const char *swap = pattern[k];
        pattern[k] = pattern[count - 1 - k];
        pattern[count - 1 - k] = swap;
    }
    Value root = elaborate(e, at, scope);
    if (!value_ok(root)) return root;
    Selection *selection = arena_alloc(e->arena, sizeof *selection);
    selection->text = source_text(e, tree);
    Collect collect = {.e = e, .selection = selection, .pattern = pattern, .pattern_count = count, .predicate = predicate, .scope = scope};
    walk_value(e, root, &collect);
    if (collect.failed) return value_none();
    if (!selection->count) return nothing_matches(e, tree, root);
    return (Value){.kind = VALUE_SELECTION, .span = tree->span, .selection = selection};
}
