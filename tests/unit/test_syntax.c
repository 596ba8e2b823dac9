/* Text to tree and back: trees of snippets, the formatter, error messages, names, and texts that mean harm. */
#include "lang/names/names.h"
#include "lang/syntax/parser.h"
#include "runtime/base/memory.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

typedef struct Reading {
    Sources sources;
    Diagnostics diagnostics;
    Arena *arena;
    Script script;
    bool incomplete;
    Text out;
} Reading;

static void reading_start(Reading *reading, const char *text, size_t length) {
    *reading = (Reading){.arena = arena_new()};
    reading->diagnostics.sources = &reading->sources;
    uint32_t file = sources_add(&reading->sources, "a.reg", text, length);
    reading->script = parse_script(reading->arena, file, &reading->diagnostics, &reading->incomplete);
}

static void reading_end(Reading *reading) {
    text_free(&reading->out);
    arena_free(reading->arena);
    diagnostics_clear(&reading->diagnostics);
    sources_free(&reading->sources);
}

/* The dump as one line: nodes of a level separated by blanks, items in parentheses. */
static void flatten(const Tree *tree, Text *out) {
    if (!tree) {
        text_add(out, "_");
        return;
    }
    if (tree->kind == TREE_NAME) text_add(out, tree->name);
    else if (tree->kind == TREE_NUMBER) text_addf(out, "%g", tree->number);
    else {
        text_add(out, tree_kind_name(tree->kind));
        if (tree->name) text_addf(out, ":%s", tree->name);
        if (tree->flag) text_add(out, "*");
    }
    int count = tree->count;
    while (count > 0 && !tree->items[count - 1]) count--;
    for (int i = 0; i < count; i++) {
        text_add(out, i ? " " : "(");
        flatten(tree->items[i], out);
    }
    if (count > 0) text_add(out, ")");
}

typedef struct Case {
    const char *text, *tree;
} Case;

static void check_cases(const Case *cases, size_t count) {
    for (size_t i = 0; i < count; i++) {
        Reading reading;
        reading_start(&reading, cases[i].text, strlen(cases[i].text));
        if (reading.diagnostics.count) diagnostics_print(&reading.diagnostics, &reading.out, false);
        for (int k = 0; k < reading.script.root->count; k++) {
            if (k) text_add(&reading.out, "; ");
            flatten(reading.script.root->items[k], &reading.out);
        }
        assert_string_equal(text_string(&reading.out), cases[i].tree);
        reading_end(&reading);
    }
}
#define CHECK(cases) check_cases(cases, sizeof(cases) / sizeof *(cases))

static void precedence(void **state) {
    (void)state;
    static const Case cases[] = {
        {"a + b * c", "expression(binary:+(a binary:*(b c)))"},
        {"-x^2", "expression(unary:-(binary:^(x 2)))"},
        {"2^-a^b", "expression(binary:^(2 unary:-(binary:^(a b))))"},
        {"not a == b and c", "expression(binary:and(unary:not(binary:==(a b)) c))"},
        {"a |> f |> g(1)", "expression(pipe(pipe(a f) call(g argument(1))))"},
        {"0..n - 1", "expression(range(0 binary:-(n 1)))"},
        {"a // b % c @ d", "expression(binary:@(binary:%(binary://(a b) c) d))"},
        {"(t, y) -> t |> y", "expression(lambda(parameters(parameter:t parameter:y) pipe(t y)))"},
        {"() -> a", "expression(lambda(parameters a))"},
        {"if a then b else c + 1", "expression(if(a b binary:+(c 1)))"},
        {"a with x = 1 with y = 2", "expression(with:y(with:x(a 1) 2))"},
        {"net without l2", "expression(without:l2(net))"},
        {"if a<-1 then b else c", "expression(if(binary:<(a unary:-(1)) b c))"},
        {"f(a)[1].b{c}(d)", "expression(call(make(field:b(index(call(f argument(a)) 1)) argument(c)) argument(d)))"},
    };
    CHECK(cases);
}

