/* `reg run --profile`: what is attributed to which line, and what the table says. */
#include "lang/driver/profile.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the headers above it. */
#include <cmocka.h>

static void keep(void *context, const char *text, size_t length) { text_add_bytes(context, text, length); }

static Session *session_with(const char *text, Text *output, bool profile) {
    SessionOptions options = {.threads = 2, .quiet = true, .profile = profile};
    Session *session = session_new(options, (SessionOutput){output, keep, keep, false, 100});
    if (!session_run(session, "test.reg", text, strlen(text))) session_report(session);
    return session;
}

static int line_of(const Session *session, const StepOrigin *origin) {
    int line, column;
    source_position(&session->sources.items[origin->file], origin->start, &line, &column);
    return line;
}

static double flops_of_line(const Session *session, int line) {
    double flops = 0;
    for (size_t k = 0; k < session->profile->count; k++) {
        const ProfileEntry *entry = &session->profile->items[k];
        if (line_of(session, &entry->origin) == line) flops += entry->origin.flops * (double)entry->runs;
    }
    return flops;
}

static void products_are_counted(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("let a = normal([64, 32])\n"
                                    "let b = normal([32, 16])\n"
                                    "print sum(\n"
                                    "  a @ b)\n",
                                    &output, true);
    assert_true(fabs(flops_of_line(session, 4) - 2.0 * 64 * 32 * 16) < 1);
    double seconds = 0;
    for (size_t k = 0; k < session->profile->count; k++) seconds += session->profile->items[k].seconds;
    assert_true(seconds > 0 && seconds <= profile_now() - session->profile->started);
    session_free(session);
    text_free(&output);
}

/* A body of one product, 7 times: the loop's step does not count the time of its body again. */
static void loops_count_their_bodies(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("let w = normal([8, 8])\n"
                                    "let out = loop (x = ones([4, 8])) until sum(x) > 1e9 max 7 {\n"
                                    "  x <- x @ w\n"
                                    "}\n"
                                    "print sum(out.x)\n",
                                    &output, true);
    assert_string_equal("", strstr(text_string(&output), "error") ? text_string(&output) : "");
    assert_true(fabs(flops_of_line(session, 3) - 7 * 2.0 * 4 * 8 * 8) < 1);
    session_free(session);
    text_free(&output);
}

static void shares_of_a_group_sum_to_one(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("let x = normal([1000])\n"
                                    "let a = exp(x)\n"
                                    "let b = a * x +\n"
                                    "  tanh(x)\n"
                                    "print sum(b)\n",
                                    &output, true);
    double share = 0, bytes = 0;
    for (size_t k = 0; k < session->profile->count; k++) {
        const ProfileEntry *entry = &session->profile->items[k];
        share += entry->origin.share;
        bytes += entry->bytes;
        assert_int_equal(entry->runs, 1);
    }
    assert_true(fabs(share - round(share)) < 1e-9);
    assert_true(bytes > 1000 * 4);
    session_free(session);
    text_free(&output);
}

static void the_table_names_lines(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("model net{}(x: [n, d]) =\n"
                                    "  x |> dense{32}\n"
                                    "    |> relu\n"
                                    "    |> dense{3}\n"
                                    "let m = net{}\n"
                                    "let x = normal([256, 100])\n"
                                    "train m for 20 steps {\n"
                                    "  minimize fit = mean(m(x)^2)\n"
                                    "  using adam{lr = 1e-3}\n"
                                    "}\n",
                                    &output, true);
    profile_report(session);
    const char *table = text_string(&output);
    static const char *const expected[] = {"of peak",
                                           "test.reg:2  x |> dense{32}\n",
                                           "test.reg:4  |> dense{3}\n",
                                           "test.reg:9  using adam{lr = 1e-3}\n",
                                           "total\n",
                                           "compiling\n",
                                           "outside plans",
                                           "by kind of step: "};
    for (size_t k = 0; k < sizeof expected / sizeof *expected; k++)
        if (!strstr(table, expected[k])) fail_msg("'%s' is not in\n%s", expected[k], table);
    assert_null(strstr(table, "test.reg:10"));
    session_free(session);
    text_free(&output);
}

/* What the row that begins so says. */
static double seconds_of_row(const char *table, const char *what) {
    const char *at = strstr(table, what);
    if (!at) return 0;
    while (at > table && at[-1] != '\n') at--;
    char *unit;
    double number = strtod(at, &unit);
    return unit[1] == 's' ? number : number * (unit[1] == 'm' ? 1e-3 : 1e-6);
}

static void files_have_a_row(void **state) {
    (void)state;
    Text output = {0};
    char folder[] = "/tmp/reg-profile-XXXXXX", back[1024];
    assert_non_null(getcwd(back, sizeof back));
    assert_non_null(mkdtemp(folder));
    assert_int_equal(chdir(folder), 0);
    Session *session = session_with("var w = zeros([300, 300])\n"
                                    "train w for 20 steps {\n"
                                    "  minimize sum((w - 1)^2)\n"
                                    "  using sgd{lr = 0.1}\n"
                                    "  checkpoint \"a.ckpt\" every 1 steps\n"
                                    "}\n"
                                    "save {w = w} to \"w.npz\"\n",
                                    &output, true);
    profile_report(session);
    double files = seconds_of_row(text_string(&output), "writing files: checkpoints, save\n");
    if (!(files > 1e-5)) fail_msg("no row of files in\n%s", text_string(&output));
    assert_true(fabs(files - session->profile->files) < 0.02 * files);
    assert_int_equal(unlink("a.ckpt") | unlink("w.npz"), 0);
    assert_int_equal(chdir(back), 0);
    rmdir(folder);
    session_free(session);
    text_free(&output);
}

static void nothing_computed_says_so(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("let a = 1\n", &output, true);
    profile_report(session);
    assert_non_null(strstr(text_string(&output), "no plan ran"));
    session_free(session);
    text_free(&output);
}

static void nothing_is_measured_unasked(void **state) {
    (void)state;
    Text output = {0};
    Session *session = session_with("print sum(normal([10]))\n", &output, false);
    assert_null(session->profile);
    session_free(session);
    text_free(&output);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(products_are_counted),
        cmocka_unit_test(loops_count_their_bodies),
        cmocka_unit_test(shares_of_a_group_sum_to_one),
        cmocka_unit_test(the_table_names_lines),
        cmocka_unit_test(files_have_a_row),
        cmocka_unit_test(nothing_computed_says_so),
        cmocka_unit_test(nothing_is_measured_unasked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
