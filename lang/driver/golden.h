/* Golden lines: `#> value` below (or behind) a statement is what the statement prints. */
#ifndef REG_DRIVER_GOLDEN_H
#define REG_DRIVER_GOLDEN_H

#include "lang/script/session.h"

typedef struct Golden {
    Text output, notes; /* what the case printed; what it reported, differences included */
    int lines;          /* golden places that were compared */
} Golden;

/* Runs a text in a session of its own and compares. `prelude`, where given, is run first in the same session. */
bool golden_run(Golden *golden, const SessionOptions *options, const char *path, const char *text, size_t length, const char *prelude);
void golden_free(Golden *golden);

/* Examples in doc comments: in a run of `##` lines, those of the form `## > code` and `## #> value`. The next run with examples at
 * or behind *offset, as a text in which all else is blank, so that places stay right; NULL when there is none. Freed by the caller. */
char *golden_example(const char *text, size_t length, size_t *offset);

/* The same for the scripts in a page of Markdown: each block that opens with ```reg. */
char *golden_block(const char *text, size_t length, size_t *offset);

#endif
