/* `reg compile --model`: models are saved, written as C99, compiled by the system's compiler with all warnings as errors, and called.
 * What they give must be what `reg run` gave. */
#include "lang/script/export.h"
#include "runtime/base/file.h"

#include <dlfcn.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
/* cmocka needs the headers above it. */
#include <cmocka.h>

enum { BATCH = 5, ARGUMENTS = 6 };

static void keep(void *context, const char *text, size_t length) { text_add_bytes(context, text, length); }

static Session *open_session(Text *notes, bool check_only) {
    SessionOptions options = {.threads = 2, .quiet = true, .verify = true, .check_only = check_only};
    return session_new(options, (SessionOutput){notes, keep, keep, false, 100});
}

static bool run(Session *session, const char *text) { return session_run(session, "test.reg", text, strlen(text)); }

/* What the script of a case calls `name`. */
static Tensor *tensor_of(Session *session, const char *name) {
    const Scope *globals = session->elaborator.globals;
    Value value = record_field(&(Record){.fields = globals->fields, .count = globals->count}, name);
    if (value.kind != VALUE_TENSOR) fail_msg("the script has no tensor '%s'", name);
    Tensor *tensor = session_evaluate(session, value.node, value.span);
    assert_non_null(tensor);
    return tensor;
}

/* Calls the function with this many pointers. */
static int call(void *function, int count, void *const *p) {
    union {
        void *object;
        int (*two)(void *, void *);
        int (*three)(void *, void *, void *);
        int (*four)(void *, void *, void *, void *);
    } f = {function};
    if (count == 2) return f.two(p[0], p[1]);
    if (count == 3) return f.three(p[0], p[1], p[2]);
    return f.four(p[0], p[1], p[2], p[3]);
}

static void assert_close(const char *what, const Tensor *expected, const void *found) {
    Tensor *view = tensor_wrap(expected->dtype, expected->shape, (void *)(uintptr_t)found);
    double largest = 0, tolerance = expected->dtype == DTYPE_F64 ? 1e-12 : expected->dtype == DTYPE_F32 ? 1e-5 : 0;
    for (int64_t k = 0; k < tensor_count(expected); k++) largest = fmax(largest, fabs(tensor_number(expected, k)));
    for (int64_t k = 0; k < tensor_count(expected); k++) {
        double a = tensor_number(expected, k), b = tensor_number(view, k);
        if (!(fabs(a - b) <= tolerance * largest)) fail_msg("%s: element %d is %.9g, expected %.9g", what, (int)k, b, a);
    }
    tensor_release(view);
}

/* The header in a program of C++ too. */
static void compile_header(void) {
    static const char program[] = "#include <cmath>\n#include <cstdio>\n#include <cstdlib>\n#include <cstring>\n#include \"net.h\"\n";
    Fault fault = {0};
    assert_true(file_write("net.cc", program, strlen(program), &fault));
    assert_int_equal(system("c++ -std=c++11 -Wall -Wextra -Werror -pedantic -fsyntax-only net.cc"), 0);
}

static void compile_c(void) {
    int code = system("cc -std=c99 -Wall -Wextra -Werror -pedantic -O2 -fPIC -shared -o ./net.so net.c -lm");
    assert_int_equal(code, 0);
}

/* The texts of net.safetensors as net.c and net.h, and the function. */
static void *build(Session *session, const ExportRequest *request, Text *notes) {
    Exported exported;
    Fault fault = {0};
    if (!export_function(session, request, &exported)) {
        session_report(session);
        fail_msg("%s", text_string(notes));
    }
    assert_true(file_write("net.c", exported.source.bytes, exported.source.length, &fault));
    assert_true(file_write("net.h", exported.header.bytes, exported.header.length, &fault));
    text_free(&exported.source);
    text_free(&exported.header);
    compile_header();
    compile_c();
    void *library = dlopen("./net.so", RTLD_NOW | RTLD_LOCAL);
    if (!library) fail_msg("%s", dlerror());
    return library;
}

