#include "runtime/data/embed.h"

#include "runtime/data/gzip.h"

#include <stdio.h>
#include <string.h>

char *embedded_read(const char *name, size_t *length, Fault *fault) {
    char file[128], subject[160];
    snprintf(file, sizeof file, "%s.gz", name);
    snprintf(subject, sizeof subject, "the built-in '%s'", name);
    for (size_t i = 0; i < embedded_file_count; i++)
        if (strcmp(embedded_files[i].name, file) == 0)
            return gzip_inflate(embedded_files[i].start, (size_t)(embedded_files[i].end - embedded_files[i].start), subject, length, fault);
    fault_set(fault, "cannot read %s: it is not in this program", subject);
    return NULL;
}
