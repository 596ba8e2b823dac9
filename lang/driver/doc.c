#include "lang/driver/doc.h"
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/script/library.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"
#include "runtime/base/width.h"
#include "runtime/data/dataset.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { COLUMNS = 100 };

typedef struct Entry {
    const char *name, *form, *doc;
} Entry;

static const Entry words[] = {
#define WORD(name, form, doc) {name, form, doc},
#include "lang/driver/statements.def"
#undef WORD
};
enum { WORD_COUNT = sizeof words / sizeof *words };

static const Entry codes[] = {
#define CODE(code, title, doc) {code, title, doc},
#include "lang/syntax/codes.def"
#undef CODE
};
enum { CODE_COUNT = sizeof codes / sizeof *codes };

/* Text --------------------------------------------------------------------------------------------------------------- */

/* Words of `text` in lines of at most COLUMNS, each indented. */
static void add_wrapped(const char *text, int indent, Text *out) {
    int column = 0;
    while (*(text += strspn(text, " \n"))) {
        size_t length = strcspn(text, " \n");
        char *word = copy_bytes(text, length);
        int columns = text_columns(word);
        bool starts = !column || column + 1 + columns > COLUMNS;
        if (starts && column) text_add(out, "\n");
        if (starts) text_add_repeat(out, " ", column = indent);
        else text_add(out, " "), column++;
        text_add(out, word);
        column += columns;
        free(word);
        text += length;
    }
    text_add(out, "\n");
}

static void add_indented(const char *text, size_t length, int indent, Text *out) {
    for (const char *at = text, *end = text + length; at < end;) {
        size_t line = strcspn(at, "\n");
        if (line > (size_t)(end - at)) line = (size_t)(end - at);
        if (line) text_add_repeat(out, " ", indent);
        text_add_bytes(out, at, line);
        text_add(out, "\n");
        at += line + 1;
    }
}

static void add_entry(const char *form, const char *doc, Text *out) {
    if (out->length) text_add(out, "\n");
    text_addf(out, "%s\n\n", form);
    add_wrapped(doc, 2, out);
}

/* Standard library --------------------------------------------------------------------------------------------------- */

/* The start of the run of `##` lines that ends just above `at`. */
static const char *doc_comment(const char *text, const char *at) {
    const char *start = at;
    while (start > text) {
        const char *line = start - 1;
        while (line > text && line[-1] != '\n') line--;
        if (strncmp(line, "##", 2)) break;
        start = line;
    }
    return start;
}

static void add_comment(const char *from, const char *to, Text *out) {
    while (from < to) {
        size_t length = strcspn(from, "\n");
        size_t skip = length > 2 && from[2] == ' ' ? 3 : 2;
        if (length > skip) text_add(out, "  "), text_add_bytes(out, from + skip, length - skip);
        text_add(out, "\n");
        from += length + 1;
    }
    text_add(out, "\n");
}

static void add_definition(const LibraryFile *file, const LibraryName *entry, const Tree *tree, const Source *source, Text *out) {
    int line, column;
    source_position(source, tree->span.start, &line, &column);
    if (out->length) text_add(out, "\n");
    text_addf(out, "%s — %s, %s line %d\n\n", entry->name, entry->kind, file->path, line);
    const char *start = source->text + tree->span.start;
    const char *comment = doc_comment(source->text, start);
    if (comment < start) add_comment(comment, start, out);
    add_indented(start, tree->span.end - tree->span.start, 4, out);
}

/* Finds the definition by parsing its file, so that its text ends where the grammar says. */
static void add_library(const LibraryName *entry, Text *out) {
    const LibraryFile *file = &library_files[entry->file];
    Arena *arena = arena_new();
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    sources_add(&sources, "", "", 0);
    uint32_t number = sources_add(&sources, file->path, file->text, file->length);
    Script script = parse_script(arena, number, &diagnostics, NULL);
    size_t before = out->length;
    for (int k = 0; k < script.root->count; k++) {
        const Tree *tree = script.root->items[k];
        if (tree->name && !strcmp(tree->name, entry->name) && !strcmp(tree_kind_name(tree->kind), entry->kind))
            add_definition(file, entry, tree, &sources.items[number], out);
    }
    if (out->length == before) text_addf(out, "%s — %s, %s\n", entry->name, entry->kind, file->path);
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    arena_free(arena);
}

/* One name ----------------------------------------------------------------------------------------------------------- */

static void add_builtin(const char *name, Text *out) {
    const Builtin *builtin = builtin_find(name);
    if (!builtin) return;
    Text form = {0};
    text_addf(&form, "%s — built-in", builtin->signature);
    add_entry(text_string(&form), builtin->doc, out);
    text_free(&form);
}

static void add_code(const Entry *code, Text *out) {
    Text form = {0};
    text_addf(&form, "%s — %s", code->name, code->form);
    add_entry(text_string(&form), code->doc, out);
    text_free(&form);
}

static void add_data(const char *name, Text *out) {
    for (size_t k = 0; k < builtin_count(); k++) {
        BuiltinInfo info = builtin_info(k);
        if (strcmp(info.name, name)) continue;
        Text form = {0};
        text_addf(&form, "load(\"%s\") — data set", name);
        add_entry(text_string(&form), info.summary, out);
        text_free(&form);
    }
}

