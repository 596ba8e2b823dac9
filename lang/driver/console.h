/* Standard output, standard error and signals, for all commands. */
#ifndef REG_DRIVER_CONSOLE_H
#define REG_DRIVER_CONSOLE_H

#include "lang/driver/options.h"

/* A session that prints to standard output (results) and standard error (progress, diagnostics). */
Session *console_session(const Options *options, bool check_only);
/* Writes text to standard output. */
void console_text(const Text *text);
/* Flushes standard output. A closed pipe ends the command quietly; a full disk is reported. The exit code, `code` when all is well. */
int console_close(int code);
bool console_has_colour(int file);

/* Ctrl-C stops what the session does (session_interrupt); a second one ends the program, unless the session is interactive. */
void console_watch(Session *session); /* NULL: Ctrl-C ends the program at once */
/* While a line is read Ctrl-C only sets *flag; NULL ends that. */
void console_watch_prompt(volatile sig_atomic_t *flag);

/* The file, or standard input for "-"; freed by the caller. NULL after a message on stderr. */
char *console_read(const char *path, size_t *length);

#endif
