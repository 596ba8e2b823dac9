/* Reading memory in order before something else reads it in an order that the processor's prefetcher does not follow: what comes from
 * memory that way takes a third longer, and several times as long where little is computed. */
#ifndef REG_KERNELS_WARM_H
#define REG_KERNELS_WARM_H

#include <stdint.h>

/* One byte of each line. */
static inline void warm(const void *data, int64_t bytes) {
    enum { LINE_BYTES = 64 };
    for (int64_t at = 0; at < bytes; at += LINE_BYTES) (void)*((const volatile char *)data + at);
}

#endif
