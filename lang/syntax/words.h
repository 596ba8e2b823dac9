/* Which words are keywords where: the table words.def and the questions asked of it. */
#ifndef REG_SYNTAX_WORDS_H
#define REG_SYNTAX_WORDS_H

#include "lang/syntax/tokens.h"

/* The token that a word stands for, or TOKEN_NAME. `next` is the raw token behind it. */
int word_at_start(const char *word, FrameKind frame, const Token *next);
int word_behind_operand(const char *word);
int word_behind(const char *word, int previous, const Token *next);

/* True when a clause word of a train block was used elsewhere: for advice. */
bool word_is_clause(const char *word);
bool word_is_statement(const char *word);

/* The statement word or hook that may begin a statement here and is spelled nearly so, or NULL. */
const char *word_nearest(const char *word, FrameKind frame);

/* True when an operand can begin with this raw token. */
bool token_starts_operand(const Token *token);

#endif
