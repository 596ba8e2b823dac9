/* `reg compile f.reg -o f`: a copy of the running executable that carries the script and its imports (runtime/base/bundle.h).
 * What such a program does when it starts is program.c. */
#include "lang/driver/commands.h"
#include "lang/driver/console.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int refuse(const Fault *fault) {
    fprintf(stderr, "reg: %s\n", fault->message);
    if (fault->help[0]) fprintf(stderr, "help: %s\n", fault->help);
    return EXIT_FAILED;
}

/* Where the program goes: --output, else the script's name without its ending. */
static char *output_path(const Options *options) {
    const char *script = options->names[0];
    size_t length = strlen(script);
    if (options->output) return copy_string(options->output);
    if (length > 4 && !strcmp(script + length - 4, ".reg")) return copy_bytes(script, length - 4);
    usage_error(options->command, "where to? '%s' does not end in .reg, so say --output FILE", script);
    return NULL;
}

static bool is_same_file(const char *a, const char *b) {
    struct stat first, second;
    return !stat(a, &first) && !stat(b, &second) && first.st_dev == second.st_dev && first.st_ino == second.st_ino;
}

static bool is_source(const Source *source) { return !source->is_library && source->path[0] && strcmp(source->path, "--set") != 0; }

/* The script and what it imports, as they were read for the check; the first is the script. False when one of them is `output`. */
static bool collect_files(const Session *session, const char *output, BundleFile *files, int *count) {
    for (size_t k = 0; k < session->sources.count; k++) {
        const Source *source = &session->sources.items[k];
        if (!is_source(source)) continue;
        if (is_same_file(source->path, output)) {
            fprintf(stderr, "reg: the program would replace '%s', which it is made from\nhelp: say another name with --output\n",
                    source->path);
            return false;
        }
        files[(*count)++] = (BundleFile){source->path, source->text, source->length};
    }
    return true;
}

static int write_program(const Session *session, const char *output) {
    BundleFile *files = allocate(sizeof *files * (session->sources.count + 1));
    int count = 0, code = EXIT_FAILED;
    if (collect_files(session, output, files, &count)) {
        Fault fault = {0};
        Text program = {0};
        size_t length;
        char *executable = bundle_executable(&length, &fault);
        if (executable) {
            text_add_bytes(&program, executable, length);
            bundle_append(&program, files, count);
        }
        bool ok = executable && file_write_executable(output, program.bytes, program.length, &fault);
        code = ok ? EXIT_DONE : refuse(&fault);
        free(executable);
        text_free(&program);
    }
    free(files);
    return code;
}

static int compile_script(const Options *options, const char *output) {
    const char *path = options->names[0];
    size_t length;
    char *text = console_read(path, &length);
    if (!text) return EXIT_FAILED;
    Session *session = console_session(options, true);
    session_set_directory(session, path);
    console_watch(session);
    bool ok = session_run(session, path, text, length);
    session_report(session);
    int code = ok ? write_program(session, output) : EXIT_FAILED;
    console_watch(NULL);
    session_free(session);
    free(text);
    return code;
}

int command_compile(const Options *options) {
    if (options->model) return export_model(options);
    if (options->function || options->batch) return usage_error(options->command, "--function and --batch go with --model FILE");
    if (options->override_count) return usage_error(options->command, "--set is for the program that is made: PROGRAM --set NAME=VALUE");
    if (!options->name_count) return usage_error(options->command, "nothing to compile: expected a script, or --model FILE");
    char *output = output_path(options);
    if (!output) return EXIT_USAGE;
    int code = compile_script(options, output);
    free(output);
    return code;
}
