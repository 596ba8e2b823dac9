/* How the runtime says that something went wrong: a message and, where there is one, an edit that would help.
 *
 * A runtime function that can fail takes a Fault and returns false (or NULL) if and only if it filled it. The runtime knows
 * no source text; `lang/` turns a Fault into a diagnostic with a place. Messages are lower-case, one sentence, no period. */
#ifndef REG_BASE_FAULT_H
#define REG_BASE_FAULT_H

#include <stdbool.h>

typedef struct Fault {
    char message[1024];
    char help[512]; /* "" when there is no advice */
    int step;       /* index of the plan step that failed, -1 when none */
} Fault;

/* The message of work that was given up because the user asked for it (threads_watch). */
#define FAULT_INTERRUPTED "interrupted"

/* Both return false, so that `return fault_set(fault, "...")` reads well. A NULL fault is allowed. */
bool fault_set(Fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));
bool fault_help(Fault *fault, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
