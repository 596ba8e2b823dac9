/* Definitions and statements that the session shares with function bodies. */
#ifndef REG_ELABORATE_STATEMENT_H
#define REG_ELABORATE_STATEMENT_H

#include "lang/elaborate/elaborate.h"

/* True when the tree was a fn, loss, penalty, model or method, now defined in `scope`. */
bool define(Elaborator *e, const Tree *tree, Scope *scope, bool is_standard);
void define_function(Elaborator *e, const Tree *tree, Scope *scope);
void define_maker(Elaborator *e, const Tree *tree, Scope *scope, bool is_standard);
/* Nests of numbers become one constant tensor, in records too. */
Value settle_value(Elaborator *e, Value value);
/* The same for an argument, when it holds a fraction: lists of whole numbers may be sizes, and stay lists. */
Value settle_argument(Elaborator *e, Value value);
/* Runs `body` for every item of a FOR, its name bound in `scope`. */
bool for_each(Elaborator *e, const Tree *tree, Scope *scope, bool (*body)(Elaborator *, const Tree *, Scope *, void *), void *context);

/* What is unrolled, item by item. */
enum { ITEMS_MAX = 1000000 };
bool few_items(Elaborator *e, int64_t count, Span span); /* false after E0402 */

#endif
