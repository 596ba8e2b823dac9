/* Memory, text, tensors, random numbers, files. */
#include "runtime/base/arena.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"
#include "runtime/base/rng.h"
#include "runtime/base/tensor.h"
#include "runtime/base/text.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

static void arena_keeps_what_it_gave(void **state) {
    (void)state;
    Arena *arena = arena_new();
    char *texts[1000];
    for (int i = 0; i < 1000; i++) texts[i] = arena_format(arena, "%d of %s", i, "many");
    char *large = arena_alloc(arena, 1 << 20);
    assert_int_equal((uintptr_t)large % 16, 0);
    assert_int_equal(large[(1 << 20) - 1], 0);
    memset(large, 1, 1 << 20);
    assert_string_equal(texts[0], "0 of many");
    assert_string_equal(texts[999], "999 of many");
    assert_string_equal(arena_bytes(arena, "abcdef", 3), "abc");
    arena_free(arena);
}

static void lists_and_texts_grow(void **state) {
    (void)state;
    LIST(int) numbers = {0};
    for (int i = 0; i < 1000; i++) list_push(&numbers, i * i);
    assert_int_equal(numbers.count, 1000);
    assert_int_equal(numbers.items[999], 998001);
    list_free(&numbers);
    Text text = {0};
    assert_string_equal(text_string(&text), "");
    for (int i = 0; i < 100; i++) text_addf(&text, "%d,", i);
    text_add_char(&text, '!');
    assert_int_equal(text.length, 291);
    assert_string_equal(text.bytes + 284, "98,99,!" + 0);
    text_free(&text);
}

static void shapes_broadcast_by_numpy_rules(void **state) {
    (void)state;
    Shape out;
    char text[SHAPE_TEXT];
    assert_true(shape_broadcast(shape_of(3, (int64_t[]){2, 1, 4}), shape_2(3, 1), &out));
    assert_string_equal(shape_text(out, text), "[2, 3, 4]");
    assert_true(shape_broadcast(shape_scalar(), shape_1(0), &out));
    assert_string_equal(shape_text(out, text), "[0]");
    assert_false(shape_broadcast(shape_2(2, 3), shape_1(2), &out));
    int64_t strides[RANK_MAX];
    shape_strides(shape_of(3, (int64_t[]){2, 3, 4}), strides);
    assert_int_equal(strides[0], 12);
    assert_int_equal(strides[2], 1);
    assert_string_equal(shape_text(shape_scalar(), text), "[]");
    assert_int_equal(shape_count(shape_scalar()), 1);
}

static void tensors_convert(void **state) {
    (void)state;
    Tensor *x = tensor_zeros(DTYPE_F64, shape_1(5), NULL);
    double values[5] = {1.75, -2.5, NAN, 1e300, 0};
    memcpy(x->data, values, sizeof values);
    Tensor *whole = tensor_cast(x, DTYPE_I64, NULL), *truth = tensor_cast(x, DTYPE_BOOL, NULL);
    assert_int_equal(tensor_i64(whole)[0], 1);
    assert_int_equal(tensor_i64(whole)[1], -2);
    assert_int_equal(tensor_i64(whole)[2], 0);
    assert_int_equal(tensor_i64(whole)[3], INT64_MAX);
    assert_int_equal(tensor_bool(truth)[4], 0);
    assert_int_equal(tensor_bool(truth)[0], 1);
    assert_int_equal((uintptr_t)x->data % 64, 0);
    tensor_retain(x);
    tensor_release(x);
    assert_int_equal(x->references, 1);
    tensor_release(x);
    tensor_release(whole);
    tensor_release(truth);
    tensor_release(NULL);
    Tensor *empty = tensor_new(DTYPE_F32, shape_2(0, 3), NULL);
    assert_null(empty->data);
    tensor_release(empty);
}

static void impossible_tensors_are_refused(void **state) {
    (void)state;
    Fault fault = {0};
    assert_null(tensor_new(DTYPE_F32, shape_2(-1, 3), &fault));
    assert_string_equal(fault.message, "a tensor cannot have the shape [-1, 3]");
    assert_null(tensor_new(DTYPE_F64, shape_2(INT64_MAX / 2, 16), &fault));
    assert_null(tensor_new(DTYPE_F32, shape_2(1 << 20, 1 << 30), &fault));
    assert_string_equal(fault.message, "a tensor of shape [1048576, 1073741824] needs 4.194e+06 GiB, more than the machine has");
    assert_null(tensor_new(DTYPE_F32, shape_of(3, (int64_t[]){INT64_MAX, INT64_MAX, 0}), NULL));
}

