/* `reg fmt`: the one form of a script, comments kept. Files are replaced atomically, standard input goes to standard output. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/syntax/parser.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* False when the text does not parse; the errors are on stderr. */
static bool format_text(const char *path, const char *text, size_t length, Text *out) {
    Arena *arena = arena_new();
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    sources_add(&sources, "", "", 0);
    uint32_t file = sources_add(&sources, path, text, length);
    Script script = parse_script(arena, file, &diagnostics, NULL);
    bool ok = !diagnostics.error_count;
    if (ok) {
        format_script(&script, &sources.items[file], out);
    } else {
        Text messages = {0};
        diagnostics_print(&diagnostics, &messages, console_has_colour(STDERR_FILENO));
        fputs(text_string(&messages), stderr);
        text_free(&messages);
    }
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    arena_free(arena);
    return ok;
}

static int replace(const char *path, const Text *formed) {
    Fault fault = {0};
    if (file_write(path, text_string(formed), formed->length, &fault)) return EXIT_DONE;
    fprintf(stderr, "reg: %s\n", fault.message);
    return EXIT_FAILED;
}

static int finish(const Options *options, const char *path, bool changes, const Text *formed) {
    if (options->check) {
        if (changes) printf("%s\n", path);
        return changes ? EXIT_FAILED : EXIT_DONE;
    }
    if (!strcmp(path, "-")) return console_text(formed), EXIT_DONE;
    return changes ? replace(path, formed) : EXIT_DONE;
}

static int format_file(const Options *options, const char *path) {
    size_t length;
    char *text = console_read(path, &length);
    if (!text) return EXIT_FAILED;
    Text formed = {0};
    int code = EXIT_FAILED;
    if (format_text(strcmp(path, "-") ? path : "standard input", text, length, &formed)) {
        bool changes = formed.length != length || memcmp(text_string(&formed), text, length) != 0;
        code = finish(options, path, changes, &formed);
    }
    text_free(&formed);
    free(text);
    return code;
}

int command_fmt(const Options *options) {
    int worst = EXIT_DONE;
    for (int k = 0; k < options->name_count; k++) {
        int code = format_file(options, options->names[k]);
        if (code > worst) worst = code;
    }
    return worst;
}
