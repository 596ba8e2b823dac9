/* Compiled kernels of whole plans: found in the cache, made again when the cache is damaged, and never a reason for a run to fail. */
#include "runtime/base/file.h"
#include "runtime/base/memory.h"
#include "runtime/exec/compiler.h"
#include "runtime/exec/fused.h"
#include "runtime/exec/jit.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { COUNT = 1000 };

static char folder[] = "/tmp/reg-test-jit-XXXXXX";
static char *path_before;

static void *copy_of(const void *items, size_t bytes) { return memcpy(allocate(bytes), items, bytes); }
#define COPY(type, ...) copy_of((type[]){__VA_ARGS__}, sizeof((type[]){__VA_ARGS__}))

/* y = exp(x) * x over COUNT numbers; x is a cell. */
static Plan *make_plan(Cell *x) {
    Shape shape = shape_1(COUNT);
    Fused *fused = allocate(sizeof *fused);
    *fused = (Fused){.shape = shape,
                     .register_count = 3,
                     .inputs = COPY(FusedInput, {0, {1}}),
                     .input_count = 1,
                     .instructions = COPY(FusedInstruction, {ELEMENTWISE_EXP, DTYPE_F32, DTYPE_F32, 1, {0}, 0},
                                          {ELEMENTWISE_MUL, DTYPE_F32, DTYPE_F32, 2, {1, 0}, 0}),
                     .instruction_count = 2,
                     .outputs = COPY(FusedOutput, {1, 2, FUSED_STORE, 0}),
                     .output_count = 1};
    Plan *plan = allocate(sizeof *plan);
    plan->buffers = COPY(Buffer, {.kind = BUFFER_CELL, .dtype = DTYPE_F32, .shape = shape, .cell = cell_retain(x)},
                         {.kind = BUFFER_SLAB, .dtype = DTYPE_F32, .shape = shape});
    plan->buffer_count = 2;
    plan->steps = COPY(PlanStep, {.fused = fused, .label = "fused exp mul"});
    plan->step_count = plan->commit_start = 1;
    plan->outputs = COPY(int, 1);
    plan->output_count = 1;
    plan->slab_bytes = COUNT * sizeof(float);
    return plan;
}

static void keep_message(void *context, const char *message) { text_add(context, message); }

/* Runs the plan under `mode`; what JIT_ON said is in `said`, and whether anything is left to be compiled in the result. */
static bool run_plan(JitMode mode, float *out, Text *said) {
    Tensor *tensor = tensor_new(DTYPE_F32, shape_1(COUNT), NULL);
    for (int i = 0; i < COUNT; i++) ((float *)tensor->data)[i] = (float)(i - COUNT / 2) * 0.01f;
    Cell *x = cell_new("x", tensor);
    Plan *plan = make_plan(x);
    Jit *jit = jit_new(mode, keep_message, said);
    Fault fault = {0};
    assert_true(plan_prepare(plan, NULL, &fault));
    jit_attach(jit, plan);
    assert_true(plan_run(plan, &fault));
    memcpy(out, plan_output(plan, 0).data, COUNT * sizeof *out);
    Text rest = {0};
    bool is_compiled = !jit_plan_text(plan, &rest);
    text_free(&rest);
    plan_free(plan);
    jit_free(jit);
    cell_release(x);
    return is_compiled;
}

static void expect_run(JitMode mode, bool is_compiled, const char *said) {
    float interpreted[COUNT], found[COUNT];
    Text nothing = {0}, text = {0};
    assert_false(run_plan(JIT_OFF, interpreted, &nothing));
    assert_int_equal(run_plan(mode, found, &text), is_compiled);
    assert_memory_equal(found, interpreted, sizeof found);
    assert_non_null(strstr(text_string(&text), said));
    if (*said == '\0') assert_int_equal(text.length, 0);
    text_free(&text);
}

static bool can_compile(void) {
    Text text = {0};
    bool ok = elementwise_level() >= 3 && compiler_identity(&text);
    text_free(&text);
    return ok;
}

