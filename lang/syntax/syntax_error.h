/* Syntax errors in words: what was expected, what was found, and one sentence of advice for the common slips. */
#ifndef REG_SYNTAX_SYNTAX_ERROR_H
#define REG_SYNTAX_SYNTAX_ERROR_H

#include "lang/syntax/build.h"

/* Reports an error at the token handed out last, whose alternatives were `expected`, and moves the stream behind it. */
void syntax_error_report(Parse *parse, const int *expected, int count);

const char *token_name(int kind); /* as messages call it: "`let`", "a name" */

#endif
