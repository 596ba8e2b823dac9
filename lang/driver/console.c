#include "lang/driver/console.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { COLUMNS = 100, HANDLER_STACK = 64 * 1024 };

/* Output ------------------------------------------------------------------------------------------------------------- */

static void write_out(void *context, const char *text, size_t length) {
    (void)context;
    fwrite(text, 1, length, stdout);
    if (ferror(stdout)) exit(console_close(EXIT_FAILED));
}

/* Results that were printed before a message also appear before it. */
static void write_note(void *context, const char *text, size_t length) {
    (void)context;
    fflush(stdout);
    fwrite(text, 1, length, stderr);
}

void console_text(const Text *text) { write_out(NULL, text_string(text), text->length); }

int console_close(int code) {
    if (!fflush(stdout) && !ferror(stdout)) return code;
    if (errno == EPIPE) return EXIT_PIPE;
    fprintf(stderr, "reg: cannot write to standard output: %s\n", strerror(errno));
    return EXIT_FAILED;
}

bool console_has_colour(int file) {
    const char *terminal = getenv("TERM"), *no_colour = getenv("NO_COLOR");
    return isatty(file) && !(no_colour && *no_colour) && terminal && strcmp(terminal, "dumb") != 0;
}

static int terminal_columns(int file) {
    struct winsize size;
    return !ioctl(file, TIOCGWINSZ, &size) && size.ws_col > 0 ? size.ws_col : COLUMNS;
}

Session *console_session(const Options *options, bool check_only) {
    bool is_terminal = isatty(STDERR_FILENO);
    Session *session = session_new((SessionOptions){.threads = options->threads,
                                                    .jit = options->jit,
                                                    .check_only = check_only,
                                                    .explain = options->explain,
                                                    .verify = options->verify,
                                                    .quiet = options->quiet,
                                                    .colour = console_has_colour(STDERR_FILENO),
                                                    .bundle = options->bundle,
                                                    .kernels = options->kernels,
                                                    .overrides = options->overrides,
                                                    .override_count = options->override_count,
                                                    .profile = options->profile,
                                                    .dump = options->dump},
                                   (SessionOutput){.write = write_out,
                                                   .note = write_note,
                                                   .note_is_terminal = is_terminal,
                                                   .columns = is_terminal ? terminal_columns(STDERR_FILENO) : COLUMNS});
    session->elaborator.seed = (uint64_t)options->seed;
    return session;
}

/* Signals ------------------------------------------------------------------------------------------------------------ */

/* A handler has no argument to find these by. */
static Session *watched;
static volatile sig_atomic_t *prompt_flag;

static void on_interrupt(int signal) {
    static const char after_step[] = "\nreg: stopping after this step; Ctrl-C again stops at once\n", now[] = "\nreg: stopping\n";
    (void)signal;
    if (prompt_flag) {
        *prompt_flag = 1;
        return;
    }
    if (!watched || (watched->interrupted && !watched->options.interactive)) _exit(EXIT_INTERRUPTED);
    bool finishes_step = session_interrupt(watched);
    ssize_t written = write(STDERR_FILENO, finishes_step ? after_step : now, (finishes_step ? sizeof after_step : sizeof now) - 1);
    (void)written;
}

/* On a stack of its own: kernels of oneDNN keep their buffers where the stack pointer points to while they run. */
static void handle_interrupts(void) {
    static char stack[HANDLER_STACK];
    sigaltstack(&(stack_t){.ss_sp = stack, .ss_size = sizeof stack}, NULL);
    struct sigaction action = {.sa_handler = on_interrupt, .sa_flags = SA_RESTART | SA_ONSTACK};
    sigaction(SIGINT, &action, NULL);
}

void console_watch(Session *session) {
    watched = session;
    handle_interrupts();
}

void console_watch_prompt(volatile sig_atomic_t *flag) {
    prompt_flag = flag;
    handle_interrupts();
}

/* Input -------------------------------------------------------------------------------------------------------------- */

static char *read_input(size_t *length) {
    Text text = {0};
    char block[65536];
    size_t count;
    while ((count = fread(block, 1, sizeof block, stdin)) > 0) text_add_bytes(&text, block, count);
    *length = text.length;
    char *bytes = text.bytes ? text.bytes : copy_string("");
    if (!ferror(stdin)) return bytes;
    fprintf(stderr, "reg: cannot read standard input: %s\n", strerror(errno));
    free(bytes);
    return NULL;
}

char *console_read(const char *path, size_t *length) {
    if (!strcmp(path, "-")) return read_input(length);
    Fault fault = {0};
    char *text = file_read(path, length, &fault);
    if (text) return text;
    fprintf(stderr, "reg: %s\n", fault.message);
    if (fault.help[0]) fprintf(stderr, "help: %s\n", fault.help);
    return NULL;
}
