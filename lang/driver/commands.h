/* The commands of `reg`, one file each. All return the exit code: 0, 1 for an error in a script or file, 130 after Ctrl-C. */
#ifndef REG_DRIVER_COMMANDS_H
#define REG_DRIVER_COMMANDS_H

#include "lang/driver/options.h"

int command_run(const Options *options); /* run.c */
int command_check(const Options *options);
int command_explain(const Options *options);
int command_graph(const Options *options);
/* A text that was read from `path`. */
int run_text(const Options *options, const char *path, const char *text, size_t length, bool check_only);
int command_compile(const Options *options); /* compile.c */
int export_model(const Options *options);    /* export.c: compile --model */
int command_doc(const Options *options);     /* doc.c */
int command_fmt(const Options *options);     /* fmt.c */
int command_test(const Options *options);    /* test.c */
int command_repl(const Options *options);    /* repl.c */

/* A compiled program: the script that the executable carries, with the options of `reg run`. */
int program_main(const Bundle *bundle, int count, char **words); /* program.c */

#endif
