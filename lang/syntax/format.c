/* The canonical text of a script. Works on tokens, so that comments and the user's line breaks stay where they are: what
 * changes is indentation, blanks between tokens, runs of blank lines, and the columns of comments behind code. Where the user
 * has aligned what follows the words of neighbouring lines, or their `=`, it stays aligned. */
#include "lang/syntax/grammar.h"
#include "lang/syntax/parser.h"
#include "lang/syntax/tokens.h"
#include "runtime/base/memory.h"
#include "runtime/base/width.h"

#include <stdlib.h>
#include <string.h>

enum { INDENT = 2, TERM_INDENT = 9 /* under the first term of `minimize ` */ };

/* A place in a line where blanks may align it with its neighbours. */
typedef struct Gap {
    size_t offset; /* in the code, of what follows the gap; 0: there is none */
    int columns;   /* before the gap */
    int run;       /* the user's blanks; at least 1 */
} Gap;

typedef enum Head { HEAD_NONE, HEAD_CLAUSE /* `using`, `batch`; not `keep best`, which reads on */, HEAD_NAME /* `let`, `data` */ } Head;

typedef struct Line {
    int indent;
    int level;   /* what it opens is indented from here: as `indent`, or as the line whose bracket it closes */
    int columns; /* of the code so far, indentation included */
    bool blank_before;
    size_t base;  /* number of the line whose bracket this one is indented from; 0: none */
    int hang;     /* the column in that line that it is indented to; 0: a level */
    bool is_term; /* a further term of `minimize` */
    size_t depth; /* of brackets, where it begins */
    size_t token_count;
    Head head;
    Gap behind_head, before_assign;
    Text code;
    Text comment;
} Line;

typedef struct Bracket {
    int kind;
    int indent;  /* the level of the line that opened it */
    size_t line; /* the number of that line */
    int hang;    /* the column of what follows the bracket on its line; 0: nothing does */
} Bracket;

typedef struct Formatter {
    const Source *source;
    const Tokens *tokens;
    size_t comment; /* the next one */
    uint32_t end;   /* of the last token or comment */
    struct {
        Line *items;
        size_t count;
        size_t capacity;
    } lines;
    struct {
        Bracket *items;
        size_t count;
        size_t capacity;
    } brackets;
    int previous; /* kind of the token before, NEWLINE included */
    int before;   /* the kind before that */
    bool unary;   /* the token before is a sign */
} Formatter;

static bool opens_block(int kind) {
    return kind == TOKEN_BLOCK || kind == TOKEN_CLAUSES || kind == TOKEN_MEMBERS || kind == TOKEN_ROWS || kind == TOKEN_ITEMS;
}

static bool opens(int kind) {
    return opens_block(kind) || kind == TOKEN_OPEN || kind == TOKEN_LAMBDA || kind == TOKEN_BRACKET || kind == TOKEN_MAKE ||
           kind == TOKEN_RECORD;
}

static bool closes(int kind) { return kind == TOKEN_CLOSE || kind == TOKEN_BRACKET_CLOSE || kind == TOKEN_BRACE_CLOSE; }

static const Bracket *innermost(const Formatter *formatter) {
    static const Bracket script = {TOKEN_BLOCK, -INDENT, 0, 0};
    return formatter->brackets.count > 0 ? &formatter->brackets.items[formatter->brackets.count - 1] : &script;
}

static int indent_inside(const Bracket *bracket) {
    return !opens_block(bracket->kind) && bracket->hang > 0 ? bracket->hang : bracket->indent + INDENT;
}

static int indent_of(const Formatter *formatter, int kind) {
    const Bracket *bracket = innermost(formatter);
    int inside = indent_inside(bracket);
    if (closes(kind)) return bracket->indent < 0 ? 0 : bracket->indent;
    if (!opens_block(bracket->kind)) return inside;
    int previous = formatter->previous;
    if (previous == TOKEN_NEXT_TERM) return inside + TERM_INDENT;
    bool starts = previous == TOKEN_NEWLINE || previous == 0 || opens_block(previous);
    return starts || (kind == TOKEN_ELSE && previous == TOKEN_BRACE_CLOSE) ? inside : inside + INDENT;
}

static Head head_of(const Formatter *formatter, int kind) {
    if (kind == TOKEN_LET || kind == TOKEN_DATA) return HEAD_NAME;
    if (innermost(formatter)->kind != TOKEN_CLAUSES) return HEAD_NONE;
    switch (kind) {
    case TOKEN_MINIMIZE:
    case TOKEN_USING:
    case TOKEN_WITH:
    case TOKEN_BATCH:
    case TOKEN_SEED:
    case TOKEN_WATCH:
    case TOKEN_CHECKPOINT:
    case TOKEN_LOG:
    case TOKEN_DRAW: return HEAD_CLAUSE;
    default: return HEAD_NONE;
    }
}

