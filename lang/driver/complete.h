/* What could stand at the cursor: names, fields behind a dot, commands of the REPL. Knows nothing of readline. */
#ifndef REG_DRIVER_COMPLETE_H
#define REG_DRIVER_COMPLETE_H

#include "lang/script/session.h"

typedef struct Candidates {
    char **items; /* each freed by candidates_free */
    size_t count, capacity;
} Candidates;

/* The names that begin with `word`, which stands behind `before` on the same line; sorted, each once. */
void complete(Session *session, const char *before, const char *word, Candidates *out);
void candidates_free(Candidates *candidates);

/* The commands that begin with a colon: ":doc", …, NULL. */
extern const char *const repl_commands[];

#endif