static void words_and_stars(void **state) {
    (void)state;
    static const Case cases[] = {
        {"let loss = step(1, at = 50%)", "let:loss(call(step argument(1) argument:at(quantity:percent(50))))"},
        {"data.x", "expression(field:x(data))"},
        {"seed = 3", "a"},
        {"fn f(data, step) = max(data, batch)",
         "fn:f(parameters(parameter:data parameter:step) _ call(max argument(data) argument(batch)))"},
        {"x.y*z", "expression(binary:*(field:y(x) z))"},
        {"x.y * z", "expression(binary:*(field:y(x) z))"},
        {"net.block*.**.w", "expression(field:w(field:**(field:block*(net))))"},
        {"f(net.conv*, n.*norm)", "expression(call(f argument(field:conv*(net)) argument(field:*norm(n))))"},
        {"net.**[rank >= 2] except net.head.**", "expression(except(index(field:**(net) binary:>=(rank 2)) field:**(field:head(net))))"},
        {"5%3 + 50 % k", "expression(binary:+(binary:%(5 3) binary:%(50 k)))"},
        {"ramp(0, K steps, 2 epochs)", "expression(call(ramp argument(0) argument(quantity:steps(K)) argument(quantity:epochs(2))))"},
        {"let x = print; seed 4; seed", "let:x(print); seed(4); expression(seed)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (strcmp(cases[i].tree, "a")) check_cases(&cases[i], 1);
}

static void statements(void **state) {
    (void)state;
    static const Case cases[] = {
        {"model m{k = 3, p: a | b = a}(x: [n, ...]) -> [n] = x",
         "model:m(parameters(parameter:k(_ 3) parameter:p(choices(a b) a)) parameters(parameter:x(shape(n slice*))) shape(n) x)"},
        {"fn f(x) {\n  let y = x\n  y\n}\n  gradient(g) = g * 2\nf(1)",
         "fn:f(parameters(parameter:x) _ block(let:y(x) expression(y)) lambda(parameters(parameter:g) binary:*(g 2))); "
         "expression(call(f argument(1)))"},
        {"penalty l1(w) = w\n  prox(w, t) = w", "penalty:l1(parameters(parameter:w) _ w lambda(parameters(parameter:w parameter:t) w))"},
        {"method m{} {\n state t: [k] = zeros\n gradient(g) = g\n penalty(output, i) { t[i] <- 1; 2 }\n every epoch { t <- 0 }\n}",
         "method:m(parameters state:t(shape(k) zeros) hook:gradient(parameters(parameter:g) g) "
         "hook:penalty(parameters(parameter:output parameter:i) block(commit(index(t i) 1) expression(2))) "
         "every(quantity:epochs(1) block(commit(t 0))))"},
        {"var z: [1] ~ normal(0, 1)\nstate m = zeros", "var:z*(shape(1) call(normal argument(0) argument(1))); state:m(_ zeros)"},
        {"tune r: [3] in (0, 0.9) start 0.05", "tune:r(shape(3) 0 0.9 0.05)"},
        {"loop (x = 1) until x > 3 max 9 { x <- x + 1 }",
         "expression(loop(block(argument:x(1)) binary:>(x 3) 9 block(commit(x binary:+(x 1)))))"},
        {"x[i, :, 1:3, ::2, ...]", "expression(index(x i slice slice(1 3) slice(_ _ 2) slice*))"},
        {"table \"t\" {\n \"a {v}\" = 1, 2\n for v in l { row \"b\" = 3 }\n}",
         "table(string:t row(string:a {v} 1 2) for:v(l block(row(string:b 3))))"},
        {"plot \"a.svg\" { lines(x)\n title = \"t\" }", "plot(string:a.svg call(lines argument(x)) argument:title(string:t))"},
        {"save net to \"n\"; image x; expect a", "save(net string:n); image(x); expect(a)"},
        {"if a { b } else if c { d }", "expression(if(a block(expression(b)) if(c block(expression(d)))))"},
        {"let a = [1,\n 2,\n]\n  |> f", "let:a(pipe(list(1 2) f))"},
        {"{a = 1, b = 2}", "expression(record(argument:a(1) argument:b(2)))"},
    };
    CHECK(cases);
}

static void training(void **state) {
    (void)state;
    static const Case cases[] = {
        {"train a, b on c for 2 epochs { minimize x }", "train(list(a b) list(c) quantity:epochs(2) minimize(_ _ _ _ _ argument(x)))"},
        {"train a for N steps {\n minimize p = x\n          q = y\n batch all\n}",
         "train(list(a) _ quantity:steps(N) minimize(_ _ _ _ _ argument:p(x) argument:q(y)) batch)"},
        {"train a for 1 epochs { minimize eval over d using u{} on v every 2 steps after epoch 5: l = x }",
         "train(list(a) _ quantity:epochs(1) minimize*(d v quantity:steps(2) make(u) quantity:epochs(5) argument:l(x)))"},
        {"train a for 1 epochs { minimize over(x) }",
         "train(list(a) _ quantity:epochs(1) minimize(_ _ _ _ _ argument(call(over argument(x)))))"},
        {"train a for 1 epochs { minimize x; with m{} on a.**; using o{}; batch b with replacement; seed 1 }",
         "train(list(a) _ quantity:epochs(1) minimize(_ _ _ _ _ argument(x)) method_use(make(m) field:**(a)) using(make(o)) batch*(b) seed(1))"},
        {"train a for 1 epochs { watch v = x on t every 1 epoch; log y every 10 steps; keep best lowest v; stop when v < 1 }",
         "train(list(a) _ quantity:epochs(1) watch(argument:v(x) t quantity:epochs(1)) log(argument(y) quantity:steps(10)) "
         "keep:lowest(v) stop(binary:<(v 1)))"},
        {"train a for 1 epochs { checkpoint \"f\" every 2 epochs; draw u from d.x batch 3; at 50% { reset optimizer on a.w } }",
         "train(list(a) _ quantity:epochs(1) checkpoint(string:f quantity:epochs(2)) draw:u(field:x(d) 3) "
         "at(quantity:percent(50) block(reset(field:w(a)))))"},
    };
    CHECK(cases);
}

/* --- formatter --- */

static const char *const script_text =
    "# top\nfn   f( x:[n,d],k=3 )->[n]={  # behind\n\n\n let a=x|>g\n     |>h\n a^2 - -1\n   # last\n}\n\n\n"
    "train a,b on c for 10 epochs {\nminimize over a : p=x\nq = y*2 # t\n  with m{b=1,}  on a.**.w\nbatch all }\n"
    "let r = {a=1,\n b=[1,2][0:1]}\nlet t = f(a,\n(x)->x ,\n# inside\nz)\n"
    "if a<-1 { b;c }\nelse { d }\n";

static void format(const char *text, Text *out, Text *dump) {
    Reading reading;
    reading_start(&reading, text, strlen(text));
    assert_int_equal(reading.diagnostics.error_count, 0);
    format_script(&reading.script, &reading.sources.items[reading.script.file], out);
    tree_dump(reading.script.root, dump);
    reading_end(&reading);
}

static void formatting(void **state) {
    (void)state;
    Text once = {0}, twice = {0}, tree = {0}, tree_after = {0}, ignored = {0};
    format(script_text, &once, &tree);
    format(text_string(&once), &twice, &tree_after);
    assert_string_equal(text_string(&once), text_string(&twice));
    assert_string_equal(text_string(&tree), text_string(&tree_after));
    assert_string_equal(
        text_string(&once),
        "# top\nfn f(x: [n, d], k = 3) -> [n] = {  # behind\n  let a = x |> g\n    |> h\n  a^2 - -1\n  # last\n}\n\n"
        "train a, b on c for 10 epochs {\n  minimize over a: p = x\n           q = y * 2  # t\n  with m{b = 1,} on a.**.w\n  batch all }\n"
        "let r = {a = 1,\n         b = [1, 2][0:1]}\nlet t = f(a,\n          (x) -> x,\n          # inside\n          z)\n"
        "if a < -1 { b; c }\nelse { d }\n");
    text_free(&once), text_free(&twice), text_free(&tree), text_free(&tree_after), text_free(&ignored);
}

/* --- messages --- */

static void messages(void **state) {
    (void)state;
    static const struct {
        const char *text, *message, *help;
        int count;
    } cases[] = {
        {"let = 3\nlet x = )\nlet y = 4", "expected a name, found `=`", NULL, 2},
        {"x = 3", "expected the end of the line, found `=`", "a value is named with `let`: write `let x = ...`", 1},
        {"if x = 3 { y }", "expected `then` or `{`, found `=`", "to compare, write `==`; `=` gives a name its value", 1},
        {"adam{lr: 0.1}", "expected `}` or `,`, found `:`", "a setting or field is given with `=`: write `lr = ...`", 1},
        {"def f(x)", "there is no statement 'def'", "a function is written `fn name(x) = expr`", 1},
        {"2 ** 3", "there is no '**' in Reg", "a power is written with `^`", 1},
        {"a && b", "there is no '&&' in Reg", "write `and`", 1},
        {"let f = z -> z", "expected the end of the line, found `->`", "the parameters of a lambda stand in parentheses: `(x) -> expr`", 1},
        {"a < b < c", "expected the end of the line, found `<`", "comparisons do not chain: write `a < b and b < c`", 1},
        {"f(a, [b)", "expected `]` or `,`, found `)`", NULL, 1},
        {"}", "`}` closes nothing", NULL, 1},
        {"let x = \"abc\nlet y = 1", "this string has no closing quote on its line",
         "a string ends on the line where it begins; `\\n` in it starts a new line", 1},
        {"a\n  + b", "expected a statement, found `+`", "a line goes on behind an operator: end the line above with `+`", 1},
        {"batch 3", "there is no statement 'batch'", "`batch` is a clause of a `train` block", 1},
        {"train a for 3 { batch 1 }", "expected a time such as `10 epochs`, `300 steps` or `50%`",
         "say `steps` or `epochs` behind the number", 1},
        {"model m(x) = x", "expected `{` touching the name, found `(`",
         "settings stand in braces, also when there are none: `name{}(x) = ...`", 1},
        {"let x = 1 ? 2", "unexpected character '?'", "a choice is written `if c then a else b`", 1},
        {"let x = (1 +\nlet y = ]\nlet z = 2", "expected an expression, found `let`", NULL, 2},
        {"// text", "expected a statement, found `//`", "a comment starts with `#`", 1},
        {"let y = if a then 1", "expected `else`, found the end of the text", NULL, 1},
        {"train a for 3 steps { minimise x }", "a train block has no clause 'minimise'", "the nearest word is `minimize`", 1},
        {"method m{} { gradeint(g) = g }", "expected a member such as `penalty(output) = ...` or `}`, found 'gradeint'",
         "the nearest word is `gradient`", 1},
        {"let x: int = 3", "expected `=`, found `:`", "`let` takes no type: write `let name = expr`", 1},
        {"for (i in a) { b }", "expected a name, found `(`", "write `for v in list { ... }`", 1},
        {"let in = 3", "expected a name, found `in`", "`in` cannot be a name: it is a word of the language", 1},
        {"train a for 3 steps { minimize x  using y{} }", "expected the end of the line or `}`, found `using`",
         "put `using` on a line of its own, or a `;` before it", 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Reading reading;
        reading_start(&reading, cases[i].text, strlen(cases[i].text));
        assert_int_equal(reading.diagnostics.count, cases[i].count);
        assert_string_equal(reading.diagnostics.items[0].message, cases[i].message);
        const char *help = reading.diagnostics.items[0].help;
        assert_string_equal(help ? help : "", cases[i].help ? cases[i].help : "");
        reading_end(&reading);
    }
}

static void printed(void **state) {
    (void)state;
    Reading reading;
    const char *text = "let é = 1\n\tlet s = \"äö\" + (b\n";
    reading_start(&reading, text, strlen(text));
    diagnostics_print(&reading.diagnostics, &reading.out, false);
    assert_string_equal(
        text_string(&reading.out),
        "error[E0101]: a name is made of the letters a-z, digits and _: 'é'\n --> a.reg:1:5\n  |\n1 | let é = 1\n  |     ^\n\n"
        "error[E0100]: expected `)`, found the end of the text\n --> a.reg:2:19\n  |\n2 |     let s = \"äö\" + (b\n  |                      ^\n"
        " --> a.reg:2:17\n  |\n2 |     let s = \"äö\" + (b\n  |                    ^ opened here\n");
    assert_false(reading.incomplete);
    reading_end(&reading);
}

static void repl_reads_on(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool incomplete;
    } cases[] = {
        {"let x =", true},    {"f(a,", true},     {"fn f(x) {", true}, {"train a for 3 steps {\n batch 3", true},
        {"let x = 3", false}, {"let = (", false}, {"a +", true},       {"\"abc", false},
        {"", false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Reading reading;
        reading_start(&reading, cases[i].text, strlen(cases[i].text));
        assert_int_equal(reading.incomplete, cases[i].incomplete);
        reading_end(&reading);
    }
}

/* --- names --- */

static bool knows(void *context, NameSpace space, const char *name) {
    (void)context;
    if (space == NAMES_MAKERS) return !strcmp(name, "dense") || !strcmp(name, "adam") || !strcmp(name, "elr");
    return !strcmp(name, "mean") || !strcmp(name, "load") || !strcmp(name, "relu") || !strcmp(name, "zeros") || !strcmp(name, "glorot") ||
           !strcmp(name, "upsample");
}

static void list(void *context, NameSpace space, void (*add)(void *, const char *), void *sink) {
    (void)context;
    if (space == NAMES_MAKERS) add(sink, "dense");
    else add(sink, "mean"), add(sink, "relu");
}

static void names(void **state) {
    (void)state;
    static const struct {
        const char *text, *message, *help;
    } cases[] = {
        {"let fashion = load(\"a\")\nmean(fasion)", "no value named 'fasion' in scope", "the nearest name is 'fashion'"},
        {"fn f(x) = later(x)\nfn later(x) = x", NULL, NULL},
        {"mean(a)\nlet a = 1", "'a' is used before it is defined", NULL},
        {"let a = 1\nlet a = 2", "'a' is defined twice", NULL},
        {"relu(1) |> dense(64)", "'dense' is a maker, not a function", "braces make: write dense{64}"},
        {"relu{1}", "'relu' is a function, not a maker", "parentheses compute: write relu(...)"},
        {"desne{64}", "no model or method named 'desne' in scope", "the nearest name is 'dense'"},
        {"fn f(x: [n, d]) -> [n, k] = x * n + d", NULL, NULL},
        {"fn f(x: [n, d]) = x * c", "no value named 'c' in scope", NULL},
        {"model m{h}(x: [n, d]) {\n param w: [d, h] ~ glorot\n x @ w\n}", NULL, NULL},
        {"mean(1, kind = exponential)\nupsample(1, 2, bilinear)", NULL, NULL},
        {"fn f(x) = x\nf(1, 2, bilinear)", "no value named 'bilinear' in scope", NULL},
        {"let m = dense{1}\ntrain m for 1 epochs {\n minimize mean(m(x), image)\n using adam{}\n with elr\n}", "'elr' must be made",
         "braces make: write elr{}"},
        {"let m = dense{1}\ntrain m for 1 epochs { minimize meen(x) }", "no function named 'meen' in scope", "the nearest name is 'mean'"},
        {"method a{k = 1} {\n state t: [samples] = zeros\n penalty(output, i) = mean(t[i] + k * w)\n}", NULL, NULL},
        {"method a{k = 1} { penalty(output) = kk }", "no value named 'kk' in scope", NULL},
        {"let make = (maker) -> maker{1}\nmake(dense)", NULL, NULL},
        {"loop (c = 0) until c > 3 max 9 { c <- c + 1 }", NULL, NULL},
        {"for v in 0..3 { let z = v }\nz", NULL, NULL},
        {"let n = load(\"a\")\nn.**[rank >= 2]", NULL, NULL},
        {"fn f(x, x) = x", "'x' is defined twice", NULL},
        {"fn f(x, p: a | b = a) = if p == b then x else q", "no value named 'q' in scope", NULL},
    };
    NameSource outside = {NULL, knows, list};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Reading reading;
        reading_start(&reading, cases[i].text, strlen(cases[i].text));
        bool fine = names_check(&reading.script, &outside, &reading.diagnostics);
        if (!cases[i].message) diagnostics_print(&reading.diagnostics, &reading.out, false);
        assert_string_equal(text_string(&reading.out), "");
        assert_int_equal(fine, !cases[i].message);
        assert_int_equal(reading.diagnostics.count, cases[i].message ? 1 : 0);
        if (cases[i].message) assert_string_equal(reading.diagnostics.items[0].message, cases[i].message);
        if (cases[i].help) assert_string_equal(reading.diagnostics.items[0].help, cases[i].help);
        reading_end(&reading);
    }
}

/* --- harm --- */

static void repeated(const char *piece, int times, const char *tail, size_t most_errors) {
    Text text = {0};
    for (int i = 0; i < times; i++) text_add(&text, piece);
    text_add(&text, tail);
    Reading reading;
    reading_start(&reading, text_string(&text), text.length);
    assert_in_range(reading.diagnostics.error_count, 0, most_errors);
    diagnostics_print(&reading.diagnostics, &reading.out, true);
    tree_dump(reading.script.root, &reading.out);
    reading_end(&reading);
    text_free(&text);
}

static void harm(void **state) {
    (void)state;
    repeated("(", 10000, "", 1);
    repeated("f{[", 10000, "", 1);
    repeated("-", 200000, "x", 1);
    repeated("a^", 20000, "b", 1);
    repeated("a + ", 20000, "b", 1);
    repeated("if a then b else ", 20000, "c", 1);
    repeated("{ ", 10000, "", 1);
    repeated("}", 1000, "", 1000);
    repeated("x = 1\n", 1000, "", 1000);
    repeated("let a = 1\n", 20000, "", 0);
    repeated("", 0, "", 0);
    Reading reading;
    reading_start(&reading, "let a\0 = 1\nb\xff\xfe", 14);
    assert_int_equal(reading.diagnostics.error_count, 2);
    diagnostics_print(&reading.diagnostics, &reading.out, false);
    reading_end(&reading);
}

static uint32_t next_random(uint32_t *seed) { return *seed = *seed * 1664525u + 1013904223u, *seed >> 8; }

/* Random cuts, copies and changed bytes of a good script end in messages, never in a crash or a loop. */
static void mutations(void **state) {
    (void)state;
    static const char bytes[] = "(){}[]\"#;,.*%|<-=~\n ax1";
    NameSource outside = {NULL, knows, list};
    uint32_t seed = 7;
    size_t length = strlen(script_text);
    for (int round = 0; round < 4000; round++) {
        char *text = copy_bytes(script_text, length);
        for (uint32_t k = next_random(&seed) % 8; k > 0; k--)
            text[next_random(&seed) % length] = bytes[next_random(&seed) % (sizeof bytes - 1)];
        size_t from = next_random(&seed) % length, span = next_random(&seed) % 20;
        if (from + span < length) memmove(text + from, text + from + span, length - from - span);
        Reading reading;
        reading_start(&reading, text, length - (round % 3 ? span : next_random(&seed) % length));
        names_check(&reading.script, &outside, &reading.diagnostics);
        diagnostics_print(&reading.diagnostics, &reading.out, round % 2);
        format_script(&reading.script, &reading.sources.items[1], &reading.out);
        reading_end(&reading);
        free(text);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence), cmocka_unit_test(words_and_stars), cmocka_unit_test(statements),
        cmocka_unit_test(training),   cmocka_unit_test(formatting),      cmocka_unit_test(messages),
        cmocka_unit_test(printed),    cmocka_unit_test(repl_reads_on),   cmocka_unit_test(names),
        cmocka_unit_test(harm),       cmocka_unit_test(mutations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
