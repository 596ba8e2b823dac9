/* Indexing of tensors, lists and splits. */
#ifndef REG_ELABORATE_INDEX_H
#define REG_ELABORATE_INDEX_H

#include "lang/elaborate/elaborate.h"

Value elaborate_index(Elaborator *e, const Tree *tree, Scope *scope);
/* The value of `target[items] <- value` as the whole new tensor. */
Value index_write(Elaborator *e, const Tree *target, Value base, Value value, Scope *scope);
/* Whole numbers from the end (-1 the last) as places of a dimension of `size`, where they are known while compiling or single numbers.
 * A tensor of indices that is computed counts from 0: looking at each would cost as much as reading. */
Node *index_from_end(Elaborator *e, Node *index, int64_t size);
/* Rows of every array of a split. */
Value rows_of_split(Elaborator *e, Value split, Value index, Span span);

#endif
