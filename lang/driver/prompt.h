/* Lines from a person (readline: history, completion, Ctrl-C) or from a pipe (plain). */
#ifndef REG_DRIVER_PROMPT_H
#define REG_DRIVER_PROMPT_H

#include "lang/script/session.h"

void prompt_open(Session *session, bool is_terminal);
void prompt_close(void);
/* The next line without its newline, freed by the caller; NULL in *line when Ctrl-C gave it up. False at the end of the input. */
bool prompt_line(const char *prompt, char **line);
/* Adds an entry to the history and its file: $XDG_STATE_HOME/reg/history, or below ~/.local/state. */
void prompt_remember(const char *entry);

#endif
