#include "runtime/exec/compiler.h"

#include "runtime/base/file.h"
#include "runtime/base/memory.h"
#include "runtime/exec/fused_text.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

extern char **environ;

enum { ARGUMENT_MAX = 32 };

static const char COMPILER[] = "cc";
static const char *const file_names[] = {"kernels.c", "kernels.so", "messages"};

struct Compilation {
    char *folder;   /* of its files */
    char *files[3]; /* text, object, messages */
    pid_t process;  /* 0: it has ended */
    bool ok;
};

/* The compiler ------------------------------------------------------------------------------------------------------- */

static bool is_program(const char *path, struct stat *status) {
    return stat(path, status) == 0 && S_ISREG(status->st_mode) && access(path, X_OK) == 0;
}

bool compiler_identity(Text *out) {
    const char *at = getenv("PATH");
    for (at = at != NULL ? at : ""; *at != '\0'; at += *at == ':') {
        size_t length = strcspn(at, ":");
        char path[PATH_MAX], resolved[PATH_MAX];
        struct stat status;
        int written = snprintf(path, sizeof path, "%.*s/%s", (int)length, at, COMPILER);
        at += length;
        if (written < 0 || (size_t)written >= sizeof path || !is_program(path, &status) || realpath(path, resolved) == NULL) continue;
        text_addf(out, "%s %lld %lld.%09ld", resolved, (long long)status.st_size, (long long)status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
        return true;
    }
    return false;
}

/* One compilation ---------------------------------------------------------------------------------------------------- */

static Compilation *make_folder(Fault *fault) {
    const char *parent = getenv("TMPDIR");
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/reg-kernels-XXXXXX", parent != NULL && *parent != '\0' ? parent : P_tmpdir);
    if (mkdtemp(path) == NULL) {
        fault_set(fault, "no temporary folder '%s' can be made: %s", path, strerror(errno));
        return NULL;
    }
    Compilation *compilation = allocate(sizeof *compilation);
    compilation->folder = copy_string(path);
    for (int k = 0; k < 3; k++) {
        Text name = {0};
        text_addf(&name, "%s/%s", path, file_names[k]);
        compilation->files[k] = copy_string(text_string(&name));
        text_free(&name);
    }
    return compilation;
}

static bool spawn(Compilation *compilation, int level, Fault *fault) {
    const char *arguments[ARGUMENT_MAX];
    int count = 0;
    arguments[count++] = COMPILER;
    for (const char *const *flag = fused_text_flags; *flag != NULL; flag++) arguments[count++] = *flag;
    for (const char *const *flag = fused_text_level_flags(level); *flag != NULL; flag++) arguments[count++] = *flag;
    arguments[count++] = "-o";
    arguments[count++] = compilation->files[1];
    arguments[count++] = compilation->files[0];
    arguments[count] = NULL;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, compilation->files[2], O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    int error = posix_spawnp(&compilation->process, COMPILER, &actions, NULL, (char *const *)(uintptr_t)arguments, environ);
    posix_spawn_file_actions_destroy(&actions);
    if (error == 0) return true;
    compilation->process = 0;
    return fault_set(fault, error == ENOENT ? "there is no C compiler `cc`" : "the C compiler `cc` does not start: %s", strerror(error));
}

Compilation *compiler_start(const char *text, size_t length, int level, Fault *fault) {
    if (fused_text_level_flags(level) == NULL) {
        fault_set(fault, "kernels are compiled for processors with AVX2 only");
        return NULL;
    }
    Compilation *compilation = make_folder(fault);
    if (compilation == NULL) return NULL;
    if (file_write(compilation->files[0], text, length, fault) && spawn(compilation, level, fault)) return compilation;
    compiler_free(compilation);
    return NULL;
}

static bool tell_messages(const Compilation *compilation, Fault *fault) {
    size_t length;
    char *messages = file_read(compilation->files[2], &length, NULL);
    if (messages != NULL && length > 0) fault_set(fault, "the C compiler `cc` failed: %.*s", (int)strcspn(messages, "\n"), messages);
    else fault_set(fault, "the C compiler `cc` failed");
    free(messages);
    return false;
}

CompilerState compiler_poll(Compilation *compilation, bool wait, Fault *fault) {
    if (compilation->process != 0) {
        int status;
        pid_t ended;
        do ended = waitpid(compilation->process, &status, wait ? 0 : WNOHANG);
        while (ended < 0 && errno == EINTR);
        if (ended == 0) return COMPILER_RUNS;
        compilation->process = 0;
        compilation->ok = ended > 0 && WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    if (!compilation->ok) tell_messages(compilation, fault);
    return compilation->ok ? COMPILER_DONE : COMPILER_FAILED;
}

char *compiler_result(const Compilation *compilation, size_t *length, Fault *fault) {
    return file_read(compilation->files[1], length, fault);
}

void compiler_free(Compilation *compilation) {
    if (compilation == NULL) return;
    if (compilation->process != 0) {
        kill(compilation->process, SIGTERM);
        waitpid(compilation->process, NULL, 0);
    }
    for (int k = 0; k < 3; k++) {
        unlink(compilation->files[k]);
        free(compilation->files[k]);
    }
    rmdir(compilation->folder);
    free(compilation->folder);
    free(compilation);
}
