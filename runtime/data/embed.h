/* The files built into the program: the gzipped sets of runtime/data/sets, laid into the read-only data by the Makefile
 * (so that a start pays nothing for them) and inflated when one is asked for. */
#ifndef REG_DATA_EMBED_H
#define REG_DATA_EMBED_H

#include "runtime/base/fault.h"

#include <stddef.h>

typedef struct EmbeddedFile {
    const char *name; /* file name in runtime/data/sets */
    const char *start, *end;
} EmbeddedFile;

extern const EmbeddedFile embedded_files[];
extern const size_t embedded_file_count;

/* Defines SYMBOL and SYMBOL_end around the bytes of a file (path from the root of the sources). */
#define EMBED_FILE(SYMBOL, PATH) \
    __asm__(".section .rodata\n.balign 16\n.hidden " #SYMBOL "\n.globl " #SYMBOL "\n" #SYMBOL ": .incbin \"" PATH "\"\n" \
            ".hidden " #SYMBOL "_end\n.globl " #SYMBOL "_end\n" #SYMBOL "_end: .byte 0\n.previous\n"); \
    extern const char SYMBOL[], SYMBOL##_end[];

/* The inflated content of "NAME.gz" with a NUL after it, freed by the caller; NULL with a fault. */
char *embedded_read(const char *name, size_t *length, Fault *fault);

#endif
