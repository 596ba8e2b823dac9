#include "lang/syntax/parser.h"

#include "lang/syntax/build.h"
#include "lang/syntax/grammar.h"
#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 1000 };

/* Later stages walk trees by recursion; a tree that is too deep is refused here, with a walk that does not recurse. */
static bool shallow_enough(const Tree *tree, Diagnostics *diagnostics) {
    typedef struct Visit {
        const Tree *tree;
        int depth;
    } Visit;
    LIST(Visit) open = {0};
    Visit first = {tree, 0};
    list_push(&open, first);
    bool fine = true;
    while (open.count > 0 && fine) {
        Visit visit = open.items[--open.count];
        if (visit.depth > DEPTH_MAX) {
            diagnose(diagnostics, "E0100", visit.tree->span, "this is nested more than %d deep", DEPTH_MAX);
            diagnose_help(diagnostics, "name parts of it with `let`");
            fine = false;
        }
        for (int i = 0; i < visit.tree->count && fine; i++) {
            Visit item = {visit.tree->items[i], visit.depth + 1};
            if (item.tree) list_push(&open, item);
        }
    }
    list_free(&open);
    return fine;
}

static Comment *keep_comments(Arena *arena, const Tokens *tokens) {
    size_t bytes = tokens->comments.count * sizeof(Comment);
    Comment *comments = arena_alloc(arena, bytes + 1);
    if (bytes > 0) memcpy(comments, tokens->comments.items, bytes);
    return comments;
}

Script parse_script(Arena *arena, uint32_t file, Diagnostics *diagnostics, bool *incomplete) {
    Tokens tokens = {0};
    size_t errors = diagnostics->error_count;
    tokens_scan(&tokens, arena, file, diagnostics);
    bool scanned = diagnostics->error_count == errors;
    TokenStream *stream = allocate(sizeof *stream);
    token_stream_start(stream, &tokens, arena, diagnostics);
    Parse parse = {.arena = arena, .diagnostics = diagnostics, .stream = stream};
    reg_parse(&parse);

    Nodes kept = {0};
    for (int i = 0; i < parse.statements.count; i++)
        if (shallow_enough(parse.statements.items[i], diagnostics)) append(&parse, &kept, parse.statements.items[i]);
    Span whole = {file, 0, (uint32_t)diagnostics->sources->items[file].length};
    Script script = {.root = node(&parse, TREE_BLOCK, whole, 0, NULL, &kept),
                     .file = file,
                     .comments = keep_comments(arena, &tokens),
                     .comment_count = (int)tokens.comments.count};
    if (incomplete) *incomplete = parse.incomplete && scanned;
    free(stream);
    tokens_free(&tokens);
    return script;
}
