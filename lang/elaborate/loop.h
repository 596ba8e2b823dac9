/* `loop (carry = init, …) until condition max N { … }`: a record of the carries' last values and `.steps`. */
#ifndef REG_ELABORATE_LOOP_H
#define REG_ELABORATE_LOOP_H

#include "lang/elaborate/elaborate.h"

Value elaborate_loop(Elaborator *e, const Tree *tree, Scope *scope);

#endif