static bool blank_between(const Formatter *formatter, uint32_t start) {
    int newlines = 0;
    for (uint32_t i = formatter->end; i < start; i++) newlines += formatter->source->text[i] == '\n';
    return newlines > 1 && formatter->lines.count > 0;
}

static Line *new_line(Formatter *formatter, int indent, uint32_t start) {
    const Bracket *bracket = innermost(formatter);
    Line line = {.indent = indent,
                 .level = indent,
                 .columns = indent,
                 .blank_before = blank_between(formatter, start),
                 .base = bracket->line,
                 .hang = bracket->hang > 0 && indent == bracket->hang ? indent : 0,
                 .is_term = formatter->previous == TOKEN_NEXT_TERM,
                 .depth = formatter->brackets.count};
    list_push(&formatter->lines, line);
    return &formatter->lines.items[formatter->lines.count - 1];
}

/* Comments that stand before `start`: behind the line at hand, or on lines of their own. */
static void take_comments(Formatter *formatter, uint32_t start, int kind) {
    while (formatter->comment < formatter->tokens->comments.count) {
        const Comment *comment = &formatter->tokens->comments.items[formatter->comment];
        if (comment->span.start >= start) return;
        uint32_t end = comment->span.end;
        while (end > comment->span.start && strchr(" \t\r", formatter->source->text[end - 1])) end--;
        int indent = closes(kind) || kind == TOKEN_END ? indent_inside(innermost(formatter)) : indent_of(formatter, kind);
        bool own_line = comment->own_line || formatter->lines.count == 0;
        Line *line = own_line ? new_line(formatter, indent, comment->span.start) : &formatter->lines.items[formatter->lines.count - 1];
        text_add_bytes(own_line ? &line->code : &line->comment, formatter->source->text + comment->span.start, end - comment->span.start);
        formatter->end = comment->span.end;
        formatter->comment++;
    }
}

static void add_code(Line *line, const char *bytes, size_t length) {
    size_t start = line->code.length;
    text_add_bytes(&line->code, bytes, length);
    line->columns += text_columns(line->code.bytes + start);
}

/* Called between the blank and the token behind it. */
static void note_gap(const Formatter *formatter, Line *line, const Token *token) {
    Gap gap = {line->code.length, line->columns - 1, (int)(token->span.start - formatter->end)};
    if (line->token_count == 1) line->behind_head = gap;
    if (token->kind == TOKEN_ASSIGN && line->before_assign.offset == 0 && line->depth == formatter->brackets.count)
        line->before_assign = gap;
}

static bool in_index(const Formatter *formatter) { return innermost(formatter)->kind == TOKEN_BRACKET; }

/* A blank between the token before and this one, both on one line? The innermost bracket is the one around both. */
static bool blank_before(const Formatter *formatter, int kind, bool is_sign) {
    int previous = formatter->previous;
    if (previous == TOKEN_OPEN || previous == TOKEN_LAMBDA || previous == TOKEN_BRACKET || previous == TOKEN_MAKE ||
        previous == TOKEN_RECORD || previous == TOKEN_DOT || previous == TOKEN_RANGE || previous == TOKEN_POWER || formatter->unary)
        return false;
    bool behind_operand = token_ends_operand(previous);
    switch (kind) {
    case TOKEN_COMMA:
    case TOKEN_DOT:
    case TOKEN_RANGE:
    case TOKEN_POWER:
    case TOKEN_PERCENT:
    case TOKEN_MAKE:
    case TOKEN_CLOSE:
    case TOKEN_BRACKET_CLOSE: return false;
    case TOKEN_OPEN:
        return !behind_operand && previous != TOKEN_HOOK && previous != TOKEN_REFUSE && previous != TOKEN_GRADIENT &&
               previous != TOKEN_PROX;
    case TOKEN_BRACKET: return !(behind_operand && previous != TOKEN_COLON) && !(previous == TOKEN_COLON && in_index(formatter));
    case TOKEN_BRACE_CLOSE: return opens_block(innermost(formatter)->kind) && !opens_block(previous);
    case TOKEN_COLON: return in_index(formatter) && previous == TOKEN_COMMA;
    default: break;
    }
    if (previous == TOKEN_COLON && in_index(formatter)) return false;
    return !(is_sign && previous == TOKEN_COLON && in_index(formatter));
}