typedef struct Case {
    const char *script;
    const char *inputs[2]; /* of `net` in the script, by name */
    const char *outputs[2];
} Case;

static void call_and_compare(Session *session, void *library, const Case *c) {
    Tensor *expected[2];
    void *pointers[ARGUMENTS];
    int count = 0, output_count = 0;
    for (int k = 0; k < 2 && c->inputs[k]; k++) pointers[count++] = tensor_of(session, c->inputs[k])->data;
    for (int k = 0; k < 2 && c->outputs[k]; k++, output_count++) {
        expected[k] = tensor_of(session, c->outputs[k]);
        pointers[count++] = calloc(1, tensor_bytes(expected[k]) + 8);
    }
    /* twice: nothing is left over from the first call */
    for (int repeat = 0; repeat < 2; repeat++) call(dlsym(library, "net"), count, pointers);
    for (int k = 0; k < output_count; k++) {
        assert_close(c->outputs[k], expected[k], pointers[count - output_count + k]);
        free(pointers[count - output_count + k]);
    }
}

/* From the file's own definition, and from the script. */
static void check_case(const Case *c) {
    Text notes = {0};
    Session *session = open_session(&notes, false);
    if (!run(session, c->script)) {
        session_report(session);
        fail_msg("%s", text_string(&notes));
    }
    for (int with_script = 0; with_script < 2; with_script++) {
        Session *own = open_session(&notes, true);
        if (with_script) assert_true(run(own, c->script));
        ExportRequest request = {
            .model = "net.safetensors", .has_script = with_script, .function = "net", .batch = BATCH, .output = "net.c"};
        void *library = build(own, &request, &notes);
        call_and_compare(session, library, c);
        dlclose(library);
        session_free(own);
    }
    session_free(session);
    text_free(&notes);
}

#define SAVED "save net to \"net.safetensors\"\n"

static void dense_layers(void **state) {
    (void)state;
    check_case(&(Case){
        "let width = 6\n"
        "fn swish(x) = x * sigmoid(x)\n"
        "model tower{hidden = 8, inner = relu}(x: [n, d]) -> [n, 3] =\n"
        "  x |> dense{hidden} |> inner |> dense{width} |> dropout{0.5} |> swish |> residual{dense{width} |> tanh} |> dense{3} |> softmax\n"
        "let net = tower{hidden = 2 * width, inner = gelu}\n"
        "let x = normal([5, 4])\n"
        "let y = net(x)\n" SAVED,
        {"x"},
        {"y"}});
}

static void convolutions(void **state) {
    (void)state;
    check_case(
        &(Case){"model pictures{}(x: [n, c, h, w]) =\n"
                "  x |> conv{8} |> batch_norm{} |> relu |> max_pool2d(2)\n"
                "    |> conv{12, size = [3, 5], stride = 2, padding = valid, groups = 4, dilation = [1, 1]} |> batch_norm{} |> leaky_relu\n"
                "    |> conv{6, padding = circular, dilation = 2} |> avg_pool2d(2) |> flatten |> dense{4} |> log_softmax\n"
                "let net = pictures{}\n"
                "let x = normal([5, 3, 18, 20])\n"
                "train net for 5 steps {\n"
                "  minimize fit = mean(net(x)^2)\n"
                "  using adam{lr = 0.01}\n"
                "}\n"
                "let y = net(x)\n" SAVED,
                {"x"},
                {"y"}});
    check_case(&(Case){
        "model wider{}(x: [n, c, h, w]) = x |> conv_transpose{4, size = 4, stride = 2, padding = 1} |> tanh |> residual_block{6, stride = 2}\n"
        "let net = wider{}\n"
        "let x = normal([5, 3, 5, 6])\n"
        "let y = net(x)\n" SAVED,
        {"x"},
        {"y"}});
}

