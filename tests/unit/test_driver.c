/* What the driver knows besides printing: completion, golden lines, examples in comments, documentation. */
#include "lang/driver/complete.h"
#include "lang/driver/doc.h"
#include "lang/driver/golden.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
/* cmocka needs the headers above it. */
#include <cmocka.h>

static void ignore(void *context, const char *text, size_t length) { (void)context, (void)text, (void)length; }

static Session *session_with(const char *text) {
    Session *session = session_new((SessionOptions){.threads = 1, .quiet = true}, (SessionOutput){.write = ignore, .note = ignore});
    assert_true(session_run(session, "test.reg", text, strlen(text)));
    return session;
}

static bool offers(Session *session, const char *before, const char *word, const char *expected) {
    Candidates found = {0};
    complete(session, before, word, &found);
    bool any = false;
    for (size_t k = 0; k < found.count; k++) {
        assert_int_equal(strncmp(found.items[k], word, strlen(word)), 0);
        if (k) assert_true(strcmp(found.items[k - 1], found.items[k]) < 0);
        any = any || !strcmp(found.items[k], expected);
    }
    candidates_free(&found);
    return any;
}

static void names_are_completed(void **state) {
    (void)state;
    Session *session = session_with("let velocity = 3\nmodel tower{}(x) = x\n");
    assert_true(offers(session, "", "vel", "velocity"));
    assert_true(offers(session, "let t = ", "tow", "tower"));
    assert_true(offers(session, "1 + ", "softm", "softmax"));
    assert_true(offers(session, "", "min", "minimize"));
    assert_true(offers(session, "using ", "ada", "adam"));
    assert_true(offers(session, "", ":d", ":doc"));
    assert_true(offers(session, ":doc ", "E04", "E0400"));
    assert_false(offers(session, "", "E04", "E0400"));
    session_free(session);
}

static void fields_are_completed(void **state) {
    (void)state;
    Session *session = session_with("let r = {inner = {deep = [1.0, 2.0]}, other = 1}\n"
                                    "model net{units = 2}(x) = x |> dense{units}\nlet n = net{}\nlet y = n(zeros([1, 3]))\n");
    assert_true(offers(session, "r.", "", "inner"));
    assert_true(offers(session, "1 + r.inner.", "d", "deep"));
    assert_true(offers(session, "r.inner.deep.", "sh", "shape"));
    assert_true(offers(session, "n.", "den", "dense_1"));
    assert_true(offers(session, "n.", "un", "units"));
    assert_true(offers(session, "n.dense_1.", "", "w"));
    assert_false(offers(session, "r.", "", "let"));
    assert_false(offers(session, "nobody.", "", "let"));
    assert_false(offers(session, ".", "", "let"));
    session_free(session);
}

static bool passes(const char *text, int lines) {
    Golden golden = {0};
    SessionOptions options = {.threads = 1, .quiet = true};
    bool ok = golden_run(&golden, &options, "test.reg", text, strlen(text), NULL);
    assert_int_equal(golden.lines, lines);
    assert_int_equal(ok, golden.notes.length == 0);
    golden_free(&golden);
    return ok;
}

static void golden_lines_compare(void **state) {
    (void)state;
    assert_true(passes("1 + 1\n#> 2\n", 1));
    assert_true(passes("1 + 1  #> 2\n2 + 2 #> 4\n", 2));
    assert_false(passes("1 + 1\n#> 3\n", 1));
    assert_true(passes("1 / 3 #> 0.333333333\n", 1));
    assert_false(passes("1 / 3 #> 0.3334\n", 1));
    assert_true(passes("[[1.0, 2.0], [3.0, 4.0]]\n#> [[1, 2], [3, 4]]\n", 1));
    assert_false(passes("print \"ab\"\n#> a b\n", 1));
    assert_true(passes("for k in 0..2 { print k }\n#> 0\n#> 1\n", 1));
    assert_false(passes("let x = 1\n#> 1\n", 1));
    assert_false(passes("let x = y\n", 0));
    assert_true(passes("-0.5 #> -0.5\n", 1));
    assert_false(passes("-0.5 #> 0.5\n", 1));
}

