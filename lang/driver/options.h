/* The command line, read: which command, its options, its files or names. What exists is said once, in two tables
 * (options.c: options; main.c: commands); help, errors and suggestions are derived from them. */
#ifndef REG_DRIVER_OPTIONS_H
#define REG_DRIVER_OPTIONS_H

#include "lang/script/session.h"

typedef struct Options Options;

typedef struct Command {
    const char *name;
    const char *arguments;              /* "FILE [OPTION]…": for help */
    const char *summary;                /* one line */
    const char *help;                   /* further lines, each ended; "" when there is nothing to add */
    int least, most;                    /* how many files or names; most -1: any number */
    int (*run)(const Options *options); /* the exit code */
    const char *program;                /* a compiled program's own name; NULL: a command of `reg` */
} Command;

struct Options {
    const Command *command;
    const char **names; /* what is not an option, in order */
    int name_count;
    Override *overrides;
    int override_count;
    int threads; /* 0: all cores */
    int64_t seed;
    JitMode jit;
    const char *dump;             /* NULL: none */
    const char *output;           /* --output; NULL: none */
    const char *model, *function; /* --model, --function; NULL: none */
    int64_t batch;                /* --batch; 0: not said */
    KernelSet *kernels;           /* see SessionOptions */
    const Bundle *bundle;         /* of a compiled program; NULL: this is `reg` */
    bool quiet, verify, check, explain, profile;
};

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_INTERRUPTED = 130, EXIT_PIPE = 141 };

/* Reads what follows the command's name. False after a message on stderr; `*wants_help` is set by --help. */
bool options_read(Options *options, int count, char **words, bool *wants_help);
void options_free(Options *options);
/* The options of a command, one a line. */
void options_help(const Command *command, Text *out);

/* Both write "reg: …" to stderr and return EXIT_USAGE. `nearest` NULL: no suggestion. */
int usage_error(const Command *command, const char *format, ...) __attribute__((format(printf, 2, 3)));
int unknown_word(const Command *command, const char *what, const char *word, const char *nearest);

#endif
