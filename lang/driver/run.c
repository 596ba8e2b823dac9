/* `reg run`, `reg check`, `reg explain` and `reg graph`: one script, one session; they differ in what is computed and shown. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/driver/profile.h"
#include "lang/syntax/parser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *shown_path(const char *path) { return strcmp(path, "-") ? path : "standard input"; }

static bool dump_tree(Session *session, const char *path, const char *text, size_t length) {
    uint32_t file = sources_add(&session->sources, shown_path(path), text, length);
    Script script = parse_script(session->arena, file, &session->diagnostics, NULL);
    Text out = {0};
    tree_dump(script.root, &out);
    session_write_text(session, &out);
    text_free(&out);
    return !session->diagnostics.error_count;
}

int run_text(const Options *options, const char *path, const char *text, size_t length, bool check_only) {
    Session *session = console_session(options, check_only);
    session_set_directory(session, path);
    console_watch(session);
    bool is_tree = options->dump && !strcmp(options->dump, "tree");
    bool ok = is_tree ? dump_tree(session, path, text, length) : session_run(session, shown_path(path), text, length);
    session_report(session);
    if (options->profile && !check_only) profile_report(session);
    bool interrupted = session->interrupted;
    console_watch(NULL);
    session_free(session);
    return interrupted ? EXIT_INTERRUPTED : ok ? EXIT_DONE : EXIT_FAILED;
}

static int run_file(const Options *options, const char *path, bool check_only) {
    size_t length;
    char *text = console_read(path, &length);
    if (!text) return EXIT_FAILED;
    int code = run_text(options, path, text, length, check_only);
    free(text);
    return code;
}

int command_run(const Options *options) { return run_file(options, options->names[0], options->dump != NULL); }

int command_check(const Options *options) {
    int worst = EXIT_DONE;
    for (int k = 0; k < options->name_count; k++) {
        int code = run_file(options, options->names[k], true);
        if (code > worst) worst = code;
        if (!code && !options->quiet) printf("ok    %s\n", shown_path(options->names[k]));
    }
    return worst;
}

int command_explain(const Options *options) {
    Options shown = *options;
    shown.explain = true;
    return run_file(&shown, options->names[0], true);
}

int command_graph(const Options *options) {
    Options shown = *options;
    if (!shown.dump) shown.dump = "fused";
    return run_file(&shown, options->names[0], true);
}
