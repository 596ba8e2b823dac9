#include "lang/syntax/tokens.h"

#include "lang/syntax/grammar.h"
#include "lang/syntax/words.h"

#include <string.h>

bool token_ends_operand(int kind) {
    switch (kind) {
    case TOKEN_NAME:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_CLOSE:
    case TOKEN_BRACKET_CLOSE:
    case TOKEN_BRACE_CLOSE:
    case TOKEN_EPOCHS:
    case TOKEN_STEPS:
    case TOKEN_PERCENT:
    case TOKEN_GLOB:
    case TOKEN_ELLIPSIS:
    case TOKEN_ALL: return true;
    default: return false;
    }
}

bool token_is_infix(int kind) {
    switch (kind) {
    case TOKEN_PLUS:
    case TOKEN_MINUS:
    case TOKEN_STAR:
    case TOKEN_SLASH:
    case TOKEN_FLOOR:
    case TOKEN_MODULO:
    case TOKEN_MATMUL:
    case TOKEN_POWER:
    case TOKEN_EQ:
    case TOKEN_NE:
    case TOKEN_LT:
    case TOKEN_LE:
    case TOKEN_GT:
    case TOKEN_GE:
    case TOKEN_AND:
    case TOKEN_OR:
    case TOKEN_PIPE:
    case TOKEN_RANGE:
    case TOKEN_EXCEPT: return true;
    default: return false;
    }
}

/* A line that ends so goes on in the next one. */
static bool continues(int previous, int next) {
    if (next == TOKEN_PIPE || next == TOKEN_ELSE || next == TOKEN_THEN) return true;
    if (token_is_infix(previous)) return true;
    switch (previous) {
    case TOKEN_COMMA:
    case TOKEN_ASSIGN:
    case TOKEN_ARROW:
    case TOKEN_THEN:
    case TOKEN_ELSE:
    case TOKEN_COMMIT:
    case TOKEN_TILDE:
    case TOKEN_COLON:
    case TOKEN_NOT: return true;
    default: return false;
    }
}

void token_stream_start(TokenStream *stream, const Tokens *tokens, Arena *arena, Diagnostics *diagnostics) {
    *stream = (TokenStream){.tokens = tokens, .arena = arena, .diagnostics = diagnostics, .at_start = true};
}

static Frame *top(TokenStream *stream) { return &stream->frames[stream->depth]; }

static const Token *raw(const TokenStream *stream, size_t index) {
    size_t last = stream->tokens->count - 1;
    return &stream->tokens->items[index < last ? index : last];
}

/* Behind a star of a glob: nothing that would make the star a product. */
static bool ends_glob(const Token *next) {
    if (next->newline_before || !token_starts_operand(next)) return true;
    return next->kind == TOKEN_BRACKET && !next->space_before
               ? true
               : next->kind == TOKEN_NAME && next->space_before && word_behind_operand(next->text) != TOKEN_NAME;
}

/* Behind a dot: `**`, `*`, `conv*`, `*norm`, one token; else a plain field of any word. Returns the number of raw tokens. */
static size_t glob_length(const TokenStream *stream) {
    size_t count = 0, stars = 0;
    for (;; count++) {
        const Token *token = raw(stream, stream->index + count);
        if (count > 0 && token->space_before) break;
        bool star = token->kind == TOKEN_STAR || token->kind == TOKEN_STAR_STAR;
        if (!star && !token->text) break;
        if (!star && count > 1 && raw(stream, stream->index)->text) return 1; /* x.y*z */
        stars += star;
    }
    if (stars == 0 || count == 0) return 1;
    bool first_is_word = raw(stream, stream->index)->text != NULL;
    return first_is_word && !ends_glob(raw(stream, stream->index + count)) ? 1 : count;
}

static Token field(TokenStream *stream) {
    Token token = *raw(stream, stream->index);
    bool star = token.kind == TOKEN_STAR || token.kind == TOKEN_STAR_STAR;
    if (!star && (!token.text || token.kind == TOKEN_STRING)) return token;
    size_t count = glob_length(stream);
    if (count == 1 && !star) {
        token.kind = TOKEN_NAME;
        return token;
    }
    Text text = {0};
    for (size_t i = 0; i < count; i++) {
        const Token *part = raw(stream, stream->index + i);
        text_add(&text, part->text ? part->text : part->kind == TOKEN_STAR ? "*" : "**");
        token.span.end = part->span.end;
    }
    token.text = arena_string(stream->arena, text_string(&text));
    text_free(&text);
    token.kind = TOKEN_GLOB;
    stream->index += count - 1;
    return token;
}