bool doc_name(const char *name, Text *out) {
    size_t before = out->length;
    for (int k = 0; k < WORD_COUNT; k++)
        if (!strcmp(words[k].name, name)) add_entry(words[k].form, words[k].doc, out);
    add_builtin(name, out);
    for (int k = 0; k < library_name_count; k++)
        if (!strcmp(library_names[k].name, name)) add_library(&library_names[k], out);
    add_data(name, out);
    for (int k = 0; k < CODE_COUNT; k++)
        if (!strcmp(codes[k].name, name)) add_code(&codes[k], out);
    return out->length > before;
}

void doc_words(void (*add)(void *sink, const char *name), void *sink) {
    for (int k = 0; k < WORD_COUNT; k++) add(sink, words[k].name);
}

void doc_each(void (*add)(void *sink, const char *name), void *sink) {
    char name[64];
    doc_words(add, sink);
    for (int k = 0; builtin_at(k); k++) add(sink, builtin_name(builtin_at(k), name));
    for (int k = 0; k < library_name_count; k++) add(sink, library_names[k].name);
    for (size_t k = 0; k < builtin_count(); k++) add(sink, builtin_info(k).name);
    for (int k = 0; k < CODE_COUNT; k++) add(sink, codes[k].name);
}

/* Names that sound near: collected in copies, since builtin_name writes into a buffer. */
typedef struct Names {
    char **items;
    size_t count, capacity;
} Names;

static void collect(void *sink, const char *name) {
    Names *names = sink;
    char *copy = copy_string(name);
    list_push(names, copy);
}

char *doc_nearest(const char *name) {
    Names names = {0};
    doc_each(collect, &names);
    const char *nearest = nearest_name(name, (const char *const *)names.items, names.count);
    char *result = nearest ? copy_string(nearest) : NULL;
    for (size_t k = 0; k < names.count; k++) free(names.items[k]);
    list_free(&names);
    return result;
}

/* All names ---------------------------------------------------------------------------------------------------------- */

static void begin_group(const char *title, Text *out) { text_addf(out, "%s%s\n", out->length ? "\n" : "", title); }

static void list_builtins(Text *out) {
    const char *group = NULL;
    Text names = {0};
    char name[64];
    for (int k = 0;; k++) {
        const char *here = builtin_at(k) ? builtin_group(k) : NULL;
        if (here != group && group) {
            begin_group(group, out);
            add_wrapped(text_string(&names), 2, out);
            text_free(&names);
        }
        if (!here) return;
        group = here;
        text_addf(&names, "%s ", builtin_name(builtin_at(k), name));
    }
}

/* The first sentence of a library file's opening comment says what it holds. */
static void add_title(const LibraryFile *file, Text *out) {
    Text line = {0};
    text_addf(&line, "%s: ", file->path);
    for (const char *at = file->text; *at == '#'; at++) {
        at += strspn(at, "# ");
        size_t length = strcspn(at, "\n");
        const char *stop = strstr(at, ". ");
        bool ends = (stop && stop < at + length) || (length && at[length - 1] == '.');
        text_add_bytes(&line, at, stop && stop < at + length ? (size_t)(stop - at + 1) : length);
        text_add(&line, " ");
        at += length;
        if (ends || !*at) break;
    }
    if (out->length) text_add(out, "\n");
    add_wrapped(text_string(&line), 0, out);
    text_free(&line);
}

static void list_library(Text *out) {
    for (int f = 0; f < library_file_count; f++) {
        Text names = {0};
        for (int k = 0; k < library_name_count; k++) {
            bool is_maker = !strcmp(library_names[k].kind, "model") || !strcmp(library_names[k].kind, "method");
            if (library_names[k].file == f) text_addf(&names, "%s%s ", library_names[k].name, is_maker ? "{}" : "");
        }
        if (names.length) {
            add_title(&library_files[f], out);
            add_wrapped(text_string(&names), 2, out);
        }
        text_free(&names);
    }
}

void doc_list(Text *out) {
    Text names = {0};
    for (int k = 0; k < WORD_COUNT; k++) text_addf(&names, "%s ", words[k].name);
    begin_group("words of the language", out);
    add_wrapped(text_string(&names), 2, out);
    text_free(&names);
    list_builtins(out);
    list_library(out);
    begin_group("data sets", out);
    for (size_t k = 0; k < builtin_count(); k++) text_addf(&names, "%s ", builtin_info(k).name);
    add_wrapped(text_string(&names), 2, out);
    text_free(&names);
    begin_group("error codes", out);
    for (int k = 0; k < CODE_COUNT; k++) text_addf(out, "  %s  %s\n", codes[k].name, codes[k].form);
}

/* The command -------------------------------------------------------------------------------------------------------- */

int command_doc(const Options *options) {
    Text text = {0};
    int code = EXIT_DONE;
    if (!options->name_count) doc_list(&text);
    for (int k = 0; k < options->name_count; k++) {
        if (doc_name(options->names[k], &text)) continue;
        char *nearest = doc_nearest(options->names[k]);
        fprintf(stderr, "reg: nothing is called '%s'\n", options->names[k]);
        if (nearest) fprintf(stderr, "help: did you mean '%s'?\n", nearest);
        else fprintf(stderr, "help: `reg doc` lists all names\n");
        free(nearest);
        code = EXIT_FAILED;
    }
    console_text(&text);
    text_free(&text);
    return code;
}
