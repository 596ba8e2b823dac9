/* Executables that carry files: copies of this test, which say as children what they find in themselves. */
#include "runtime/base/bundle.h"
#include "runtime/base/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
/* cmocka needs the headers above it. */
#include <cmocka.h>

enum { NOTHING = 0, DAMAGED = 2, WHOLE = 3 };

static int found_in_myself(void) {
    Bundle bundle;
    int found = bundle_is_due() ? DAMAGED : NOTHING;
    if (!bundle_open(&bundle)) return found;
    const BundleFile *file = bundle_find(&bundle, "a.reg");
    bool is_whole = file && file->length == 7 && !memcmp(file->bytes, "print 1", 7) && !bundle_find(&bundle, "b.reg");
    bundle_close(&bundle);
    return is_whole ? WHOLE : DAMAGED;
}

static int child_of(const Text *program, size_t length) {
    char path[] = "/tmp/reg-bundle-XXXXXX";
    int descriptor = mkstemp(path);
    assert_true(descriptor >= 0 && write(descriptor, program->bytes, length) == (ssize_t)length && fchmod(descriptor, 0700) == 0);
    close(descriptor);
    pid_t child = fork();
    if (child == 0) {
        execl(path, path, "child", (char *)NULL);
        _exit(127);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    unlink(path);
    return WEXITSTATUS(status);
}

static void copies_know_what_they_carry(void **state) {
    (void)state;
    Fault fault = {0};
    Text program = {0};
    size_t length;
    char *bytes = bundle_executable(&length, &fault);
    assert_non_null(bytes);
    text_add_bytes(&program, bytes, length);
    assert_int_equal(child_of(&program, program.length), NOTHING);
    bundle_append(&program, &(BundleFile){"a.reg", "print 1", 7}, 1);
    assert_int_equal(child_of(&program, program.length), WHOLE);
    assert_int_equal(child_of(&program, program.length - 1), DAMAGED);
    assert_int_equal(child_of(&program, length), DAMAGED);
    text_add_char(&program, 'x');
    assert_int_equal(child_of(&program, program.length), DAMAGED);
    text_free(&program);
    free(bytes);
}

int main(int count, char **words) {
    if (count > 1 && !strcmp(words[1], "child")) return found_in_myself();
    const struct CMUnitTest tests[] = {cmocka_unit_test(copies_know_what_they_carry)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