/* `gradient(g) = …` under a fn or loss, `prox(w, t) = …` under a penalty: part of the statement above. */
static int rule_of(const TokenStream *stream, const Token *token) {
    const Token *open = raw(stream, stream->index + 1);
    if (stream->frames[stream->depth].kind != FRAME_SCRIPT || token->kind != TOKEN_NAME || open->kind != TOKEN_OPEN || open->match < 0)
        return 0;
    int behind = raw(stream, (size_t)open->match + 1)->kind;
    if (behind != TOKEN_ASSIGN && behind != TOKEN_RECORD) return 0;
    int head = stream->frames[stream->depth].head;
    if (!strcmp(token->text, "gradient") && (head == TOKEN_FN || head == TOKEN_LOSS)) return TOKEN_GRADIENT;
    if (!strcmp(token->text, "prox") && head == TOKEN_PENALTY) return TOKEN_PROX;
    return 0;
}

static FrameKind frame_of_block(const TokenStream *stream, int *opener) {
    const Frame *frame = &stream->frames[stream->depth];
    *opener = TOKEN_BLOCK;
    if (frame->kind == FRAME_BRACKET) return FRAME_SCRIPT;
    switch (frame->head) {
    case TOKEN_TRAIN: *opener = TOKEN_CLAUSES; return FRAME_TRAIN;
    case TOKEN_METHOD: *opener = TOKEN_MEMBERS; return FRAME_METHOD;
    case TOKEN_TABLE: *opener = TOKEN_ROWS; return FRAME_TABLE;
    case TOKEN_PLOT: *opener = TOKEN_ITEMS; return FRAME_PLOT;
    case TOKEN_EVERY:
    case TOKEN_AT: return FRAME_ACTION;
    case TOKEN_FOR:
        if (frame->kind != FRAME_TABLE) return FRAME_SCRIPT;
        *opener = TOKEN_ROWS;
        return FRAME_TABLE;
    default: return FRAME_SCRIPT;
    }
}

static bool takes_body(int head) {
    switch (head) {
    case TOKEN_FN:
    case TOKEN_LOSS:
    case TOKEN_PENALTY:
    case TOKEN_MODEL:
    case TOKEN_METHOD:
    case TOKEN_HOOK:
    case TOKEN_FOR:
    case TOKEN_IF:
    case TOKEN_TRAIN:
    case TOKEN_EVERY:
    case TOKEN_AT: return true;
    default: return false;
    }
}

/* Is the statement at hand, or the loop, about to open its body? `fn f(x){`, `until f(x){`; but not `fn f(x) = makers[0]{`. */
static bool awaits_body(const TokenStream *stream) {
    const Frame *frame = &stream->frames[stream->depth];
    bool awaits = frame->kind != FRAME_BRACKET && takes_body(frame->head);
    for (size_t i = frame->kind == FRAME_BRACKET ? frame->index + 1 : frame->head_index; i < stream->index; i++) {
        const Token *token = raw(stream, i);
        bool is_rule = token->newline_before && token->text && (!strcmp(token->text, "gradient") || !strcmp(token->text, "prox"));
        if (is_rule || (token->kind == TOKEN_NAME && !strcmp(token->text, "until"))) awaits = true;
        else if (token->kind == TOKEN_ASSIGN || token->kind == TOKEN_THEN) awaits = false;
        if (token->match > (int)i) i = (size_t)token->match;
    }
    return awaits;
}

/* Touching an operand: makes. Behind an operand or a word that wants a block: opens one. Else the first words tell. */
static int brace(const TokenStream *stream, const Token *token) {
    int previous = stream->previous;
    bool is_behind_bracket = previous == TOKEN_CLOSE || previous == TOKEN_BRACKET_CLOSE;
    bool touches = !token->space_before &&
                   (previous == TOKEN_NAME || previous == TOKEN_GLOB || (is_behind_bracket && !awaits_body(stream)));
    if (touches) return TOKEN_MAKE;
    if (token_ends_operand(previous) || previous == TOKEN_TABLE || previous == TOKEN_PLOT) return TOKEN_BLOCK;
    const Token *first = token + 1;
    if (first->kind == TOKEN_BRACE_CLOSE) return previous == TOKEN_ELSE || previous == TOKEN_THEN ? TOKEN_BLOCK : TOKEN_RECORD;
    bool field_follows = first->kind == TOKEN_NAME && (first[1].kind == TOKEN_ASSIGN || first[1].kind == TOKEN_COLON);
    return field_follows ? TOKEN_RECORD : TOKEN_BLOCK;
}

