#include "lang/syntax/words.h"

#include "lang/syntax/grammar.h"

#include <string.h>

/* What must stand behind a statement word for it to be one. */
typedef enum Follow {
    FOLLOW_NAME,         /* a name */
    FOLLOW_VALUE,        /* anything that starts an operand */
    FOLLOW_SPACED_VALUE, /* the same, but `word(` `word[` and `word - x` stay expressions */
    FOLLOW_TITLE,        /* a string or a brace */
} Follow;

enum {
    IN_SCRIPT = 1 << FRAME_SCRIPT | 1 << FRAME_ACTION,
    IN_ACTION = 1 << FRAME_ACTION,
    IN_TRAIN = 1 << FRAME_TRAIN,
    IN_METHOD = 1 << FRAME_METHOD,
    IN_TABLE = 1 << FRAME_TABLE,
};

static const struct StatementWord {
    const char *word;
    int token;
    int frames;
    Follow follow;
} statement_words[] = {
#define STATEMENT(word, token, frames, follow) {word, token, frames, follow},
#include "lang/syntax/words.def"
};

static const struct InfixWord {
    const char *word;
    int token;
} infix_words[] = {
#define INFIX(word, token) {word, token},
#include "lang/syntax/words.def"
};

static const struct AfterWord {
    const char *word;
    int token;
    int previous;
} after_words[] = {
#define AFTER(word, token, previous) {word, token, previous},
#include "lang/syntax/words.def"
};

static const char *const hook_words[] = {
#define HOOK(word) word,
#include "lang/syntax/words.def"
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

bool token_starts_operand(const Token *token) {
    switch (token->kind) {
    case TOKEN_NAME:
    case TOKEN_NUMBER:
    case TOKEN_STRING:
    case TOKEN_TRUE:
    case TOKEN_FALSE:
    case TOKEN_NOT:
    case TOKEN_IF:
    case TOKEN_LOOP:
    case TOKEN_OPEN:
    case TOKEN_BRACKET:
    case TOKEN_MINUS: return true;
    case TOKEN_RECORD: return token->space_before;
    default: return false;
    }
}

static bool follows(Follow follow, const Token *next) {
    if (next->newline_before) return false;
    bool touches = !next->space_before && (next->kind == TOKEN_OPEN || next->kind == TOKEN_BRACKET);
    switch (follow) {
    case FOLLOW_NAME: return next->kind == TOKEN_NAME;
    case FOLLOW_VALUE: return token_starts_operand(next) && !(next->kind == TOKEN_BRACKET && touches);
    case FOLLOW_SPACED_VALUE:
        if (next->kind == TOKEN_MINUS) return next->space_before && !next[1].space_before;
        return token_starts_operand(next) && !touches;
    case FOLLOW_TITLE: return next->kind == TOKEN_STRING || (next->kind == TOKEN_RECORD && next->space_before);
    }
    return false;
}

int word_at_start(const char *word, FrameKind frame, const Token *next) {
    if (frame == FRAME_METHOD && next->kind == TOKEN_OPEN)
        for (size_t i = 0; i < COUNT(hook_words); i++)
            if (!strcmp(word, hook_words[i])) return TOKEN_HOOK;
    for (size_t i = 0; i < COUNT(statement_words); i++)
        if (!strcmp(word, statement_words[i].word) && (statement_words[i].frames >> frame & 1) && follows(statement_words[i].follow, next))
            return statement_words[i].token;
    return TOKEN_NAME;
}

int word_behind_operand(const char *word) {
    for (size_t i = 0; i < COUNT(infix_words); i++)
        if (!strcmp(word, infix_words[i].word)) return infix_words[i].token;
    return TOKEN_NAME;
}

/* `every epoch {`, `after epoch 5`, but `every epoch + 1 steps`. */
static bool unit_fits(const Token *next) {
    if (next->newline_before || next->kind == TOKEN_RECORD || next->kind == TOKEN_COLON || next->kind == TOKEN_NUMBER) return true;
    if (next->kind == TOKEN_NAME) return word_behind_operand(next->text) != TOKEN_EPOCHS && word_behind_operand(next->text) != TOKEN_STEPS;
    return next->kind == TOKEN_END || next->kind == TOKEN_BRACE_CLOSE || next->kind == TOKEN_SEMICOLON;
}

static bool header_fits(const Token *next) {
    bool touches = !next->space_before && (next->kind == TOKEN_OPEN || next->kind == TOKEN_BRACKET || next->kind == TOKEN_RECORD);
    return token_starts_operand(next) && !touches && next->kind != TOKEN_MINUS;
}

int word_behind(const char *word, int previous, const Token *next) {
    bool ends = next->newline_before || !token_starts_operand(next);
    if (previous == TOKEN_BATCH && !strcmp(word, "all") && ends && next->kind != TOKEN_DOT) return TOKEN_ALL;
    if (previous == TOKEN_MINIMIZE && !strcmp(word, "eval") &&
        (next->kind == TOKEN_COLON || (next->kind == TOKEN_NAME && word_behind_operand(next->text) != TOKEN_NAME)))
        return TOKEN_EVAL;
    for (size_t i = 0; i < COUNT(after_words); i++) {
        if (strcmp(word, after_words[i].word) || previous != after_words[i].previous) continue;
        int token = after_words[i].token;
        bool fits = token == TOKEN_EPOCHS || token == TOKEN_STEPS                                 ? unit_fits(next)
                    : previous == TOKEN_MINIMIZE || previous == TOKEN_EVAL || token == TOKEN_RANK ? header_fits(next)
                                                                                                  : true;
        if (fits) return token;
    }
    return TOKEN_NAME;
}

bool word_is_clause(const char *word) {
    for (size_t i = 0; i < COUNT(statement_words); i++)
        if (!strcmp(word, statement_words[i].word)) return (statement_words[i].frames & IN_TRAIN) != 0;
    return !strcmp(word, "with");
}

bool word_is_statement(const char *word) {
    for (size_t i = 0; i < COUNT(statement_words); i++)
        if (!strcmp(word, statement_words[i].word)) return true;
    return false;
}

const char *word_nearest(const char *word, FrameKind frame) {
    static const char *const reserved[] = {"let", "fn", "for", "import"};
    const char *candidates[COUNT(statement_words) + COUNT(hook_words) + COUNT(reserved)];
    size_t count = 0;
    for (size_t i = 0; frame == FRAME_SCRIPT && i < COUNT(reserved); i++) candidates[count++] = reserved[i];
    for (size_t i = 0; i < COUNT(statement_words); i++)
        if (statement_words[i].frames >> frame & 1) candidates[count++] = statement_words[i].word;
    for (size_t i = 0; frame == FRAME_METHOD && i < COUNT(hook_words); i++) candidates[count++] = hook_words[i];
    return nearest_name(word, candidates, count);
}
