/* Every name of a script is checked before anything runs, used or not. Scopes follow the tree; what is not in a scope of the
 * script must be known outside it (built-in functions and makers, the standard library, earlier REPL input). */
#ifndef REG_NAMES_NAMES_H
#define REG_NAMES_NAMES_H

#include "lang/syntax/diagnostics.h"
#include "lang/syntax/tree.h"

/* Makers (models, methods, optimizers) and values (data, lets, functions) are separate namespaces. */
typedef enum NameSpace { NAMES_VALUES, NAMES_MAKERS } NameSpace;

/* What the script may use without defining it. */
typedef struct NameSource {
    void *context;
    bool (*knows)(void *context, NameSpace space, const char *name);
    /* Appends every known name, for suggestions. */
    void (*list)(void *context, NameSpace space, void (*add)(void *sink, const char *name), void *sink);
} NameSource;

/* True when no error was reported. Names defined by imported scripts must be known to `outside`. */
bool names_check(const Script *script, const NameSource *outside, Diagnostics *diagnostics);

#endif
