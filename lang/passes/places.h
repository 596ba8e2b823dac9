/* Where in one slab each of several blocks lies that are needed from one step to another: blocks needed at the same time lie apart.
 * Best fit in the order of their first steps, or the largest first: whichever needs less. */
#ifndef REG_PASSES_PLACES_H
#define REG_PASSES_PLACES_H

#include <stddef.h>

enum { PLACES_ALIGNMENT = 64 };

typedef struct Place {
    int begin, end; /* the first and the last step that need it */
    size_t bytes;   /* a multiple of PLACES_ALIGNMENT, not 0 */
    size_t offset;  /* found here */
} Place;

/* `places` are in the order of `begin`. Returns the bytes of the slab. */
size_t places_find(Place *places, size_t count);

#endif