static void add_token(Formatter *formatter, const Token *token) {
    bool breaks = token->newline_before || formatter->lines.count == 0;
    take_comments(formatter, token->span.start, token->kind);
    bool is_sign = token->kind == TOKEN_MINUS && !token_ends_operand(formatter->previous);
    bool separated = formatter->previous == TOKEN_NEWLINE && !breaks;
    Line *line;
    if (breaks) {
        line = new_line(formatter, indent_of(formatter, token->kind), token->span.start);
        line->blank_before = line->blank_before && !closes(token->kind) && !opens_block(formatter->before);
    } else {
        line = &formatter->lines.items[formatter->lines.count - 1];
        if (separated) add_code(line, "; ", 2);
        else if (blank_before(formatter, token->kind, is_sign)) {
            add_code(line, " ", 1);
            if (line->comment.length == 0) note_gap(formatter, line, token);
        }
        if (formatter->brackets.count > 0 && opens(formatter->previous))
            formatter->brackets.items[formatter->brackets.count - 1].hang = line->columns;
    }
    if (line->token_count++ == 0) line->head = head_of(formatter, token->kind);
    if (closes(token->kind) && formatter->brackets.count > 0) {
        if (innermost(formatter)->line < formatter->lines.count) line->level = innermost(formatter)->indent;
        formatter->brackets.count--;
    }
    if (token->kind == TOKEN_WITH_REPLACEMENT) add_code(line, "with replacement", 16);
    else add_code(line, formatter->source->text + token->span.start, token->span.end - token->span.start);
    if (opens(token->kind)) {
        Bracket bracket = {token->kind, line->level, formatter->lines.count, 0};
        list_push(&formatter->brackets, bracket);
    }
    formatter->unary = is_sign;
    formatter->end = token->span.end;
}

static void format_tokens(Formatter *formatter, TokenStream *stream) {
    for (;;) {
        Token token = token_stream_next(stream);
        if (token.kind == TOKEN_END) break;
        if (token.kind != TOKEN_NEWLINE && token.kind != TOKEN_NEXT_TERM) add_token(formatter, &token);
        formatter->previous = token.kind;
        if (token.kind != TOKEN_NEWLINE) formatter->before = token.kind;
    }
    formatter->previous = TOKEN_NEWLINE;
    take_comments(formatter, UINT32_MAX, TOKEN_END);
}

/* --- alignment --- */

typedef Gap *GapOf(Line *line);

static Gap *gap_behind_head(Line *line) { return &line->behind_head; }
static Gap *gap_before_assign(Line *line) { return &line->before_assign; }

static void move_gap(Gap *gap, size_t bytes, int columns) {
    if (gap->offset > 0) gap->offset += bytes, gap->columns += columns;
}

static void move_line(Line *line, int extra) {
    line->indent += extra;
    line->columns += extra;
    line->hang += line->hang > 0 ? extra : 0;
    move_gap(&line->behind_head, 0, extra);
    move_gap(&line->before_assign, 0, extra);
}

/* Widens a gap, and moves the lines that hang on what stands behind it. */
static void widen(Formatter *formatter, size_t index, const Gap *at, int extra) {
    Line *lines = formatter->lines.items, *line = &lines[index];
    Gap gap = *at;
    Text code = {0};
    text_add_bytes(&code, line->code.bytes, gap.offset);
    text_add_repeat(&code, " ", extra);
    text_add_bytes(&code, line->code.bytes + gap.offset, line->code.length - gap.offset);
    text_free(&line->code);
    line->code = code;
    line->columns += extra;
    if (line->before_assign.offset > gap.offset) move_gap(&line->before_assign, (size_t)extra, extra);
    bool *moved = allocate(formatter->lines.count);
    bool in_terms = line->head == HEAD_CLAUSE && gap.offset == line->behind_head.offset;
    for (size_t k = index + 1; k < formatter->lines.count && lines[k].indent > line->indent; k++) {
        bool hangs = lines[k].base == index + 1 && lines[k].hang > gap.columns;
        moved[k] = hangs || (lines[k].is_term && in_terms && lines[k].base == line->base) ||
                   (lines[k].base > index + 1 && moved[lines[k].base - 1]);
        if (moved[k]) move_line(&lines[k], extra);
    }
    free(moved);
}

static bool is_clause_of(const Line *first, const Line *line) { return line->head == HEAD_CLAUSE && line->base == first->base; }

static bool is_neighbour(const Line *first, const Line *line) {
    return line->head == HEAD_NAME && line->indent == first->indent && !line->blank_before;
}

/* `minimize a = ...` and the terms below it are one column. */
static bool is_assign_neighbour(const Line *first, const Line *line) {
    bool aligned = line->is_term ? line->base == first->base : line->indent == first->indent && line->depth == first->depth;
    return line->before_assign.offset > 0 && aligned && !line->blank_before;
}

/* The members of a group of lines: the first, and those of first + 1..end that belong to it. */
typedef struct Group {
    Formatter *formatter;
    size_t first, end;
    bool (*belongs)(const Line *first, const Line *line);
    GapOf *gap_of;
} Group;

