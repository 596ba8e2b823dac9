#include "lang/driver/prompt.h"
#include "lang/driver/complete.h"
#include "lang/driver/console.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
/* readline needs stdio above it; without this it would also define the old name `Function`. */
#define _FUNCTION_DEF
#include <readline/history.h>
#include <readline/readline.h>

enum { HISTORY_MAX = 2000 };

/* readline's callbacks have no argument: there is one prompt in a process. */
static struct {
    Session *session;
    bool is_terminal;
    char *history; /* path, NULL: none */
    char *line;
    bool is_done;
    volatile sig_atomic_t interrupted;
    Candidates candidates;
} prompt;

/* History ------------------------------------------------------------------------------------------------------------ */

static void make_folders(const char *path) {
    for (const char *at = path + 1; *at; at++) {
        if (*at != '/') continue;
        char *folder = copy_bytes(path, (size_t)(at - path));
        mkdir(folder, 0700);
        free(folder);
    }
}

static char *history_path(void) {
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    Text path = {0};
    if (state && *state == '/') text_addf(&path, "%s/reg/history", state);
    else if (home && *home == '/') text_addf(&path, "%s/.local/state/reg/history", home);
    return path.bytes;
}

static void open_history(void) {
    using_history();
    stifle_history(HISTORY_MAX);
    history_comment_char = '#';
    history_write_timestamps = 1; /* they also keep entries of several lines together */
    prompt.history = history_path();
    if (prompt.history) read_history(prompt.history);
}

void prompt_remember(const char *entry) {
    if (!prompt.is_terminal) return;
    char *text = copy_bytes(entry, strlen(entry) - (entry[strlen(entry) - 1] == '\n'));
    HIST_ENTRY *last = history_length ? history_get(history_base + history_length - 1) : NULL;
    if (!last || strcmp(last->line, text)) {
        add_history(text);
        if (prompt.history) make_folders(prompt.history), write_history(prompt.history);
    }
    free(text);
}

/* Completion --------------------------------------------------------------------------------------------------------- */

static char *next_candidate(const char *text, int state) {
    static size_t next;
    if (!state) {
        char *before = copy_bytes(rl_line_buffer, (size_t)(rl_point - (int)strlen(text)));
        candidates_free(&prompt.candidates);
        complete(prompt.session, before, text, &prompt.candidates);
        free(before);
        next = 0;
    }
    return next < prompt.candidates.count ? copy_string(prompt.candidates.items[next++]) : NULL;
}

/* Inside a string readline's own completion of file names is right. */
static char **attempt(const char *text, int start, int end) {
    (void)end;
    bool in_string = false;
    for (int k = 0; k < start; k++) in_string = in_string != (rl_line_buffer[k] == '"');
    if (in_string) return NULL;
    rl_attempted_completion_over = 1;
    rl_completion_append_character = '\0';
    return rl_completion_matches(text, next_candidate);
}

/* Lines -------------------------------------------------------------------------------------------------------------- */

static void on_line(char *line) {
    prompt.line = line;
    prompt.is_done = true;
    rl_callback_handler_remove();
}

static void give_up_line(void) {
    rl_callback_sigcleanup();
    rl_free_line_state();
    rl_callback_handler_remove();
    printf("^C\n");
}

static bool terminal_line(const char *text, char **line) {
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};
    prompt.is_done = false;
    prompt.line = NULL;
    prompt.interrupted = 0;
    console_watch_prompt(&prompt.interrupted);
    rl_callback_handler_install(text, on_line);
    while (!prompt.is_done && !prompt.interrupted) {
        if (poll(&input, 1, -1) > 0) rl_callback_read_char();
        else if (errno != EINTR) break;
    }
    if (!prompt.is_done) give_up_line();
    console_watch_prompt(NULL);
    *line = prompt.line;
    return !prompt.is_done || prompt.line;
}

static bool plain_line(char **line) {
    size_t capacity = 0;
    *line = NULL;
    ssize_t length = getline(line, &capacity, stdin);
    if (length < 0) return free(*line), false;
    if (length && (*line)[length - 1] == '\n') (*line)[length - 1] = '\0';
    return true;
}

bool prompt_line(const char *text, char **line) { return prompt.is_terminal ? terminal_line(text, line) : plain_line(line); }

void prompt_open(Session *session, bool is_terminal) {
    prompt.session = session;
    prompt.is_terminal = is_terminal;
    if (!is_terminal) return;
    rl_readline_name = "reg";
    rl_attempted_completion_function = attempt;
    rl_basic_word_break_characters = " \t\n\"'`@$><=;|&{(,)}[]+-*/^%.~!?";
    open_history();
}

void prompt_close(void) {
    candidates_free(&prompt.candidates);
    free(prompt.history);
    prompt.history = NULL;
}
