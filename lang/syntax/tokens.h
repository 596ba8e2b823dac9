/* Tokens: from text to what the grammar reads.
 *
 * The scanner (lexer.l) cuts the text into raw tokens and knows no context. The stream then decides, with any look-ahead, what
 * each one means where it stands: which newlines end statements, which words are keywords here, which brace makes, records
 * or opens a block, which stars are globs. The grammar (parser.y) sees only the outcome. */
#ifndef REG_SYNTAX_TOKENS_H
#define REG_SYNTAX_TOKENS_H

#include "lang/syntax/diagnostics.h"
#include "lang/syntax/tree.h"

typedef struct Token {
    int kind; /* TOKEN_* of the grammar; raw: every word that is not reserved is a NAME, every `{` a RECORD */
    Span span;
    bool space_before;
    bool newline_before;
    bool whole;       /* a number without point and exponent */
    const char *text; /* words, contents of strings; NULL for the rest */
    double number;
    int match; /* of a bracket: the index of its partner, -1 when it has none */
} Token;

typedef struct Tokens {
    Token *items; /* the last one is the end of file */
    size_t count;
    size_t capacity;
    struct {
        Comment *items;
        size_t count;
        size_t capacity;
    } comments;
} Tokens;

/* Scans source `file`; what cannot be read is reported and repaired or left out. Texts live in `arena`. */
void tokens_scan(Tokens *tokens, Arena *arena, uint32_t file, Diagnostics *diagnostics);
void tokens_free(Tokens *tokens);

/* What a pair of braces, or the script itself, holds. */
typedef enum FrameKind {
    FRAME_SCRIPT,
    FRAME_TRAIN,
    FRAME_ACTION,
    FRAME_METHOD,
    FRAME_TABLE,
    FRAME_PLOT,    /* newlines separate */
    FRAME_BRACKET, /* newlines are white space */
} FrameKind;

typedef struct Frame {
    FrameKind kind;
    int opener;   /* the token that opened it */
    size_t index; /* of that token */
    int head;     /* first token of the statement at hand */
    size_t head_index;
    bool committed; /* the statement at hand had its `<-` */
} Frame;

enum { NESTING_MAX = 500 };

typedef struct TokenStream {
    const Tokens *tokens;
    Diagnostics *diagnostics;
    size_t index; /* of the next raw token */
    size_t last;  /* where the token handed out last began */
    int previous; /* kind of the token handed out last */
    Frame frames[NESTING_MAX + 1];
    int depth;     /* index of the innermost frame */
    bool at_start; /* the next token begins a statement */
    bool stopped;  /* nothing more to be had: too deep, or no place to go on after an error */
    bool opened;   /* the last token opened a frame */
    bool half;     /* `<-` inside an expression: the `<` was handed out, the `-` comes next */
    Arena *arena;
} TokenStream;

void token_stream_start(TokenStream *stream, const Tokens *tokens, Arena *arena, Diagnostics *diagnostics);
Token token_stream_next(TokenStream *stream);
/* After a syntax error at `offending`: goes on behind the statement at hand. False when that token itself ends it. */
bool token_stream_recover(TokenStream *stream, const Token *offending);

bool token_ends_operand(int kind);
bool token_is_infix(int kind);

#endif
