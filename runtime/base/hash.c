#include "runtime/base/hash.h"

#include <stdio.h>

Hash hash_start(void) { return (Hash){0xcbf29ce484222325u, 0x9ae16a3b2f90404fu}; }

/* FNV-1a beside a rotating multiplication. */
Hash hash_add(Hash hash, const void *bytes, size_t length) {
    const unsigned char *at = bytes;
    for (size_t i = 0; i < length; i++) {
        hash.low = (hash.low ^ at[i]) * 0x100000001b3u;
        hash.high = ((hash.high << 29 | hash.high >> 35) ^ at[i]) * 0x9e3779b97f4a7c15u;
    }
    return hash;
}

static uint64_t finish(uint64_t x) {
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdu;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53u;
    return x ^ x >> 33;
}

char *hash_text(Hash hash, char text[static HASH_TEXT]) {
    snprintf(text, HASH_TEXT, "%016llx%016llx", (unsigned long long)finish(hash.low), (unsigned long long)finish(hash.high ^ hash.low));
    return text;
}
