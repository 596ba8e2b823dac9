/* Operators on values. */
#ifndef REG_ELABORATE_OPERATOR_H
#define REG_ELABORATE_OPERATOR_H

#include "lang/elaborate/elaborate.h"

Value operate(Elaborator *e, const char *text, Value left, Value right, Span span);
Value operate_unary(Elaborator *e, const char *text, Value operand, Span span);

#endif
