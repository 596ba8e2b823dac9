/* Fuzz target for the scanner, the grammar, the formatter and the name check: any bytes are a script.
 *
 *   clang -g -O1 -fsanitize=fuzzer,address,undefined … tests/fuzz/fuzz_parser.c    (as libFuzzer)
 *   gcc -DFUZZ_MAIN … tests/fuzz/fuzz_parser.c && ./fuzz_parser FILE…              (replays files) */
#include "lang/names/names.h"
#include "lang/syntax/parser.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool knows_nothing(void *context, NameSpace space, const char *name) {
    (void)context, (void)space, (void)name;
    return false;
}

static void lists_nothing(void *context, NameSpace space, void (*add)(void *, const char *), void *sink) {
    (void)context, (void)space, (void)add, (void)sink;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    NameSource nothing = {NULL, knows_nothing, lists_nothing};
    uint32_t file = sources_add(&sources, "fuzz.reg", (const char *)data, size);
    Arena *arena = arena_new();
    bool incomplete;
    Script script = parse_script(arena, file, &diagnostics, &incomplete);
    Text out = {0};
    tree_dump(script.root, &out);
    format_script(&script, &sources.items[file], &out);
    names_check(&script, &nothing, &diagnostics);
    diagnostics_print(&diagnostics, &out, true);
    text_free(&out);
    arena_free(arena);
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    return 0;
}

#ifdef FUZZ_MAIN
static int replay(const char *path) {
    static uint8_t bytes[1 << 20];
    FILE *file = fopen(path, "rb");
    if (!file) return 1;
    size_t size = fread(bytes, 1, sizeof bytes, file);
    fclose(file);
    return LLVMFuzzerTestOneInput(bytes, size);
}

int main(int count, char **paths) {
    for (int i = 1; i < count; i++)
        if (replay(paths[i])) return fprintf(stderr, "cannot read %s\n", paths[i]), 1;
    return 0;
}
#endif