static void open_frame(TokenStream *stream, Token *token) {
    FrameKind kind = FRAME_BRACKET;
    if (token->kind == TOKEN_BLOCK) kind = frame_of_block(stream, &token->kind);
    if (stream->depth == NESTING_MAX) {
        diagnose(stream->diagnostics, "E0100", token->span, "brackets are nested more than %d deep", NESTING_MAX);
        stream->stopped = true;
        return;
    }
    stream->opened = true;
    stream->frames[++stream->depth] = (Frame){.kind = kind, .opener = token->kind, .index = stream->index};
    stream->at_start = kind != FRAME_BRACKET;
}

static bool closes(const Frame *frame, int kind) {
    if (kind == TOKEN_CLOSE) return frame->opener == TOKEN_OPEN || frame->opener == TOKEN_LAMBDA;
    if (kind == TOKEN_BRACKET_CLOSE) return frame->opener == TOKEN_BRACKET;
    return frame->opener != TOKEN_OPEN && frame->opener != TOKEN_LAMBDA && frame->opener != TOKEN_BRACKET && frame->opener != 0;
}

static int word(const TokenStream *stream, const Token *token, const Token *next) {
    const Frame *frame = &stream->frames[stream->depth];
    if (stream->at_start && frame->kind != FRAME_BRACKET) return word_at_start(token->text, frame->kind, next);
    if (token_ends_operand(stream->previous)) return word_behind_operand(token->text);
    return word_behind(token->text, stream->previous, next);
}

/* `50%`, but `a % b` and `50 % 3`. */
static bool is_percent(const TokenStream *stream, const Token *token, const Token *next) {
    if (stream->previous != TOKEN_NUMBER || token->space_before) return false;
    if (next->newline_before || next->kind == TOKEN_MINUS || !token_starts_operand(next)) return true;
    if (next->kind == TOKEN_RECORD) return true;
    return next->kind == TOKEN_NAME && word_behind_operand(next->text) != TOKEN_NAME;
}

/* `m <- e` commits only as a statement of its own; elsewhere `a<-b` compares with -b. */
static bool is_commit(const TokenStream *stream) {
    const Frame *frame = &stream->frames[stream->depth];
    return frame->kind != FRAME_BRACKET && frame->head == TOKEN_NAME && !frame->committed;
}

/* The `<` now, the `-` with the next call. */
static Token split_commit(TokenStream *stream, Token token) {
    token.kind = stream->half ? TOKEN_MINUS : TOKEN_LT;
    if (stream->half) token.span.start++;
    else token.span.end--;
    stream->half = !stream->half;
    return token;
}

/* What the raw token means here. May take further raw tokens by moving `index`. */
static Token classify(TokenStream *stream) {
    Token token = *raw(stream, stream->index);
    const Token *here = raw(stream, stream->index);
    const Token *next = raw(stream, stream->index + 1);
    if (stream->previous == TOKEN_DOT) return field(stream);
    switch (token.kind) {
    case TOKEN_NAME: token.kind = word(stream, here, next); break;
    case TOKEN_RECORD: token.kind = brace(stream, here); break;
    case TOKEN_OPEN:
        if (!token_ends_operand(stream->previous) && token.match >= 0 && stream->previous != TOKEN_HOOK &&
            stream->previous != TOKEN_REFUSE && raw(stream, (size_t)token.match + 1)->kind == TOKEN_ARROW)
            token.kind = TOKEN_LAMBDA;
        break;
    case TOKEN_MODULO:
        if (is_percent(stream, here, next)) token.kind = TOKEN_PERCENT;
        break;
    case TOKEN_STAR_STAR:
        diagnose(stream->diagnostics, "E0100", token.span, "there is no '**' in Reg");
        diagnose_help(stream->diagnostics, "a power is written with `^`");
        token.kind = TOKEN_POWER;
        break;
    case TOKEN_COMMIT:
        if (!stream->half && is_commit(stream)) top(stream)->committed = true;
        else token = split_commit(stream, token);
        break;
    case TOKEN_WITH:
        if (top(stream)->head == TOKEN_BATCH && next->kind == TOKEN_NAME && !strcmp(next->text, "replacement")) {
            token.kind = TOKEN_WITH_REPLACEMENT;
            token.span.end = next->span.end;
            stream->index++;
        }
        break;
    default: break;
    }
    return token;
}

static Token hand_out(TokenStream *stream, Token token) {
    stream->previous = token.kind;
    return token;
}

