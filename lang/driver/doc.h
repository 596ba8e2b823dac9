/* What `reg doc` and the REPL's `:doc` say. */
#ifndef REG_DRIVER_DOC_H
#define REG_DRIVER_DOC_H

#include "runtime/base/text.h"

#include <stdbool.h>

/* Everything known under a name: words of the language, built-ins, standard library (maker and function both), data sets, error
 * codes. False when there is nothing of that name. */
bool doc_name(const char *name, Text *out);
/* The nearest known name (freed by the caller), NULL when none is near. */
char *doc_nearest(const char *name);
/* All names, by group. */
void doc_list(Text *out);
/* Every name that has a page, for completion. */
void doc_words(void (*add)(void *sink, const char *name), void *sink); /* those of the language alone */
void doc_each(void (*add)(void *sink, const char *name), void *sink);

#endif
