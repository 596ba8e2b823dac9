/* A name for a content: 128 bits, so that two contents of the same name need not be thought of. Not for secrets. */
#ifndef REG_BASE_HASH_H
#define REG_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct Hash {
    uint64_t low, high;
} Hash;

Hash hash_start(void);
Hash hash_add(Hash hash, const void *bytes, size_t length);
enum { HASH_TEXT = 33 };
char *hash_text(Hash hash, char text[static HASH_TEXT]); /* 32 hexadecimal digits; returns text */

#endif