/* Between statements: a NEWLINE, nothing where the statement above goes on, NEXT_TERM between terms of `minimize`. */
static bool separate(TokenStream *stream, Token *separator) {
    Frame *frame = top(stream);
    bool semicolon = false;
    while (frame->kind != FRAME_BRACKET && raw(stream, stream->index)->kind == TOKEN_SEMICOLON) {
        semicolon = true;
        stream->index++;
    }
    const Token *token = raw(stream, stream->index);
    if (stream->at_start || stream->previous == TOKEN_NEXT_TERM || frame->kind == FRAME_BRACKET) return false;
    if (!semicolon && (!token->newline_before || continues(stream->previous, token->kind))) return false;
    if (token->kind == TOKEN_BRACE_CLOSE || token->kind == TOKEN_END) return false;
    *separator = *token;
    separator->text = NULL;
    uint32_t end = stream->index > 0 ? token[-1].span.end : token->span.start;
    separator->span = (Span){token->span.file, end, end};
    separator->kind = TOKEN_NEWLINE;
    int rule = rule_of(stream, token);
    if (rule) {
        *separator = *token;
        separator->kind = rule;
        stream->index++;
        return true;
    }
    if (frame->kind == FRAME_TRAIN && frame->head == TOKEN_MINIMIZE && token->kind == TOKEN_NAME &&
        raw(stream, stream->index + 1)->kind == TOKEN_ASSIGN) {
        separator->kind = TOKEN_NEXT_TERM;
        return true;
    }
    stream->at_start = true;
    return true;
}

static Token end_of(const TokenStream *stream) {
    Token end = *raw(stream, stream->tokens->count - 1);
    end.kind = TOKEN_END;
    return end;
}

Token token_stream_next(TokenStream *stream) {
    Token token;
    stream->opened = false;
    if (stream->stopped) return end_of(stream);
    stream->last = stream->index;
    if (separate(stream, &token)) return hand_out(stream, token);
    token = classify(stream);
    if (stream->at_start) {
        top(stream)->head = token.kind;
        top(stream)->head_index = stream->index;
        top(stream)->committed = false;
        stream->at_start = false;
    }
    switch (token.kind) {
    case TOKEN_OPEN:
    case TOKEN_LAMBDA:
    case TOKEN_BRACKET:
    case TOKEN_RECORD:
    case TOKEN_MAKE:
    case TOKEN_BLOCK: open_frame(stream, &token); break;
    case TOKEN_CLOSE:
    case TOKEN_BRACKET_CLOSE:
    case TOKEN_BRACE_CLOSE:
        if (stream->depth > 0 && closes(top(stream), token.kind)) stream->depth--;
        break;
    default: break;
    }
    if (stream->stopped) return end_of(stream);
    if (token.kind != TOKEN_END && !stream->half) stream->index++;
    return hand_out(stream, token);
}

/* Skips to the end of the statement at hand, over whole brackets; false when one of them never closes. */
static bool skip_statement(TokenStream *stream) {
    for (;;) {
        const Token *token = raw(stream, stream->index);
        if (token->kind == TOKEN_END || token->kind == TOKEN_BRACE_CLOSE || token->kind == TOKEN_SEMICOLON) return true;
        if (token->newline_before && token->kind != TOKEN_PIPE && token->kind != TOKEN_ELSE) return true;
        bool opens = token->kind == TOKEN_OPEN || token->kind == TOKEN_BRACKET || token->kind == TOKEN_RECORD;
        if (opens && token->match < 0) return false;
        stream->index = (opens ? (size_t)token->match : stream->index) + 1;
    }
}

bool token_stream_recover(TokenStream *stream, const Token *offending) {
    if (stream->stopped || offending->kind == TOKEN_END) return false;
    bool bracket = false;
    size_t outermost = 0;
    while (stream->depth > 0 && (top(stream)->kind == FRAME_BRACKET || stream->opened)) {
        outermost = top(stream)->index;
        stream->opened = false;
        stream->depth--;
        bracket = true;
    }
    if (bracket) {
        int match = raw(stream, outermost)->match;
        if (match >= 0) stream->index = (size_t)match + 1;
        else if (offending->kind == TOKEN_BRACE_CLOSE || (offending->newline_before && stream->last > outermost))
            stream->index = stream->last; /* the bracket was forgotten: this ends or begins a statement */
        else stream->stopped = true;
    } else if (offending->kind == TOKEN_NEWLINE || offending->kind == TOKEN_NEXT_TERM || offending->kind == TOKEN_BRACE_CLOSE) {
        return false;
    }
    if (!stream->stopped && !skip_statement(stream)) stream->stopped = true;
    stream->previous = TOKEN_CLOSE;
    stream->at_start = stream->half = false;
    return true;
}
