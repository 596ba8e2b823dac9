/* The command line: the only place that exits. */
#include "lang/script/session.h"
#include "runtime/base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void write_out(void *context, const char *text, size_t length) {
    (void)context;
    fwrite(text, 1, length, stdout);
}

static void write_note(void *context, const char *text, size_t length) {
    (void)context;
    fflush(stdout);
    fwrite(text, 1, length, stderr);
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    Fault fault = {0};
    size_t length;
    char *text = file_read(argv[2], &length, &fault);
    if (!text) {
        fprintf(stderr, "%s\n", fault.message);
        return 1;
    }
    Session *session = session_new((SessionOptions){.check_only = !strcmp(argv[1], "check"), .verify = getenv("REG_VERIFY") != NULL}, (SessionOutput){.write = write_out, .note = write_note, .note_is_terminal = false});
    bool ok = session_run(session, argv[2], text, length);
    session_report(session);
    free(text);
    session_free(session);
    return ok ? 0 : 1;
}
