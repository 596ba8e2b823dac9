/* `reg compile f.reg -o f`: a copy of the running executable that carries the script, its imports (runtime/base/bundle.h) and
 * its fused groups as machine code (runtime/exec/kernel_set.h). What such a program does when it starts is program.c. */
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

/* Kernels ------------------------------------------------------------------------------------------------------------ */

/* The instruction sets that kernels are compiled for; processors before AVX2 interpret them. */
static const int levels[] = {3, 4};
enum { LEVELS = sizeof levels / sizeof *levels };

typedef struct Kernels {
    char names[LEVELS][KERNELS_NAME];
    char *objects[LEVELS];
    size_t lengths[LEVELS];
} Kernels;

/* All at once. False with a fault; the program then goes without. */
static bool compile_kernels(const KernelSet *set, Kernels *kernels, Fault *fault) {
    Compilation *compilations[LEVELS] = {0};
    bool ok = true;
    for (int k = 0; k < LEVELS && ok; k++) ok = (compilations[k] = kernel_set_compile(set, levels[k], fault)) != NULL;
    for (int k = 0; k < LEVELS && ok; k++) {
        kernels_name(levels[k], kernels->names[k]);
        ok = compiler_poll(compilations[k], true, fault) == COMPILER_DONE &&
             (kernels->objects[k] = compiler_result(compilations[k], &kernels->lengths[k], fault)) != NULL;
    }
    for (int k = 0; k < LEVELS; k++) compiler_free(compilations[k]);
    return ok;
}

static void add_kernels(const KernelSet *set, Kernels *kernels, BundleFile *files, int *count) {
    Fault fault = {0};
    if (!set->names.count) return;
    if (!compile_kernels(set, kernels, &fault)) {
        fprintf(stderr, "reg: %s\nhelp: the program is written without compiled kernels and interprets them, to the same bits\n",
                fault.message);
        return;
    }
    for (int k = 0; k < LEVELS; k++) files[(*count)++] = (BundleFile){kernels->names[k], kernels->objects[k], kernels->lengths[k]};
}

/* The program -------------------------------------------------------------------------------------------------------- */

static int write_program(const Session *session, const char *output) {
    BundleFile *files = allocate(sizeof *files * (session->sources.count + LEVELS));
    int count = 0, code = EXIT_FAILED;
    if (collect_files(session, output, files, &count)) {
        Kernels kernels = {0};
        add_kernels(session->options.kernels, &kernels, files, &count);
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
        for (int k = 0; k < LEVELS; k++) free(kernels.objects[k]);
    }
    free(files);
    return code;
}

/* A data file need not be where the program is made. What follows from it is then checked, and its kernels compiled or interpreted, where
 * the program runs. */
static bool lacks_only_data(Session *session) {
    Diagnostics *diagnostics = &session->diagnostics;
    size_t k = 0;
    if (diagnostics->error_count != 1) return false;
    while (diagnostics->items[k].severity != SEVERITY_ERROR) k++;
    if (strcmp(diagnostics->items[k].code, "E0800")) return false;
    diagnostics->items[k].severity = SEVERITY_WARNING;
    diagnostics->error_count = 0;
    return true;
}

static bool check_script(Session *session, const char *path, const char *text, size_t length) {
    Script script;
    bool ok = session_read(session, path, text, length, &script, NULL);
    bool is_checked = ok && session_run_script(session, &script) && !session->diagnostics.error_count;
    ok = is_checked || (ok && lacks_only_data(session));
    session_report(session);
    if (ok && !is_checked)
        fprintf(stderr, "reg: the program is written; what follows from this file is checked when it runs, its kernels are not compiled\n");
    return ok;
}

static int compile_script(const Options *options, const char *output) {
    const char *path = strcmp(options->names[0], "-") ? options->names[0] : "standard input";
    size_t length;
    char *text = console_read(options->names[0], &length);
    if (!text) return EXIT_FAILED;
    KernelSet kernels = {0};
    Options collecting = *options;
    collecting.kernels = &kernels;
    Session *session = console_session(&collecting, true);
    session_set_directory(session, path);
    console_watch(session);
    int code = check_script(session, path, text, length) ? write_program(session, output) : EXIT_FAILED;
    console_watch(NULL);
    session_free(session);
    kernel_set_free(&kernels);
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
