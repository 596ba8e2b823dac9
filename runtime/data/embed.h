/* The files built into the program: the gzipped sets of runtime/data/sets, laid into the read-only data by the Makefile. */
#ifndef REG_DATA_EMBED_H
#define REG_DATA_EMBED_H

#include <stddef.h>

typedef struct EmbeddedFile {
    const char *name; /* file name in runtime/data/sets */
    const char *start, *end;
} EmbeddedFile;

extern const EmbeddedFile embedded_files[];
extern const size_t embedded_file_count;

#endif
