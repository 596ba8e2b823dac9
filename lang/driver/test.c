/* `reg test`: scripts with golden lines, the examples in the doc comments of libraries, and the ```reg blocks of pages. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/driver/golden.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

typedef struct Tally {
    const Options *options;
    int files, failed, examples, lines;
} Tally;

/* A library holds definitions only: its examples are run behind it, each in a session of its own. */
static bool is_library(const char *text, size_t length) {
    Arena *arena = arena_new();
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    sources_add(&sources, "", "", 0);
    Script script = parse_script(arena, sources_add(&sources, "", text, length), &diagnostics, NULL);
    bool ok = !diagnostics.error_count;
    for (int k = 0; k < script.root->count && ok; k++) {
        TreeKind kind = script.root->items[k]->kind;
        ok = kind == TREE_FN || kind == TREE_LOSS || kind == TREE_PENALTY || kind == TREE_MODEL || kind == TREE_METHOD ||
             kind == TREE_LET || kind == TREE_IMPORT;
    }
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    arena_free(arena);
    return ok;
}

static bool run_case(Tally *tally, const char *path, const char *text, size_t length, const char *prelude) {
    Golden golden = {0};
    SessionOptions options = {.threads = tally->options->threads,
                              .jit = tally->options->jit,
                              .verify = tally->options->verify,
                              .quiet = true,
                              .colour = console_has_colour(STDERR_FILENO)};
    bool ok = golden_run(&golden, &options, path, text, length, prelude);
    tally->lines += golden.lines;
    if (!ok) {
        fflush(stdout);
        fwrite(text_string(&golden.notes), 1, golden.notes.length, stderr);
    }
    golden_free(&golden);
    return ok;
}

static bool run_examples(Tally *tally, const char *path, const char *text, size_t length) {
    bool ok = true;
    size_t offset = 0;
    for (char *example; (example = golden_example(text, length, &offset)) != NULL; free(example)) {
        tally->examples++;
        ok = run_case(tally, path, example, length, text) && ok;
    }
    return ok;
}

/* Pages --------------------------------------------------------------------------------------------------------------- */

static void remove_folder(const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, NULL);
    for (int k = 0; k < count; k++) {
        Text inner = {0};
        text_addf(&inner, "%s/%s", path, entries[k]->d_name);
        if (strcmp(entries[k]->d_name, ".") && strcmp(entries[k]->d_name, "..")) unlink(text_string(&inner));
        text_free(&inner);
        free(entries[k]);
    }
    if (count >= 0) free(entries);
    rmdir(path);
}

static bool run_blocks(Tally *tally, const char *path, const char *text, size_t length) {
    bool ok = true;
    size_t offset = 0;
    for (char *block; (block = golden_block(text, length, &offset)) != NULL; free(block)) {
        tally->examples++;
        ok = run_case(tally, path, block, length, NULL) && ok;
    }
    return ok;
}

/* Every block is a script of its own; what they write goes to a folder that is removed afterwards. */
static bool run_page(Tally *tally, const char *path, const char *text, size_t length) {
    Text folder = {0};
    const char *parent = getenv("TMPDIR");
    text_addf(&folder, "%s/reg-page-XXXXXX", parent && *parent ? parent : P_tmpdir);
    char *scratch = copy_string(text_string(&folder)), *home = getcwd(NULL, 0);
    text_free(&folder);
    bool ok = home && mkdtemp(scratch) && !chdir(scratch) && run_blocks(tally, path, text, length);
    if (!home || chdir(home)) ok = false;
    remove_folder(scratch);
    free(home);
    free(scratch);
    return ok;
}

static bool has_ending(const char *name, const char *ending) {
    size_t length = strlen(name), tail = strlen(ending);
    return length > tail && !strcmp(name + length - tail, ending);
}

static void test_file(Tally *tally, const char *path) {
    size_t length;
    char *text = console_read(path, &length);
    int examples = tally->examples, lines = tally->lines;
    tally->files++;
    bool is_page = has_ending(path, ".md");
    bool ok = text && (is_page ? run_page(tally, path, text, length) : run_case(tally, path, text, length, NULL));
    if (ok && !is_page && is_library(text, length)) ok = run_examples(tally, path, text, length);
    free(text);
    if (!ok) tally->failed++;
    if (ok && tally->options->quiet) return;
    printf("%s  %s", ok ? "ok  " : "FAIL", path);
    if (tally->examples > examples) printf(", %d examples", tally->examples - examples);
    if (tally->lines > lines) printf(", %d golden values", tally->lines - lines);
    printf("\n");
    fflush(stdout);
}

/* Folders ------------------------------------------------------------------------------------------------------------ */

static void test_path(Tally *tally, const char *path, bool named);

static void test_folder(Tally *tally, const char *path) {
    struct dirent **entries;
    int count = scandir(path, &entries, NULL, alphasort);
    for (int k = 0; k < count; k++) {
        Text inner = {0};
        size_t length = strlen(path);
        text_addf(&inner, "%s%s%s", path, length && path[length - 1] == '/' ? "" : "/", entries[k]->d_name);
        if (entries[k]->d_name[0] != '.') test_path(tally, text_string(&inner), false);
        text_free(&inner);
        free(entries[k]);
    }
    if (count >= 0) free(entries);
}

static void test_path(Tally *tally, const char *path, bool named) {
    struct stat status;
    if (!stat(path, &status) && S_ISDIR(status.st_mode)) test_folder(tally, path);
    else if (named || has_ending(path, ".reg")) test_file(tally, path);
}

int command_test(const Options *options) {
    Tally tally = {.options = options};
    console_watch(NULL);
    for (int k = 0; k < options->name_count; k++) test_path(&tally, options->names[k], true);
    if (!tally.files) {
        fprintf(stderr, "reg: no .reg file in '%s'\n", options->names[0]);
        return EXIT_FAILED;
    }
    if (options->quiet && !tally.failed) return EXIT_DONE;
    printf("%d file%s, %d examples, %d golden values: ", tally.files, tally.files == 1 ? "" : "s", tally.examples, tally.lines);
    if (tally.failed) printf("%d failed\n", tally.failed);
    else printf("all as expected\n");
    return tally.failed ? EXIT_FAILED : EXIT_DONE;
}
