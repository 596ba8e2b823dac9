#include "runtime/exec/slab.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sysinfo.h>

static const size_t HUGE_PAGE = (size_t)2 << 20;
static const size_t PAGE = 4096;
static const size_t MAPPED = (size_t)32 << 20;   /* from here on malloc gives fresh pages, which are 0; below, perhaps used ones */
static const size_t TOUCHED = (size_t)256 << 20; /* more is long records of loops, of which a run writes a part */

static size_t rounded(size_t bytes) { return (bytes + HUGE_PAGE - 1) / HUGE_PAGE * HUGE_PAGE; }

/* The system would promise more memory than it has and end the process when the pages are touched. */
static int exceeds_memory(size_t bytes) {
    struct sysinfo info;
    return sysinfo(&info) == 0 && bytes / info.mem_unit > (size_t)info.totalram + (size_t)info.totalswap;
}

void *slab_new(size_t bytes) {
    if (bytes < HUGE_PAGE) {
        void *slab = aligned_alloc(64, (bytes + 127) / 64 * 64);
        if (slab != NULL) memset(slab, 0, bytes);
        return slab;
    }
    if (bytes > (size_t)-1 - HUGE_PAGE || exceeds_memory(bytes)) return NULL;
    char *slab = aligned_alloc(HUGE_PAGE, rounded(bytes));
    if (slab == NULL) return NULL;
    madvise(slab, rounded(bytes), MADV_HUGEPAGE);
    if (bytes < MAPPED) memset(slab, 0, bytes);
    for (size_t offset = 0; offset < bytes && offset < TOUCHED; offset += PAGE) ((volatile char *)slab)[offset] = 0;
    return slab;
}
