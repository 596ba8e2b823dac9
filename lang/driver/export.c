/* `reg compile --model net.safetensors --function net -o net.c`: net.c and net.h. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "lang/script/export.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static bool refuse(const Fault *fault) {
    fprintf(stderr, "reg: %s\n", fault->message);
    if (fault->help[0]) fprintf(stderr, "help: %s\n", fault->help);
    return false;
}

/* Both files or neither. */
static bool write_files(const Exported *exported) {
    Fault fault = {0};
    bool had_header = access(exported->header_path, F_OK) == 0;
    if (!file_write(exported->header_path, exported->header.bytes, exported->header.length, &fault)) return refuse(&fault);
    if (file_write(exported->source_path, exported->source.bytes, exported->source.length, &fault)) return true;
    if (!had_header) unlink(exported->header_path);
    return refuse(&fault);
}

static bool check_script(const Options *options, Session *session, bool *has_script) {
    *has_script = options->name_count > 0;
    if (!*has_script) return true;
    const char *path = options->names[0];
    size_t length;
    char *text = console_read(path, &length);
    if (!text) return false;
    session_set_directory(session, path);
    bool ok = session_run(session, path, text, length);
    free(text);
    return ok;
}

int export_model(const Options *options) {
    Session *session = console_session(options, true);
    ExportRequest request = {.model = options->model, .function = options->function, .batch = options->batch, .output = options->output};
    Exported exported = {0};
    console_watch(session);
    bool ok = check_script(options, session, &request.has_script) && export_function(session, &request, &exported);
    session_report(session);
    ok = ok && write_files(&exported);
    if (ok && !options->quiet) printf("wrote %s and %s\n", exported.source_path, exported.header_path);
    text_free(&exported.source);
    text_free(&exported.header);
    bool interrupted = session->interrupted;
    console_watch(NULL);
    session_free(session);
    return interrupted ? EXIT_INTERRUPTED : ok ? EXIT_DONE : EXIT_FAILED;
}