static const Gap *gap_in(const Group *group, size_t index) {
    Line *lines = group->formatter->lines.items;
    const Gap *gap = group->gap_of(&lines[index]);
    return gap->offset > 0 && (index == group->first || group->belongs(&lines[group->first], &lines[index])) ? gap : NULL;
}

/* Did the user put what stands behind the gaps of two lines into this column, with more than one blank? */
static bool is_aligned(const Group *group, int column) {
    int sharing = 0;
    bool is_wide = false;
    for (size_t k = group->first; k < group->end; k++) {
        const Gap *gap = gap_in(group, k);
        if (!gap || gap->columns + gap->run != column) continue;
        sharing++;
        is_wide = is_wide || gap->run > 1;
    }
    return sharing > 1 && is_wide;
}

static void align(const Group *group) {
    int column = 0;
    for (size_t k = group->first; k < group->end; k++) {
        const Gap *gap = gap_in(group, k);
        if (gap && gap->columns + gap->run > column && is_aligned(group, gap->columns + gap->run)) column = gap->columns + gap->run;
    }
    for (size_t k = group->first; k < group->end; k++) {
        const Gap *gap = gap_in(group, k);
        if (gap && column > gap->columns + 1) widen(group->formatter, k, gap, column - gap->columns - 1);
    }
}

static size_t neighbours_end(const Formatter *formatter, size_t first, bool (*belongs)(const Line *, const Line *)) {
    size_t end = first + 1;
    while (end < formatter->lines.count && belongs(&formatter->lines.items[first], &formatter->lines.items[end])) end++;
    return end;
}

static size_t block_end(const Formatter *formatter, size_t first) {
    size_t end = first + 1;
    while (end < formatter->lines.count && formatter->lines.items[end].indent >= formatter->lines.items[first].indent) end++;
    return end;
}

static void align_lines(Formatter *formatter) {
    const Line *lines = formatter->lines.items;
    size_t aligned = 0;
    for (size_t k = 0; k < formatter->lines.count; k++) {
        if (lines[k].head == HEAD_CLAUSE && k >= aligned)
            align(&(Group){formatter, k, aligned = block_end(formatter, k), is_clause_of, gap_behind_head});
        if (lines[k].head != HEAD_NAME) continue;
        size_t end = neighbours_end(formatter, k, is_neighbour);
        align(&(Group){formatter, k, end, is_neighbour, gap_behind_head});
        k = end - 1;
    }
    for (size_t k = 0; k < formatter->lines.count; k++) {
        if (lines[k].before_assign.offset == 0) continue;
        size_t end = neighbours_end(formatter, k, is_assign_neighbour);
        align(&(Group){formatter, k, end, is_assign_neighbour, gap_before_assign});
        k = end - 1;
    }
}

/* Comments behind neighbouring lines of code stand in one column. */
static void write_lines(const Formatter *formatter, Text *out) {
    size_t group_end = 0;
    int column = 0;
    for (size_t i = 0; i < formatter->lines.count; i++) {
        const Line *line = &formatter->lines.items[i];
        if (i >= group_end)
            for (column = 0, group_end = i; group_end < formatter->lines.count && formatter->lines.items[group_end].comment.length > 0 &&
                                            (group_end == i || !formatter->lines.items[group_end].blank_before);
                 group_end++) {
                int columns = formatter->lines.items[group_end].columns;
                if (columns > column) column = columns;
            }
        if (line->blank_before) text_add_char(out, '\n');
        text_add_repeat(out, " ", line->indent);
        text_add(out, text_string(&line->code));
        if (line->comment.length > 0) {
            text_add_repeat(out, " ", column - line->columns + 2);
            text_add(out, text_string(&line->comment));
        }
        text_add_char(out, '\n');
    }
}

static void formatter_free(Formatter *formatter) {
    for (size_t i = 0; i < formatter->lines.count; i++) {
        text_free(&formatter->lines.items[i].code);
        text_free(&formatter->lines.items[i].comment);
    }
    list_free(&formatter->lines);
    list_free(&formatter->brackets);
}

/* A text with errors is given back as it is. */
void format_script(const Script *script, const Source *source, Text *out) {
    (void)script;
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    uint32_t file = sources_add(&sources, source->path, source->text, source->length);
    Arena *arena = arena_new();
    Tokens tokens = {0};
    tokens_scan(&tokens, arena, file, &diagnostics);
    TokenStream *stream = allocate(sizeof *stream);
    token_stream_start(stream, &tokens, arena, &diagnostics);
    Formatter formatter = {.source = source, .tokens = &tokens};
    format_tokens(&formatter, stream);
    if (diagnostics.error_count > 0) text_add_bytes(out, source->text, source->length);
    else align_lines(&formatter), write_lines(&formatter, out);
    formatter_free(&formatter);
    free(stream);
    tokens_free(&tokens);
    arena_free(arena);
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
}