static void sequences(void **state) {
    (void)state;
    check_case(&(Case){
        "model words{}(i: [n, t]) =\n"
        "  i |> embedding{11, 8} |> positions{7} |> transformer_block{heads = 2, hidden = 12, causal = true} |> layer_norm{} |> dense{11}\n"
        "let net = words{}\n"
        "let x = [[0, 1, 2, 3, 4, 5, 6], [10, 9, 8, 7, 6, 5, 4], [1, 1, 1, 1, 1, 1, 1], [3, 1, 4, 1, 5, 9, 2], [0, 0, 0, 0, 0, 0, 10]]\n"
        "let y = net(x)\n" SAVED,
        {"x"},
        {"y"}});
    check_case(&(Case){"model series{}(x: [n, t, d]) {\n"
                       "  let h = x |> gru{5} |> lstm{4} |> rnn{3}\n"
                       "  h[:, -1]\n"
                       "}\n"
                       "let net = series{}\n"
                       "let x = normal([5, 6, 2])\n"
                       "let y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
}

/* Names that C has for other things, and those of the writer's own variables. */
static void any_names(void **state) {
    (void)state;
    check_case(&(Case){"model odd{}(k: [n, c, h, w], double: [n, d]) {\n"
                       "  let p = max_pool2d(k, 2)\n"
                       "  {exp = dense{3}(flatten(p)) + double @ ones([2, 3]), sum = avg_pool2d(k, 3, stride = 1)}\n"
                       "}\n"
                       "let net = odd{}\n"
                       "let x = normal([5, 2, 4, 6])\n"
                       "let z = normal([5, 2])\n"
                       "let both = net(x, z)\n"
                       "let y = both.exp\n"
                       "let c = both.sum\n" SAVED,
                       {"x", "z"},
                       {"y", "c"}});
}

/* A function of the script over the model `net` as C that compiles, and the text of its header. */
static void export_f(const char *definition, const char *name, Text *header) {
    Text notes = {0}, script = {0};
    text_addf(&script, "model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\n%s\n" SAVED, definition);
    Session *session = open_session(&notes, false), *own = open_session(&notes, true);
    if (!run(session, text_string(&script)) || !run(own, text_string(&script))) {
        session_report(session);
        fail_msg("%s", text_string(&notes));
    }
    dlclose(build(own, &(ExportRequest){.model = "net.safetensors", .has_script = true, .function = name, .output = "net.c"}, &notes));
    size_t length;
    Fault fault = {0};
    char *bytes = file_read("net.h", &length, &fault);
    assert_non_null(bytes);
    text_add_bytes(header, bytes, length);
    free(bytes);
    session_free(own);
    session_free(session);
    text_free(&notes);
    text_free(&script);
}

static void assert_header(const char *definition, const char *name, const char *expected) {
    Text header = {0};
    export_f(definition, name, &header);
    if (!strstr(text_string(&header), expected)) fail_msg("expected '%s' in\n%s", expected, text_string(&header));
    text_free(&header);
}

#define APPLY(f) "\nprint net(ones([2, 2])).shape, " f "(ones([2, 2]))"

/* Of functions, arguments and results: what C and C++ have already, and what differs only in case, which macros do not. */
static void names_of_c(void **state) {
    (void)state;
    assert_header("fn memcpy(x: [n, d]) = net(x)" APPLY("memcpy"), "memcpy", "void memcpy_fn(const float *x, float *y);");
    assert_header("fn exp2f(x: [n, d]) = argmax(net(x))" APPLY("exp2f"), "exp2f", "void exp2f_fn(const float *x, int64_t *y);");
    assert_header("fn int64_t(x: [n, d]) = argmax(net(x))" APPLY("int64_t"), "int64_t", "void int64_t_fn(const float *x, int64_t *y);");
    assert_header("fn class(x: [n, d]) = net(x)" APPLY("class"), "class", "void class_fn(const float *x, float *y);");
    assert_header("fn f(x: [n, d]) = {x = net(x), X = net(x)[0:1, 0:1] * 2}\nprint f(ones([2, 2]))", "f",
                  "#define F_X_SIZE 2 /* [1, 2], row by row */\n#define F_X_2_SIZE 2 /* [1, 2], row by row */\n#define F_X_3_SIZE 1 ");
    assert_header("fn f(delete: [n, d], private) = {new = net(delete) + private, this = 1, h = 2}\nprint f(ones([2, 2]), ones([2])).h", "f",
                  "void f(const float *delete_in, const float *private_in, float *new_out, int64_t *this_out, int64_t *h);");
    assert_header("fn f(i: [n, d], sum) = {best = net(i) + sum, place = argmax(i), k = mean(i)}"
                  "\nprint f(ones([2, 2]), ones([2])).k",
                  "f", "void f(const float *i, const float *sum, float *best, int64_t *place, float *k);");
}

/* What is not read, and what has no elements. */
static void nothing_to_do(void **state) {
    (void)state;
    assert_header("fn f(x: [n, d]) = 3" APPLY("f"), "f", "#define F_Y_SIZE 1 ");
    assert_header("fn f(x: [n, d]) = x[0:0]" APPLY("f"), "f", "#define F_Y_SIZE 0 ");
    assert_header("fn f(x: [n, d]) = concat(net(x)[0:0] * 2, zeros([0, 2]))" APPLY("f"), "f", "#define F_Y_SIZE 0 ");
    assert_header("fn f(x: [n, d]) = sort(net(x)[0:0] + 1)" APPLY("f"), "f", "#define F_Y_SIZE 0 ");
}

static void several_inputs_and_results(void **state) {
    (void)state;
    check_case(&(Case){"model pair{}(x: [n, d], z: [n, k]) {\n"
                       "  let h = relu(dense{6}(concat(x, z, axis = 1)))\n"
                       "  {logits = dense{3}(h), choice = argmax(dense{4}(h), axis = -1)}\n"
                       "}\n"
                       "let net = pair{}\n"
                       "let x = normal([5, 4])\n"
                       "let z = normal([5, 2])\n"
                       "let both = net(x, z)\n"
                       "let y = both.logits\n"
                       "let c = both.choice\n" SAVED,
                       {"x", "z"},
                       {"y", "c"}});
}

static void loops_and_precision(void **state) {
    (void)state;
    check_case(&(Case){"precision f64\n"
                       "model settle{}(x: [n, d]) -> [n, d] {\n"
                       "  let inner = dense{d}\n"
                       "  let found = loop (z = zeros(x.shape), k = 0.0) until max(abs(z - tanh(0.1 * inner(z) + x))) < 1e-9 max 100 {\n"
                       "    z <- tanh(0.1 * inner(z) + x)\n"
                       "    k <- k + 1\n"
                       "  }\n"
                       "  found.z * found.k\n"
                       "}\n"
                       "let net = settle{}\n"
                       "let x = normal([5, 3])\n"
                       "let y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
    check_case(&(Case){"model flow{}(x: [n, d]) -> [n, d] {\n"
                       "  let field = dense{d}\n"
                       "  odeint((y, t) -> tanh(field(y)), x, 0, 1).y\n"
                       "}\n"
                       "let net = flow{}\n"
                       "let x = normal([5, 3])\n"
                       "let y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
}

static void order_and_places(void **state) {
    (void)state;
    check_case(&(Case){"model places{}(x: [n, d]) {\n"
                       "  let h = dense{6}(x)\n"
                       "  let s = sort(h, axis = -1) + sum(sort(-h, axis = 0)[0:2], axis = 0)\n"
                       "  let total = cumsum(flip(s, 1), axis = 1) + prod(1 + 0.1 * h, axis = 1, keep = true)\n"
                       "  let spread = pad(total, [[0, 0], [1, 2]]) * mod(floor(10 * max(h, axis = 0, keep = true)[:, 0:1]), 3.0)\n"
                       "  {a = spread, b = gather(transpose(total), argmin(h, axis = -1))}\n"
                       "}\n"
                       "let net = places{}\n"
                       "let x = normal([5, 4])\n"
                       "let both = net(x)\n"
                       "let y = both.a\n"
                       "let c = both.b\n" SAVED,
                       {"x"},
                       {"y", "c"}});
}

static void derivatives_inside(void **state) {
    (void)state;
    check_case(&(Case){"model force{}(x: [n, d]) -> [n, d] {\n"
                       "  let energy = mlp{1, hidden = 7, activation = softplus}\n"
                       "  grad(sum(energy(x)), x)\n"
                       "}\n"
                       "let net = force{}\n"
                       "let x = normal([5, 4])\n"
                       "let y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
    check_case(&(Case){"model saliency{}(x: [n, c, h, w]) {\n"
                       "  let first = conv{4}\n"
                       "  let second = conv{2, stride = 2}\n"
                       "  let energy = x |> first |> relu |> max_pool2d(3, stride = 2) |> second |> avg_pool2d(2)\n"
                       "  grad(sum(energy^2), x)\n"
                       "}\n"
                       "let net = saliency{}\n"
                       "let x = normal([5, 2, 19, 17])\n"
                       "let y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
}

/* Runs the script, exports `net`, with the script or from the file alone, and calls it. */
static void check_once(const char *script, bool has_script) {
    Text notes = {0};
    Session *session = open_session(&notes, false), *own = open_session(&notes, true);
    assert_true(run(session, script));
    if (has_script) assert_true(run(own, script));
    ExportRequest request = {.model = "net.safetensors", .has_script = has_script, .batch = BATCH, .output = "net.c"};
    void *library = build(own, &request, &notes);
    call_and_compare(session, library, &(Case){script, {"x"}, {"y"}});
    dlclose(library);
    session_free(own);
    session_free(session);
    text_free(&notes);
}

/* What a method does to the weights is written into a copy of them, which is saved without a name of its own. */
static void folded_models(void **state) {
    (void)state;
    check_once("let net = mlp{3, hidden = 8}\n"
               "let x = normal([5, 4])\n"
               "train net for 5 steps {\n"
               "  minimize fit = mean((net(x) - 1)^2)\n"
               "  with weight_compander{} on net.**.w\n"
               "  using adam{lr = 0.1}\n"
               "}\n"
               "let y = net(x)\n"
               "save folded(net) to \"net.safetensors\"\n",
               false);
}

/* What a model computes from data that the script loads is a constant; a large value that it names goes with the file. */
static void constants(void **state) {
    (void)state;
    check_once("data digits = load(\"digits\")\n"
               "model m{}(x: [n, k]) = dense{3}(x - mean(digits.train.x, axis = 0))\n"
               "let net = m{}\n"
               "let x = normal([5, 64])\n"
               "let y = net(x)\n" SAVED,
               true);
    check_once("let centre = mean(normal([40, 300]), axis = 0)\n"
               "model m{}(x: [n, k]) = dense{3}(x - centre)\n"
               "let net = m{}\n"
               "let x = normal([5, 300])\n"
               "let y = net(x)\n" SAVED,
               false);
}

/* Refusals -------------------------------------------------------------------------------------------------------------- */

/* The script saves net.safetensors; then this is asked for and must be refused with these words. */
static void check_refusal(const char *script, ExportRequest request, const char *expected) {
    Text notes = {0};
    Session *session = open_session(&notes, false), *own = open_session(&notes, true);
    if (!run(session, script)) session_report(session);
    assert_string_equal(strstr(text_string(&notes), "error") ? text_string(&notes) : "", "");
    if (request.has_script) assert_true(run(own, script));
    request.model = request.model ? request.model : "net.safetensors";
    Exported exported;
    assert_false(export_function(own, &request, &exported));
    session_report(own);
    if (!strstr(text_string(&notes), expected)) fail_msg("expected '%s' in\n%s", expected, text_string(&notes));
    session_free(own);
    session_free(session);
    text_free(&notes);
}

static void what_cannot_be_exported(void **state) {
    (void)state;
    check_refusal(
        "model factor{}(x: [n, d]) {\n  let h = dense{2}(x)\n  cholesky(h.T @ h + eye(2))\n}\nlet net = factor{}\nprint net(ones([2, 3])).shape\n" SAVED,
        (ExportRequest){.function = "net"}, "'cholesky' cannot be written as C: it needs the runtime of Reg");
    check_refusal(
        "model curve{}(x: [n, d]) {\n  let h = dense{2}(x)\n  erfinv(tanh(h))\n}\nlet net = curve{}\nprint net(ones([2, 3])).shape\n" SAVED,
        (ExportRequest){.function = "net"}, "net.safetensors:3:3");
    check_refusal("model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nprint net(ones([2, 3])).shape\n" SAVED,
                  (ExportRequest){.function = "nut"}, "the nearest name is 'net'");
    check_refusal(
        "model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nfn f(x) = {a = net(x), b = \"hello\"}\nprint f(ones([2, 3]))\n" SAVED,
        (ExportRequest){.function = "f", .has_script = true},
        "'f' cannot be written as C: it gives a string, expected tensors\n --> test.reg:3:28");
    check_refusal("model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nfn f(x) = \"hello\"\nprint net(ones([2, 3])), f(1.0)\n" SAVED,
                  (ExportRequest){.function = "f", .has_script = true},
                  "'f' cannot be written as C: it gives a string, expected tensors\n --> test.reg:3:");
    check_refusal("save {a = [1.0]} to \"net.safetensors\"\n", (ExportRequest){0}, "does not say how its model computes");
    check_refusal("print 1\n", (ExportRequest){.model = "nowhere.safetensors"}, "nowhere.safetensors");
    check_refusal("model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nprint net(ones([2, 3])).shape\n" SAVED,
                  (ExportRequest){.function = "net", .output = "net.cpp"}, "ends in .c");
    check_refusal("model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nprint net(ones([2, 3])).shape\n" SAVED
                  "fn twice(x: [n, d]) = net(net(x)[:, 0:1])\n",
                  (ExportRequest){.function = "twice", .has_script = true}, "the script never applies it");
    check_refusal("model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nlet head = known{}\n"
                  "fn both(x: [n, d]) = head(net(x))\nprint both(ones([2, 3])).shape\n" SAVED,
                  (ExportRequest){.function = "both", .has_script = true}, "has no 'head.dense_1.w', which 'both' computes with");
}

#define DRAWS(words) \
    "model known{}(x: [n, d]) = dense{2}(x)\nlet net = known{}\nfn f(x: [n, d]) = " words "\nprint f(ones([2, 2])).shape\n" SAVED

/* Frozen they would be other numbers than those of any run; with a seed they are the same ones. */
static void draws_need_a_seed(void **state) {
    (void)state;
    ExportRequest request = {.function = "f", .has_script = true};
    check_refusal(DRAWS("net(x) + normal_like(x)"), request, "'normal' cannot be written as C: its numbers are new at every evaluation");
    check_refusal(DRAWS("net(x) * uniform([2])"), request, "test.reg:3:28");
    check_refusal(DRAWS("net(x) + glorot([2, 2])"), request, "'glorot' cannot be written as C");
    check_refusal(DRAWS("fold(0..3, (a, k) -> a + net(x) * gamma([2], 2), 0.0)"), request, "'gamma' cannot be written as C");
    check_refusal(DRAWS("net(x) * normal([2], seed = argmax(x[0]))"), request, "'normal' cannot be written as C");
    check_refusal("model net{}(x: [n, d]) = dense{2}(x) + uniform([2])\nlet own = net{}\nprint own(ones([2, 2])).shape\n"
                  "save own to \"net.safetensors\"\n",
                  (ExportRequest){0}, "'uniform' cannot be written as C");
    check_case(&(Case){"model noisy{}(x: [n, d]) {\n  let unused = normal([3])\n  dense{2}(x) + normal([2], seed = 4)\n}\n"
                       "let net = noisy{}\nlet x = normal([5, 3])\nlet y = net(x)\n" SAVED,
                       {"x"},
                       {"y"}});
}

static void shapes_must_fit(void **state) {
    (void)state;
    Text notes = {0};
    Session *session = open_session(&notes, false), *own = open_session(&notes, true);
    assert_true(run(session, "model m{k}(x: [n, d]) = dense{k}(x)\nlet net = m{2}\nprint net(ones([2, 3])).shape\n" SAVED));
    assert_true(run(own, "model m{k}(x: [n, d]) = dense{k}(x)\nlet net = m{5}\nprint net(ones([2, 3])).shape\n"));
    Exported exported;
    assert_false(export_function(own, &(ExportRequest){.model = "net.safetensors", .function = "net", .has_script = true}, &exported));
    session_report(own);
    assert_non_null(strstr(text_string(&notes), "'net' needs f32 [3, 5] for 'net.dense_1.w', and the file holds f32 [3, 2]"));
    session_free(own);
    session_free(session);
    text_free(&notes);
}

/* A function of the script over the model; whole numbers that are out of range are reported. */
static void indices_are_checked(void **state) {
    (void)state;
    Text notes = {0};
    const char *script = "model words{}(i: [n]) = dense{3}(embedding{4, 2}(i))\nlet net = words{}\n"
                         "fn best(i) = argmax(net(i), axis = -1)\nprint best([0, 1]).shape\n" SAVED;
    Session *session = open_session(&notes, false), *own = open_session(&notes, true);
    assert_true(run(session, script));
    assert_true(run(own, script));
    void *library = build(own, &(ExportRequest){.model = "net.safetensors", .function = "best", .has_script = true, .output = "net.c"},
                          &notes);
    int64_t index = 3, result = -7;
    union {
        void *object;
        int (*best)(const int64_t *, int64_t *);
    } f = {dlsym(library, "best")};
    assert_int_equal(f.best(&index, &result), 0);
    assert_true(result >= 0 && result < 3);
    index = 4, result = -7;
    assert_int_equal(f.best(&index, &result), 1);
    assert_int_equal(result, -7);
    dlclose(library);
    session_free(own);
    session_free(session);
    text_free(&notes);
}

static char folder[] = "/tmp/reg-export-XXXXXX";

static int enter_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? chdir(folder) : -1;
}

static int leave_folder(void **state) {
    (void)state;
    static const char *const files[] = {"net.c", "net.cc", "net.h", "net.so", "net.safetensors"};
    for (size_t k = 0; k < sizeof files / sizeof *files; k++) unlink(files[k]);
    return chdir("/") ? -1 : rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(dense_layers),
        cmocka_unit_test(convolutions),
        cmocka_unit_test(sequences),
        cmocka_unit_test(any_names),
        cmocka_unit_test(names_of_c),
        cmocka_unit_test(nothing_to_do),
        cmocka_unit_test(folded_models),
        cmocka_unit_test(constants),
        cmocka_unit_test(several_inputs_and_results),
        cmocka_unit_test(loops_and_precision),
        cmocka_unit_test(order_and_places),
        cmocka_unit_test(derivatives_inside),
        cmocka_unit_test(what_cannot_be_exported),
        cmocka_unit_test(draws_need_a_seed),
        cmocka_unit_test(shapes_must_fit),
        cmocka_unit_test(indices_are_checked),
    };
    return cmocka_run_group_tests(tests, enter_folder, leave_folder);
}
