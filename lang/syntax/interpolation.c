#include "lang/syntax/interpolation.h"

#include "lang/syntax/parser.h"

#include <string.h>

Interpolation interpolation_start(Arena *arena, Diagnostics *diagnostics, const Tree *string) {
    return (Interpolation){.arena = arena, .diagnostics = diagnostics, .string = string, .at = string->name, .place = string->span.start};
}

/* Braces are the same in the contents and in the source, whatever escapes stand between them. */
static bool find_brace(Interpolation *it) {
    const Source *source = &it->diagnostics->sources->items[it->string->span.file];
    while (it->place < it->string->span.end && it->place < source->length && source->text[it->place] != '{') it->place++;
    it->place++;
    return it->place <= it->string->span.end && it->place <= source->length && source->text[it->string->span.start] == '"';
}

static void move_span(Span *span, uint32_t file, Span to) {
    if (span->file != file) return;
    Span moved = {to.file, to.start + span->start, to.start + span->end};
    if (moved.end > to.end) moved.end = to.end;
    if (moved.start > moved.end) moved.start = moved.end;
    *span = moved;
}

static void move_tree(Tree *tree, uint32_t file, Span to) {
    if (!tree) return;
    move_span(&tree->span, file, to);
    move_span(&tree->name_span, file, to);
    for (int k = 0; k < tree->count; k++) move_tree(tree->items[k], file, to);
}

static Tree *parse_braces(Interpolation *it, const char *text, size_t length) {
    Diagnostics *diagnostics = it->diagnostics;
    size_t reported = diagnostics->count, errors = diagnostics->error_count;
    bool placed = find_brace(it);
    uint32_t file = sources_add(diagnostics->sources, "a string", text, length);
    Script script = parse_script(it->arena, file, diagnostics, NULL);
    Span to = {it->string->span.file, it->place, it->string->span.end};
    if (placed) move_tree(script.root, file, to);
    for (size_t k = reported; placed && k < diagnostics->count; k++) move_span(&diagnostics->items[k].span, file, to);
    for (size_t k = reported; placed && k < diagnostics->count; k++) move_span(&diagnostics->items[k].second_span, file, to);
    it->failed = diagnostics->error_count > errors;
    Tree *statement = script.root->count == 1 ? script.root->items[0] : NULL;
    return statement && statement->kind == TREE_EXPRESSION ? statement->items[0] : NULL;
}

bool interpolation_next(Interpolation *it, StringPart *part) {
    *part = (StringPart){.text = it->at};
    if (it->failed || !it->at || !*it->at) return false;
    const char *open = strchr(it->at, '{'), *close = open ? strchr(open, '}') : NULL;
    if (it->is_escaped) {
        it->is_escaped = false;
        part->length = 1;
        it->at++;
        return true;
    }
    if (open && open > it->at && open[-1] == '\\') {
        find_brace(it);
        it->is_escaped = true;
        part->length = (size_t)(open - it->at) - 1;
        it->at = open;
        return true;
    }
    if (!close) {
        part->length = strlen(it->at);
        it->at += part->length;
        return true;
    }
    part->expression = parse_braces(it, open + 1, (size_t)(close - open - 1));
    part->length = (size_t)((part->expression ? open : close + 1) - it->at);
    it->at = close + 1;
    return !it->failed;
}
