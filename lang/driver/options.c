#include "lang/driver/options.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Option {
    const char *name;
    char letter;                                      /* 0: none */
    const char *argument;                             /* "N"; NULL: takes none */
    const char *commands;                             /* where it makes sense */
    bool (*set)(Options *options, const char *value); /* false after a message */
    const char *help;
} Option;

/* How the user calls it, in two parts. */
#define CALL(command) (command)->program ? (command)->program : "reg ", (command)->program ? "" : (command)->name

/* Messages ----------------------------------------------------------------------------------------------------------- */

static void point_to_help(const Command *command) {
    if (command && command->program) fprintf(stderr, "help: `%s --help` lists its options\n", command->program);
    else if (command) fprintf(stderr, "help: `reg help %s` lists its options\n", command->name);
    else fprintf(stderr, "help: `reg help` lists the commands\n");
}

int usage_error(const Command *command, const char *format, ...) {
    va_list args;
    va_start(args, format);
    fprintf(stderr, "reg: ");
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    point_to_help(command);
    return EXIT_USAGE;
}

int unknown_word(const Command *command, const char *what, const char *word, const char *nearest) {
    fprintf(stderr, "reg: unknown %s '%s'\n", what, word);
    if (nearest) fprintf(stderr, "help: did you mean '%s'?\n", nearest);
    else point_to_help(command);
    return EXIT_USAGE;
}

static bool refuse(const char *format, const char *value) {
    fprintf(stderr, "reg: ");
    fprintf(stderr, format, value);
    fprintf(stderr, "\n");
    return false;
}

/* What each option does ---------------------------------------------------------------------------------------------- */

static bool read_integer(const char *text, int64_t least, int64_t most, int64_t *out) {
    char *end;
    errno = 0;
    long long number = strtoll(text, &end, 10);
    if (end == text || *end || errno || number < least || number > most) return false;
    *out = number;
    return true;
}

static bool set_override(Options *options, const char *value) {
    const char *equals = strchr(value, '=');
    if (!equals || equals == value) return refuse("--set takes NAME=VALUE, found '%s'", value);
    options->overrides = reallocate(options->overrides, sizeof *options->overrides * (size_t)(options->override_count + 1));
    options->overrides[options->override_count++] = (Override){copy_bytes(value, (size_t)(equals - value)), equals + 1, false};
    return true;
}

static bool set_threads(Options *options, const char *value) {
    int64_t count;
    if (!read_integer(value, 1, 4096, &count)) return refuse("--threads takes a whole number from 1 to 4096, found '%s'", value);
    options->threads = (int)count;
    return true;
}

static bool set_seed(Options *options, const char *value) {
    return read_integer(value, 0, INT64_MAX, &options->seed) || refuse("--seed takes a whole number from 0, found '%s'", value);
}

static bool set_jit(Options *options, const char *value) {
    static const char *const modes[] = {[JIT_AUTO] = "auto", [JIT_ON] = "on", [JIT_OFF] = "off"};
    for (size_t k = 0; k < sizeof modes / sizeof *modes; k++)
        if (!strcmp(value, modes[k])) return options->jit = (JitMode)k, true;
    return refuse("--jit takes one of auto, on, off; found '%s'", value);
}

static bool set_dump(Options *options, const char *value) {
    static const char *const stages[] = {"tree", "graph", "simplified", "fused", "plan"};
    for (size_t k = 0; k < sizeof stages / sizeof *stages; k++)
        if (!strcmp(value, stages[k])) return options->dump = stages[k], true;
    return refuse("--dump takes one of tree, graph, simplified, fused, plan; found '%s'", value);
}

static bool set_output(Options *options, const char *value) { return options->output = value, true; }
static bool set_model(Options *options, const char *value) { return options->model = value, true; }
static bool set_function(Options *options, const char *value) { return options->function = value, true; }
static bool set_batch(Options *options, const char *value) {
    return read_integer(value, 1, 1 << 20, &options->batch) || refuse("--batch takes a whole number from 1 to 1048576, found '%s'", value);
}
static bool set_quiet(Options *options, const char *value) { return (void)value, options->quiet = true; }
static bool set_verify(Options *options, const char *value) { return (void)value, options->verify = true; }
static bool set_profile(Options *options, const char *value) { return (void)value, options->profile = true; }
static bool set_check(Options *options, const char *value) { return (void)value, options->check = true; }

