/* One sentence of advice for the slips that people make: habits of other languages, and words or braces in the wrong place. */
#ifndef REG_SYNTAX_SYNTAX_ADVICE_H
#define REG_SYNTAX_SYNTAX_ADVICE_H

#include "lang/syntax/build.h"
#include "lang/syntax/words.h"

/* A syntax error and what stands around it. */
typedef struct Situation {
    Parse *parse;
    const int *expected;
    int count;
    const Token *found;
    const Token *raw; /* the same, in the array of raw tokens, so that neighbours can be seen */
    const Tokens *tokens;
    const Frame *frame;
} Situation;

bool situation_expects(const Situation *at, int kind);

/* True when there is advice; it was added to `help`. */
bool syntax_advice(const Situation *at, Text *help);

#endif
