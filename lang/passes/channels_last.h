/* Convolutions worth it, and what lies between them, get images whose channels lie last: [n, h, w, c], which is what the fastest
 * library wants (runtime/kernels/conv_last.h). Other ops read and give [n, c, h, w] as before; where the two meet, the images
 * are transposed. Users never see it. */
#ifndef REG_PASSES_CHANNELS_LAST_H
#define REG_PASSES_CHANNELS_LAST_H

#include "lang/passes/unit.h"

bool channels_last(Unit *unit);

#endif
