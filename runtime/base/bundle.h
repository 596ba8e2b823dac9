/* Files carried behind the text of an executable: how a compiled program holds its script, its imports and its kernels.
 *
 * Layout: the executable as it is, then for each file two 64-bit lengths, the name and the bytes, then a trailer that says where
 * the files begin. The system's loader reads none of it. */
#ifndef REG_BASE_BUNDLE_H
#define REG_BASE_BUNDLE_H

#include "runtime/base/fault.h"
#include "runtime/base/text.h"

#include <stdint.h>

typedef struct BundleFile {
    const char *name;
    const char *bytes; /* not NUL-terminated */
    size_t length;
} BundleFile;

typedef struct Bundle {
    BundleFile *files;
    int count;
    char *memory; /* names and bytes */
} Bundle;

/* Adds the files to `out`, which holds the executable, and marks it as one that carries files. */
void bundle_append(Text *out, const BundleFile *files, int count);
bool bundle_is_due(void); /* is the running executable one that carries files? */
/* What the running executable carries; false when that is nothing, or damaged (then bundle_is_due). */
bool bundle_open(Bundle *bundle);
const BundleFile *bundle_find(const Bundle *bundle, const char *name); /* NULL: not there, or no bundle */
void bundle_close(Bundle *bundle);
/* The bytes of the running executable, which carries nothing. NULL with a fault. */
char *bundle_executable(size_t *length, Fault *fault);

#endif