/* Known answers of Random123 (Salmon et al. 2011), kat_vectors. */
static void philox_gives_the_known_answers(void **state) {
    (void)state;
    RngBlock zero = rng_block(0, 0, 0);
    assert_int_equal(zero.word[0], 0x6627e8d5);
    assert_int_equal(zero.word[3], 0x9b00dbd8);
    RngBlock ones = rng_block(UINT64_MAX, UINT64_MAX, UINT64_MAX);
    assert_int_equal(ones.word[0], 0x408f276d);
    assert_int_equal(ones.word[1], 0x41c83b0e);
    assert_int_equal(ones.word[2], 0xa20bc7c6);
    assert_int_equal(ones.word[3], 0x6d5451fd);
    RngBlock pi = rng_block(0x299f31d0a4093822, 0x85a308d3243f6a88, 0x0370734413198a2e);
    assert_int_equal(pi.word[0], 0xd16cfe09);
    assert_int_equal(pi.word[3], 0x24126ea1);
}

static void random_numbers_have_their_moments(void **state) {
    (void)state;
    enum { COUNT = 200000 };
    double uniform = 0, normal = 0, square = 0, fourth = 0, wide = 0, pair = 0, before = 0;
    int64_t faces[6] = {0};
    for (uint64_t i = 0; i < COUNT; i++) {
        float u = rng_uniform_f32(1, 2, i), z = rng_normal_f32(1, 3, i);
        assert_true(u >= 0 && u < 1);
        uniform += (double)u;
        normal += (double)z;
        square += (double)z * (double)z;
        fourth += pow((double)z, 4);
        pair += (double)z * before;
        before = (double)z;
        double w = rng_normal_f64(4, 5, i);
        wide += w * w;
        faces[rng_below(6, 7, i, 6)]++;
    }
    assert_true(fabs(uniform / COUNT - 0.5) < 0.003);
    assert_true(fabs(normal / COUNT) < 0.01);
    assert_true(fabs(square / COUNT - 1) < 0.015);
    assert_true(fabs(fourth / COUNT - 3) < 0.15);
    assert_true(fabs(pair / COUNT) < 0.01);
    assert_true(fabs(wide / COUNT - 1) < 0.015);
    for (int i = 0; i < 6; i++) assert_true(llabs(faces[i] - COUNT / 6) < 1000);
    assert_true(rng_hash("a") != rng_hash("b"));
    assert_true(rng_key(1, 2) != rng_key(2, 1));
}

static void files_are_written_whole(void **state) {
    (void)state;
    char directory[] = "/tmp/reg-base-XXXXXX", path[64], link[64], stale[64];
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/a.txt", directory);
    snprintf(link, sizeof link, "%s/link", directory);
    Fault fault = {0};
    size_t length;
    assert_null(file_read(path, &length, &fault));
    assert_non_null(strstr(fault.message, "a.txt': no such file"));
    assert_true(file_write(path, "hello", 5, &fault));
    assert_int_equal(symlink(path, link), 0);
    assert_true(file_write(link, "world!", 6, &fault));
    char *bytes = file_read(path, &length, &fault);
    assert_int_equal(length, 6);
    assert_string_equal(bytes, "world!");
    free(bytes);
    assert_true(file_write(path, "", 0, &fault));
    bytes = file_read(path, &length, &fault);
    assert_int_equal(length, 0);
    free(bytes);
    snprintf(stale, sizeof stale, "%s/.a.txt.tmp", directory); /* as a killed process leaves it */
    assert_int_equal(symlink("elsewhere", stale), 0);
    assert_false(file_write(path, "x", 1, &fault)); /* nobody can send the bytes elsewhere */
    unlink(stale);
    fclose(fopen(stale, "w"));
    assert_true(file_write(path, "longer", 6, &fault));
    assert_int_equal(access(stale, F_OK), -1);
    assert_false(file_write("/dev/full", "x", 1, &fault));
    assert_string_equal(fault.message, "cannot write '/dev/full': no space left on device");
    assert_false(file_write(directory, "x", 1, &fault));
    assert_non_null(strstr(fault.message, "it is a directory"));
    assert_null(file_read(directory, &length, &fault));
    assert_false(file_write("/tmp/reg-base-nowhere/x", "x", 1, &fault));
    assert_string_equal(fault.message, "cannot write '/tmp/reg-base-nowhere/x': its directory does not exist");
    unlink(link);
    unlink(path);
    assert_int_equal(rmdir(directory), 0); /* no temporary file is left behind */
}

static void faults_read_well(void **state) {
    (void)state;
    Fault fault = {.help = "old"};
    assert_false(fault_set(&fault, "no %s", "luck"));
    assert_string_equal(fault.help, "");
    assert_int_equal(fault.step, -1);
    fault_set(&fault, "again: %s", fault.message);
    assert_string_equal(fault.message, "again: no luck");
    assert_false(fault_set(NULL, "x"));
    assert_false(fault_help(NULL, "x"));
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(arena_keeps_what_it_gave),
                                       cmocka_unit_test(lists_and_texts_grow),
                                       cmocka_unit_test(shapes_broadcast_by_numpy_rules),
                                       cmocka_unit_test(tensors_convert),
                                       cmocka_unit_test(impossible_tensors_are_refused),
                                       cmocka_unit_test(philox_gives_the_known_answers),
                                       cmocka_unit_test(random_numbers_have_their_moments),
                                       cmocka_unit_test(files_are_written_whole),
                                       cmocka_unit_test(faults_read_well)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