static const Option table[] = {
    {"--set", 0, "NAME=VALUE", "run check explain graph compile", set_override,
     "replace the value of the script's top-level `let NAME`; may be repeated"},
    {"--threads", 0, "N", "run test repl", set_threads, "use N threads (all cores by default); results do not depend on it"},
    {"--seed", 0, "N", "run test repl", set_seed, "the seed of a script that sets none (0 by default)"},
    {"--jit", 0, "MODE", "run test repl", set_jit,
     "compile fused kernels with `cc`: auto (long runs; the default), on (before the run), off; results do not depend on it"},
    {"--quiet", 'q', NULL, "run check test repl", set_quiet, "no progress, nothing about what went well"},
    {"--dump", 0, "STAGE", "run graph", set_dump, "show tree, graph, simplified, fused or plan of all that is compiled; nothing runs"},
    {"--profile", 0, NULL, "run", set_profile,
     "say after the run what each line of the script took: time, flops, bytes, share of the peak"},
    {"--output", 'o', "FILE", "compile", set_output,
     "the file to write (by default the script's name without `.reg`, of --model the function's with `.c`)"},
    {"--model", 0, "FILE", "compile", set_model, "the model saved in FILE as C99 text: a function with its weights, and its header"},
    {"--function", 0, "NAME", "compile", set_function, "which model of --model, or which function of the script that is given too"},
    {"--batch", 0, "N", "compile", set_batch, "how many samples a call of the function of --model evaluates (1 by default)"},
    {"--verify", 0, NULL, "run check test", set_verify, "check the graph after every pass of the compiler"},
    {"--check", 0, NULL, "fmt", set_check, "change nothing; list the files whose form would change and exit with 1"},
};
enum { OPTION_COUNT = sizeof table / sizeof *table };

/* Reading ------------------------------------------------------------------------------------------------------------ */

static bool belongs(const Option *option, const Command *command) {
    size_t length = strlen(command->name);
    for (const char *at = option->commands; *at; at += strcspn(at, " "), at += strspn(at, " "))
        if (!strncmp(at, command->name, length) && strchr(" ", at[length])) return true;
    return false;
}

static const Option *find_option(const Command *command, const char *word, size_t length) {
    for (int k = 0; k < OPTION_COUNT; k++) {
        if (!belongs(&table[k], command)) continue;
        if (strlen(table[k].name) == length && !strncmp(table[k].name, word, length)) return &table[k];
        if (table[k].letter && length == 2 && word[1] == table[k].letter) return &table[k];
    }
    return NULL;
}

static bool unknown_option(const Command *command, const char *word, size_t length) {
    const char *names[OPTION_COUNT + 1] = {"--help"};
    size_t count = 1;
    for (int k = 0; k < OPTION_COUNT; k++)
        if (belongs(&table[k], command)) names[count++] = table[k].name;
    char *name = copy_bytes(word, length);
    unknown_word(command, "option", name, nearest_name(name, names, count));
    free(name);
    return false;
}

/* `--name=value` or `--name value`; *taken is how many words that was. */
static bool read_option(Options *options, int count, char **words, int *taken) {
    size_t length = strcspn(words[0], "=");
    const Option *option = find_option(options->command, words[0], length);
    if (!option) return unknown_option(options->command, words[0], length);
    const char *value = words[0][length] ? words[0] + length + 1 : NULL;
    *taken = 1;
    if (!option->argument && value) return refuse("%s takes no value", option->name);
    if (option->argument && !value) {
        if (count < 2) return usage_error(options->command, "%s needs a value: %s %s", option->name, option->name, option->argument), false;
        value = words[1];
        *taken = 2;
    }
    return option->set(options, value);
}

static bool count_names(const Options *options) {
    const Command *command = options->command;
    if (options->name_count < command->least)
        return usage_error(command, "nothing to %s: expected `%s%s %s`", command->name, CALL(command), command->arguments), false;
    if (command->most >= 0 && options->name_count > command->most)
        return usage_error(command, "`%s%s` does not know what to do with '%s'", CALL(command), options->names[command->most]), false;
    return true;
}

bool options_read(Options *options, int count, char **words, bool *wants_help) {
    options->names = allocate(sizeof *options->names * (size_t)(count + 1));
    bool only_names = false;
    for (int k = 0; k < count;) {
        int taken = 1;
        if (only_names || words[k][0] != '-' || !words[k][1]) options->names[options->name_count++] = words[k];
        else if (!strcmp(words[k], "--")) only_names = true;
        else if (!strcmp(words[k], "--help") || !strcmp(words[k], "-h")) return *wants_help = true;
        else if (!read_option(options, count - k, words + k, &taken)) return false;
        k += taken;
    }
    return count_names(options);
}

void options_free(Options *options) {
    for (int k = 0; k < options->override_count; k++) free((char *)(uintptr_t)options->overrides[k].name);
    free(options->overrides);
    free(options->names);
}

void options_help(const Command *command, Text *out) {
    for (int k = 0; k < OPTION_COUNT; k++) {
        const Option *option = &table[k];
        if (!belongs(option, command)) continue;
        Text form = {0};
        if (option->letter) text_addf(&form, "-%c, ", option->letter);
        text_addf(&form, "%s%s%s", option->name, option->argument ? " " : "", option->argument ? option->argument : "");
        text_addf(out, "  %-18s  %s\n", text_string(&form), option->help);
        text_free(&form);
    }
    text_addf(out, "  %-18s  %s\n", "-h, --help", "this page");
}
