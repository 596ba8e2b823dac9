/* Computes only what is read, and only where it is not zero.
 *
 * The last position of a sequence is read, and a network has computed all of them; its derivative is then a tensor of zeros
 * but for that position, and more such tensors follow from it. Three sweeps over the graph: where a value can be other than
 * zero (downwards), which parts of it are read (upwards), and a rebuild in which every node computes those parts only. Slices
 * move up to where they cut nothing away, pads of zeros down to where the whole is asked for; both vanish on the way if they
 * meet. Nothing is known of derivatives: they are graph like the rest, so the pass works for any order of them. */
#ifndef REG_PASSES_NARROW_H
#define REG_PASSES_NARROW_H

#include "lang/passes/unit.h"

bool narrow(Unit *unit);

#endif
