#include "lang/script/library.h"

#include <string.h>

static bool is_maker_kind(const char *kind) { return !strcmp(kind, "model") || !strcmp(kind, "method"); }

int library_find(const char *name, bool is_maker) {
    for (int k = 0; k < library_name_count; k++)
        if (is_maker_kind(library_names[k].kind) == is_maker && !strcmp(library_names[k].name, name)) return library_names[k].file;
    return -1;
}
