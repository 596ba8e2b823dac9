/* Indexing of tensors, lists and splits. */
#ifndef REG_ELABORATE_INDEX_H
#define REG_ELABORATE_INDEX_H

#include "lang/elaborate/elaborate.h"

Value elaborate_index(Elaborator *e, const Tree *tree, Scope *scope);
/* The value of `target[items] <- value` as the whole new tensor. */
Value index_write(Elaborator *e, const Tree *target, Value base, Value value, Scope *scope);
/* Rows of every array of a split. */
Value rows_of_split(Elaborator *e, Value split, Value index, Span span);

#endif
