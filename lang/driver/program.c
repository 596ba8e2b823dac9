/* A compiled program: `main` when the executable carries a script (compile.c put it there). The first file of the bundle is the script,
 * under the path that it was compiled from, so that messages and imports read as they do with `reg run`. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/syntax/parser.h"

#include <string.h>

enum { SETTING_COLUMNS = 40 };

static int run_bundle(const Options *options) {
    const BundleFile *script = &options->bundle->files[0];
    return run_text(options, script->name, script->bytes, script->length, options->dump != NULL);
}

/* Help --------------------------------------------------------------------------------------------------------------- */

/* A value that can be read and replaced by hand: one short line that names nothing. */
static bool is_setting(const Tree *value, size_t length) {
    if (length > SETTING_COLUMNS) return false;
    for (int k = 0; k < value->count; k++)
        if (!is_setting(value->items[k], 0)) return false;
    return value->kind == TREE_NUMBER || value->kind == TREE_STRING || value->kind == TREE_BOOL || value->kind == TREE_UNARY ||
           value->kind == TREE_LIST || value->kind == TREE_QUANTITY;
}

/* The comment behind the value on its line says what the setting is. */
static const char *comment_behind(const Script *script, const char *text, uint32_t end, int *length) {
    const char *line_end = text + end + strcspn(text + end, "\n");
    for (int k = 0; k < script->comment_count; k++) {
        Span span = script->comments[k].span;
        if (span.start < end || text + span.start >= line_end) continue;
        const char *words = text + span.start + strspn(text + span.start, "# ");
        *length = (int)(text + span.end - words);
        return words;
    }
    *length = 0;
    return "";
}

/* What --set can change: the lets of the script that hold plain values. */
static void add_settings(const BundleFile *file, Text *out) {
    Arena *arena = arena_new();
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    sources_add(&sources, "", "", 0);
    uint32_t number = sources_add(&sources, file->name, file->bytes, file->length);
    Script script = parse_script(arena, number, &diagnostics, NULL);
    const char *text = sources.items[number].text;
    bool any = false;
    for (int k = 0; k < script.root->count; k++) {
        const Tree *let = script.root->items[k];
        if (let->kind != TREE_LET) continue;
        Span value = let->items[0]->span;
        int value_length = (int)(value.end - value.start), comment_length;
        if (!is_setting(let->items[0], (size_t)value_length)) continue;
        const char *comment = comment_behind(&script, text, value.end, &comment_length);
        text_addf(out, "%s  --set %s=%.*s%s%.*s\n", any ? "" : "\nSettings of this program, as they are without --set:\n", let->name,
                  value_length, text + value.start, comment_length ? "  " : "", comment_length, comment);
        any = true;
    }
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    arena_free(arena);
}

static int show_help(const Options *options) {
    Text text = {0};
    text_addf(&text, "%s — %s compiled by Reg\n\n", options->command->program, options->bundle->files[0].name);
    options_help(options->command, &text);
    add_settings(&options->bundle->files[0], &text);
    console_text(&text);
    text_free(&text);
    return EXIT_DONE;
}

int program_main(const Bundle *bundle, int count, char **words) {
    /* Its options are those of `reg run`. */
    const Command command = {.name = "run", .arguments = "", .run = run_bundle, .program = count > 0 ? words[0] : "program"};
    Options options = {.command = &command, .bundle = bundle};
    bool wants_help = false;
    bool ok = options_read(&options, count > 0 ? count - 1 : 0, words + (count > 0), &wants_help);
    int code = !ok ? EXIT_USAGE : wants_help ? show_help(&options) : command.run(&options);
    options_free(&options);
    return code;
}
