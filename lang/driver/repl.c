/* `reg` alone: a conversation. One session lives as long as it; an error reports and changes nothing. */
#include "lang/driver/commands.h"
#include "lang/driver/complete.h"
#include "lang/driver/console.h"
#include "lang/driver/doc.h"
#include "lang/driver/prompt.h"
#include "lang/syntax/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

typedef struct Repl {
    Session *session;
    bool is_terminal, failed, left;
    int entry; /* number of the input, for messages */
} Repl;

/* Commands ----------------------------------------------------------------------------------------------------------- */

static void show_help(void) {
    printf(
        "Type statements and expressions; expressions print their value. An unfinished one goes on in the next line, an empty line ends it.\n"
        "Tab completes names, and fields behind a dot. Ctrl-C clears the line, stops what runs, or stops a training after its step and keeps what was learned.\n"
        "  :doc NAME   explain a name (`:doc` alone lists all)\n"
        "  :names      what this session has defined\n"
        "  :quit       leave (also Ctrl-D)\n");
}

static void show_doc(Repl *repl, const char *name) {
    Text text = {0};
    if (!*name) doc_list(&text);
    else if (!doc_name(name, &text)) {
        char *nearest = doc_nearest(name);
        text_addf(&text, "nothing is called '%s'", name);
        if (nearest) text_addf(&text, "; did you mean '%s'?", nearest);
        text_add(&text, "\n");
        free(nearest);
        repl->failed = true;
    }
    console_text(&text);
    text_free(&text);
}

static void show_fields(const Field *fields, int count) {
    char buffer[KIND_TEXT];
    for (int k = 0; k < count; k++) printf("  %-12s  %s\n", fields[k].name, value_describe(fields[k].value, buffer));
}

static void run_command(Repl *repl, char *text) {
    char *rest = NULL;
    const char *command = strtok_r(text, " \t\n", &rest), *argument = strtok_r(NULL, " \t\n", &rest);
    const Scope *globals = repl->session->elaborator.globals;
    if (!strcmp(command, ":help")) show_help();
    else if (!strcmp(command, ":doc")) show_doc(repl, argument ? argument : "");
    else if (!strcmp(command, ":quit") || !strcmp(command, ":q")) repl->left = true;
    else if (!strcmp(command, ":names")) show_fields(globals->makers, globals->maker_count), show_fields(globals->fields, globals->count);
    else {
        printf("unknown command '%s'; there are :help, :doc NAME, :names, :quit\n", command);
        repl->failed = true;
    }
}

/* Entries ------------------------------------------------------------------------------------------------------------ */

static bool is_incomplete(const char *text, size_t length) {
    Arena *arena = arena_new();
    Sources sources = {0};
    Diagnostics diagnostics = {.sources = &sources};
    sources_add(&sources, "", "", 0);
    bool incomplete = false;
    parse_script(arena, sources_add(&sources, "", text, length), &diagnostics, &incomplete);
    diagnostics_clear(&diagnostics);
    sources_free(&sources);
    arena_free(arena);
    return incomplete;
}

static bool is_blank(const char *text) { return !text[strspn(text, " \t\n")]; }

/* Lines until the parser is content; false at the end of the input. An entry that was given up is empty. */
static bool read_entry(Repl *repl, Text *entry) {
    char *line;
    while (prompt_line(entry->length ? "...> " : "reg> ", &line)) {
        if (!line) return text_free(entry), true;
        bool ends = entry->length && is_blank(line);
        text_addf(entry, "%s\n", line);
        free(line);
        const char *text = text_string(entry);
        if (ends || text[0] == ':' || !is_incomplete(text, entry->length)) return true;
    }
    if (repl->is_terminal) printf("\n");
    return entry->length > 0;
}

static void run_entry(Repl *repl, Text *entry) {
    if (is_blank(text_string(entry))) return;
    prompt_remember(text_string(entry));
    if (entry->bytes[0] == ':') {
        run_command(repl, entry->bytes);
        return;
    }
    char path[32];
    snprintf(path, sizeof path, "input %d", ++repl->entry);
    repl->session->interrupted = repl->session->abandoned = 0;
    console_watch(repl->session);
    bool ok = session_run(repl->session, path, entry->bytes, entry->length);
    if (!repl->is_terminal) console_watch(NULL); /* at a terminal the next line takes over */
    session_report(repl->session);
    repl->failed = repl->failed || !ok;
    fflush(stdout);
}

int command_repl(const Options *options) {
    Repl repl = {.session = console_session(options, false), .is_terminal = isatty(STDIN_FILENO) != 0};
    repl.session->options.interactive = true;
    prompt_open(repl.session, repl.is_terminal);
    if (repl.is_terminal) printf("Reg. :help explains, :doc NAME looks up, Ctrl-D leaves.\n");
    Text entry = {0};
    while (!repl.left && read_entry(&repl, &entry)) {
        run_entry(&repl, &entry);
        text_free(&entry);
    }
    text_free(&entry);
    prompt_close();
    session_free(repl.session);
    return repl.failed && !repl.is_terminal ? EXIT_FAILED : EXIT_DONE;
}
