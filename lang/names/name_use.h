/* Uses of names: found, or reported with the nearest right one. */
#ifndef REG_NAMES_NAME_USE_H
#define REG_NAMES_NAME_USE_H

#include "lang/names/name_scope.h"

typedef struct NameCheck {
    const NameSource *outside;
    Diagnostics *diagnostics;
    Arena *arena;     /* for what stands in the braces of strings */
    NameScope *scope; /* the innermost */
    NameScope later;  /* everything that the script defines at its top, also further down */
    int deferred;     /* > 0: in a body that runs when called, so that later definitions count */
    struct {
        const char **items;
        size_t count;
        size_t capacity;
    } reported; /* each unknown name is reported once */
} NameCheck;

bool name_is_known(const NameCheck *check, NameSpace space, const char *name);

void use_value(NameCheck *check, const Tree *name);
/* `call` is the whole construct, for advice. */
void use_function(NameCheck *check, const Tree *name, const Tree *call);
void use_maker(NameCheck *check, const Tree *name);
void use_method(NameCheck *check, const char *name, Span span); /* of `net without METHOD`: a maker or a made method */
bool use_penalty(NameCheck *check, const Tree *name); /* `with l2{…}`: a function where a method should stand; true when reported */
void use_made(NameCheck *check, const Tree *name);    /* of `with NAME`, `using NAME`: made already */

#endif