static int cached_files(char *first) {
    Text path = {0};
    struct dirent **names;
    text_addf(&path, "%s/reg", folder);
    int count = scandir(text_string(&path), &names, NULL, NULL), files = 0;
    for (int k = 0; k < count; k++) {
        if (names[k]->d_name[0] != '.') sprintf(first, "%s/reg/%.60s", folder, names[k]->d_name), files++;
        free(names[k]);
    }
    if (count >= 0) free(names);
    text_free(&path);
    return files;
}

static void cache_saves_the_compiler(void **state) {
    (void)state;
    if (!can_compile()) skip();
    char file[256];
    expect_run(JIT_ON, true, "");
    assert_int_equal(cached_files(file), 1);
    struct stat first, second;
    assert_int_equal(stat(file, &first), 0);
    expect_run(JIT_ON, true, "");
    assert_int_equal(cached_files(file), 1);
    assert_int_equal(stat(file, &second), 0);
    assert_int_equal(first.st_ino, second.st_ino); /* what is made is renamed into place */
}

static void damaged_cache_is_made_again(void **state) {
    (void)state;
    if (!can_compile()) skip();
    char file[256];
    size_t length, again;
    expect_run(JIT_ON, true, "");
    assert_int_equal(cached_files(file), 1);
    char *bytes = file_read(file, &length, NULL);
    bytes[length / 2] = (char)(bytes[length / 2] ^ 1);
    assert_true(file_write(file, bytes, length - 100, NULL));
    expect_run(JIT_ON, true, "");
    free(file_read(file, &again, NULL));
    assert_int_equal(again, length);
    free(bytes);
}

static void cache_that_cannot_be_written(void **state) {
    (void)state;
    if (!can_compile()) skip();
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    expect_run(JIT_ON, true, "");
    unsetenv("XDG_CACHE_HOME");
    unsetenv("HOME");
    expect_run(JIT_ON, true, "");
    setenv("XDG_CACHE_HOME", folder, 1);
}

/* A compiler called `cc` in the folder that does what the text says. */
static void make_compiler(const char *text) {
    char path[256];
    snprintf(path, sizeof path, "%s/cc", folder);
    assert_true(file_write_executable(path, text, strlen(text), NULL));
    setenv("PATH", folder, 1);
}

static void missing_compiler(void **state) {
    (void)state;
    setenv("PATH", folder, 1);
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    expect_run(JIT_ON, false, elementwise_level() < 3 ? "AVX2" : "there is no C compiler");
    expect_run(JIT_AUTO, false, "");
}

static void failing_compiler(void **state) {
    (void)state;
    if (elementwise_level() < 3) skip();
    setenv("XDG_CACHE_HOME", "/dev/null/nowhere", 1);
    make_compiler("#!/bin/sh\necho 'out of order' >&2; exit 3\n");
    expect_run(JIT_ON, false, "failed: out of order");
    make_compiler("#!/bin/sh\nexit 0\n");
    expect_run(JIT_ON, false, "cannot read");
    make_compiler("#!/bin/sh\nwhile [ \"$1\" != -o ]; do shift; done; echo nonsense > \"$2\"\n");
    expect_run(JIT_ON, false, "cannot be loaded");
}

static int restore(void **state) {
    (void)state;
    setenv("PATH", path_before, 1);
    setenv("XDG_CACHE_HOME", folder, 1);
    char path[256];
    for (int count = cached_files(path); count > 0; count = cached_files(path)) unlink(path);
    return 0;
}

static int begin(void **state) {
    path_before = copy_string(getenv("PATH"));
    return mkdtemp(folder) == NULL ? -1 : restore(state);
}

static int end(void **state) {
    char path[256];
    restore(state);
    for (int k = 0; k < 2; k++) {
        snprintf(path, sizeof path, "%s/%s", folder, k ? "reg" : "cc");
        remove(path);
    }
    free(path_before);
    return rmdir(folder);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(cache_saves_the_compiler, restore),
        cmocka_unit_test_teardown(damaged_cache_is_made_again, restore),
        cmocka_unit_test_teardown(cache_that_cannot_be_written, restore),
        cmocka_unit_test_teardown(missing_compiler, restore),
        cmocka_unit_test_teardown(failing_compiler, restore),
    };
    return cmocka_run_group_tests(tests, begin, end);
}
