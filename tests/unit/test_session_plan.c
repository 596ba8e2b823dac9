/* What `reg compile` compiles for each statement: its own part, not what earlier statements have computed by then. */
#include "lang/script/session.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
/* cmocka needs the headers above it. */
#include <cmocka.h>

static void keep(void *context, const char *text, size_t length) { text_add_bytes(context, text, length); }

/* Kernels of the script's plans. */
static size_t kernels_of(const char *text) {
    Text notes = {0};
    KernelSet kernels = {0};
    SessionOptions options = {.threads = 1, .quiet = true, .check_only = true, .kernels = &kernels};
    Session *session = session_new(options, (SessionOutput){&notes, keep, keep, false, 100});
    if (!session_run(session, "test.reg", text, strlen(text))) fail_msg("%s", text);
    size_t count = kernels.names.count;
    session_free(session);
    kernel_set_free(&kernels);
    text_free(&notes);
    return count;
}

#define X "let x = normal([100], seed = 1)\n"
#define A "let a = exp(x) * 2 + x\nprint a\n"
#define B "let b = tanh(a) * a - 1\nprint b\n"

static void statements_add_their_own_part(void **state) {
    (void)state;
    size_t first = kernels_of(X "print x\n" A), both = kernels_of(X "print x\n" A B);
    assert_true(first > 0);
    assert_int_equal(both, first + 1);
    assert_int_equal(kernels_of(X "print x\n" A B "print b\nprint a\n"), both);
    assert_int_equal(kernels_of(X "print x\n" A "print exp(x) * 2 + x\n"), first);
}

static void a_chain_is_cut_at_every_value(void **state) {
    (void)state;
    Text script = {0};
    text_add(&script, X "print x\nlet a0 = x\n");
    for (int k = 1; k <= 40; k++) text_addf(&script, "let a%d = tanh(a%d) * 0.5\nprint a%d\n", k, k - 1, k);
    assert_int_equal(kernels_of(text_string(&script)), kernels_of(X "print x\nlet a = tanh(x) * 0.5\nprint a\n"));
    text_free(&script);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(statements_add_their_own_part), cmocka_unit_test(a_chain_is_cut_at_every_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
