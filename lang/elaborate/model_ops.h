/* Operations on whole models: the table of built-ins, and what `let` does with a copy. */
#ifndef REG_ELABORATE_MODEL_OPS_H
#define REG_ELABORATE_MODEL_OPS_H

#include "lang/elaborate/elaborate.h"

extern const Builtin builtins_model[]; /* ends with a row without signature */

/* What `copy(net)` gives. */
Value copied_model(Elaborator *e, Value model, Span span);
/* Gives the cells of a copied model the paths of its new name. No effect on other models. */
void instance_settle_copy(Elaborator *e, Instance *instance);

#endif