static void examples_are_cut_out(void **state) {
    (void)state;
    const char text[] = "# file\n## Twice.\n## > twice(2)\n## #> 4\nfn twice(x) = 2 * x\n\n## None.\nfn f(x) = x\n## > f(1)\n## #> 1\n";
    size_t offset = 0;
    char *first = golden_example(text, strlen(text), &offset);
    assert_non_null(first);
    assert_int_equal(strlen(first), strlen(text));
    assert_non_null(strstr(first, "twice(2)\n   #> 4\n"));
    assert_null(strstr(first, "f(1)"));
    char *second = golden_example(text, strlen(text), &offset);
    assert_non_null(second);
    assert_non_null(strstr(second, "f(1)"));
    assert_null(golden_example(text, strlen(text), &offset));
    free(first);
    free(second);
}

static void documentation_is_found(void **state) {
    (void)state;
    Text text = {0};
    assert_true(doc_name("sum", &text));
    assert_non_null(strstr(text_string(&text), "axis"));
    assert_true(doc_name("E0400", &text));
    assert_true(doc_name("train", &text));
    assert_true(doc_name("restore", &text));
    assert_true(doc_name("reset", &text));
    assert_true(doc_name("adam", &text));
    assert_non_null(strstr(text_string(&text), "method adam{"));
    assert_true(doc_name("iris", &text));
    assert_false(doc_name("no such thing", &text));
    char *nearest = doc_nearest("sofmax");
    assert_string_equal(nearest, "softmax");
    free(nearest);
    text_free(&text);
    doc_list(&text);
    assert_non_null(strstr(text_string(&text), "softmax"));
    text_free(&text);
}

/* Interrupts ----------------------------------------------------------------------------------------------------------- */

static Session *interrupted;

static void on_alarm(int signal) {
    (void)signal;
    session_interrupt(interrupted);
}

/* Runs what would not end by itself; a tenth of a second later somebody presses Ctrl-C. */
static void stops(const char *text) {
    interrupted = session_with("let q = 41\n");
    struct itimerval soon = {.it_value.tv_usec = 100000};
    sigaction(SIGALRM, &(struct sigaction){.sa_handler = on_alarm, .sa_flags = SA_RESTART}, NULL);
    setitimer(ITIMER_REAL, &soon, NULL);
    assert_false(session_run(interrupted, "long.reg", text, strlen(text)));
    assert_int_equal(interrupted->diagnostics.count, 1);
    assert_string_equal(interrupted->diagnostics.items[0].code, "E0902");
    diagnostics_clear(&interrupted->diagnostics);
    interrupted->interrupted = interrupted->abandoned = 0;
    assert_true(session_run(interrupted, "after.reg", "print q + 1\n", 12));
    session_free(interrupted);
}

static void an_interrupt_stops_whatever_runs(void **state) {
    (void)state;
    stops("let r = loop (x = 1.0, k = 0) until x < 0 max 2000000000 { x <- x + 1 }\n");
    stops("fn fib(n) = if n < 2 then n else fib(n - 1) + fib(n - 2)\nprint fib(60)\n");
    stops("for i in 0..1000000 { for j in 0..1000000 { let z = 1 } }\n");
    stops("let a = uniform([4000, 4000])\nprint sum(a @ a @ a @ a @ a @ a @ a @ a)\n");
}

static void a_training_ends_its_step(void **state) {
    (void)state;
    Session *session = session_with("");
    session->is_stepping = 1;
    assert_true(session_interrupt(session));
    assert_false(session->abandoned);
    assert_false(session_interrupt(session));
    assert_true(session->abandoned);
    session_free(session);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_completed),      cmocka_unit_test(fields_are_completed),
        cmocka_unit_test(golden_lines_compare),     cmocka_unit_test(examples_are_cut_out),
        cmocka_unit_test(documentation_is_found),   cmocka_unit_test(an_interrupt_stops_whatever_runs),
        cmocka_unit_test(a_training_ends_its_step),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
