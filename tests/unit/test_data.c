/* Every file format: what is written reads back to the same bits, and files that lie get one clear sentence. */
#include "runtime/base/file.h"
#include "runtime/data/csv.h"
#include "runtime/data/dataset.h"
#include "runtime/data/gzip.h"
#include "runtime/data/idx.h"
#include "runtime/data/image.h"
#include "runtime/data/npy.h"
#include "runtime/data/npz.h"
#include "runtime/data/safetensors.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

static char path[128]; /* the file of the current test, in a directory of its own */
static char directory[] = "/tmp/reg-data-XXXXXX";

static const char *file_named(const char *name) {
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int make_directory(void **state) {
    (void)state;
    return mkdtemp(directory) ? 0 : -1;
}

static int remove_directory(void **state) {
    (void)state;
    static const char *const names[] = {"a.csv", "a.csv.gz", "a.npy", "a.npz",         "a.idx", "a.idx.gz",
                                        "a.png", "a.pgm",    "a.ppm", "a.safetensors", "a.off"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) unlink(file_named(names[i]));
    return rmdir(directory);
}

static Tensor *numbered(DType dtype, Shape shape, double scale) {
    Tensor *tensor = tensor_zeros(dtype, shape, NULL);
    for (int64_t i = 0; i < tensor_count(tensor); i++)
        tensor_set_number(tensor, i, dtype == DTYPE_BOOL ? (double)(i % 2) : scale * (double)(i - 3));
    return tensor;
}

static void assert_same(const Tensor *a, const Tensor *b) {
    assert_non_null(a);
    assert_int_equal(a->dtype, b->dtype);
    assert_true(shape_equal(a->shape, b->shape));
    if (tensor_bytes(a)) assert_memory_equal(a->data, b->data, tensor_bytes(a));
}

static TensorTable sample_table(void) {
    TensorTable table = {0};
    table_add(&table, "floats", numbered(DTYPE_F32, shape_of(3, (int64_t[]){2, 3, 4}), 0.1));
    table_add(&table, "layer.1.w", numbered(DTYPE_F64, shape_2(5, 2), 1.0 / 3));
    table_add(&table, "whole \"quoted\"", numbered(DTYPE_I64, shape_1(7), 1e15));
    table_add(&table, "truth", numbered(DTYPE_BOOL, shape_1(9), 1));
    table_add(&table, "scalar", tensor_scalar(DTYPE_F64, -0.0));
    table_add(&table, "none", numbered(DTYPE_F32, shape_2(0, 4), 1));
    tensor_f32(table.items[0].tensor)[1] = NAN;
    tensor_f32(table.items[0].tensor)[2] = -INFINITY;
    return table;
}

static void assert_tables_same(const TensorTable *a, const TensorTable *b) {
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) assert_same(table_find(b, a->items[i].name), a->items[i].tensor);
}

static void npy_and_idx_round_trip(void **state) {
    (void)state;
    TensorTable table = sample_table();
    for (size_t i = 0; i < table.count; i++) {
        Fault fault = {0};
        Tensor *tensor = table.items[i].tensor, *back = NULL;
        assert_true(npy_write(file_named("a.npy"), tensor, &fault));
        assert_true(npy_read(path, &back, &fault));
        assert_same(back, tensor);
        tensor_release(back);
        bool fits = tensor->shape.rank > 0 && tensor->dtype != DTYPE_I64;
        assert_int_equal(idx_write(file_named("a.idx.gz"), tensor, &fault), fits);
        if (fits && tensor->dtype != DTYPE_BOOL) {
            assert_true(idx_read(path, &back, &fault));
            assert_same(back, tensor);
            tensor_release(back);
        }
    }
    table_free(&table);
}

static void npz_and_safetensors_round_trip(void **state) {
    (void)state;
    Fault fault = {0};
    TensorTable table = sample_table(), back = {0};
    assert_true(npz_write(file_named("a.npz"), &table, &fault));
    assert_true(npz_read(path, &back, &fault));
    assert_tables_same(&table, &back);
    table_free(&back);
    Metadata metadata = {0}, metadata_back = {0};
    metadata_add(&metadata, "format", "reg \"1\"\n");
    assert_true(safetensors_write(file_named("a.safetensors"), &table, &metadata, &fault));
    assert_true(safetensors_read(path, &back, &metadata_back, &fault));
    assert_tables_same(&table, &back);
    assert_string_equal(metadata_find(&metadata_back, "format"), "reg \"1\"\n");
    assert_null(metadata_find(&metadata_back, "other"));
    metadata_free(&metadata);
    metadata_free(&metadata_back);
    table_free(&back);
    table_free(&table);
    assert_true(npz_write(file_named("a.npz"), &back, &fault));
    assert_true(npz_read(path, &back, &fault));
    assert_int_equal(back.count, 0);
}

/* The members' dates, in the local headers: 1 January 1980. */
static void npz_is_the_same_whenever_written(void **state) {
    (void)state;
    Fault fault = {0};
    TensorTable table = sample_table();
    size_t length;
    assert_true(npz_write(file_named("a.npz"), &table, &fault));
    char *bytes = file_read(path, &length, &fault);
    assert_non_null(bytes);
    size_t members = 0;
    for (size_t k = 0; k + 14 <= length; k++) {
        if (memcmp(bytes + k, "PK\3\4", 4)) continue;
        assert_memory_equal(bytes + k + 10, "\0\0\x21\0", 4);
        members++;
    }
    assert_int_equal(members, table.count);
    free(bytes);
    table_free(&table);
}

static void pictures_round_trip(void **state) {
    (void)state;
    static const char *const names[] = {"a.png", "a.ppm", "a.pgm"};
    for (int which = 0; which < 3; which++)
        for (int64_t channels = 1; channels <= 4; channels += channels == 1 ? 2 : 1) {
            Fault fault = {0};
            Tensor *image = tensor_zeros(DTYPE_F32, shape_of(3, (int64_t[]){channels, 5, 7}), NULL), *back = NULL;
            for (int64_t i = 0; i < tensor_count(image); i++) tensor_f32(image)[i] = (float)(i * 37 % 256) / 255.0f;
            bool fits = which == 0 || channels < 4;
            assert_int_equal((which ? pnm_write : png_write)(file_named(names[which]), image, &fault), fits);
            if (fits) {
                assert_true((which ? pnm_read : png_read)(path, DTYPE_F32, &back, &fault));
                assert_same(back, image);
            }
            tensor_release(back);
            tensor_release(image);
        }
}

static void csv_reads_what_people_write(void **state) {
    (void)state;
    Fault fault = {0};
    const char *text =
        "\xEF\xBB\xBF# a remark\r\n\r\nage, \"na\"\"me\" ,size,x\r\n 3,\"a,\nb\",1.5,NA\r\n-4,c,,?\r\n\r\n5,\"a,\nb\",2,null";
    assert_true(file_write(file_named("a.csv"), text, strlen(text), &fault));
    TensorTable columns = {0}, back = {0};
    CategoryTable categories = {0}, categories_back = {0};
    assert_true(csv_read(path, DTYPE_F64, true, &columns, &categories, &fault));
    assert_int_equal(columns.count, 4);
    assert_int_equal(tensor_i64(table_find(&columns, "age"))[1], -4);
    assert_int_equal(table_find(&columns, "size")->dtype, DTYPE_F64);
    assert_true(isnan(tensor_f64(table_find(&columns, "size"))[1]));
    assert_true(isnan(tensor_f64(table_find(&columns, "x"))[0]));
    const NameList *names = category_find(&categories, "na\"me");
    assert_int_equal(names->count, 2);
    assert_string_equal(names->items[0], "a,\nb");
    assert_int_equal(tensor_i64(table_find(&columns, "na\"me"))[1], 1);
    assert_true(csv_write(file_named("a.csv.gz"), &columns, &categories, &fault));
    assert_true(csv_read(path, DTYPE_F64, true, &back, &categories_back, &fault));
    for (size_t i = 0; i < columns.count; i++) {
        Tensor *original = columns.items[i].tensor, *again = table_find(&back, columns.items[i].name);
        assert_int_equal(original->dtype, again->dtype);
        for (int64_t row = 0; row < 3; row++)
            assert_true(tensor_number(original, row) == tensor_number(again, row) || isnan(tensor_number(original, row)));
    }
    table_free(&columns);
    table_free(&back);
    categories_free(&categories);
    categories_free(&categories_back);
}

static void csv_without_header_and_other_separators(void **state) {
    (void)state;
    char headless[] = "1;2.5;x\n2;-1e3;y\n", tabs[] = "a\tb\n1\t2\n", old_mac[] = "a,b\r1,2\r3,4\r";
    TensorTable columns = {0};
    CategoryTable categories = {0};
    Fault fault = {0};
    assert_true(csv_parse(headless, strlen(headless), "'t'", DTYPE_F32, true, &columns, &categories, &fault));
    assert_true((double)tensor_f32(table_find(&columns, "column_2"))[1] == -1000.0);
    assert_int_equal(category_find(&categories, "column_3")->count, 2);
    table_free(&columns);
    assert_true(csv_parse(tabs, strlen(tabs), "'t'", DTYPE_F32, true, &columns, &categories, &fault));
    assert_int_equal(tensor_i64(table_find(&columns, "b"))[0], 2);
    table_free(&columns);
    assert_true(csv_parse(old_mac, strlen(old_mac), "'t'", DTYPE_F32, true, &columns, &categories, &fault));
    assert_int_equal(tensor_i64(table_find(&columns, "b"))[1], 4);
    table_free(&columns);
    categories_free(&categories);
}

/* A header of exactly 118 bytes, so that one length serves every case. */
static void npy_case(char *out, size_t *length, const char *header, const char *data, size_t data_bytes) {
    memcpy(out, "\x93NUMPY\x01\0\x76\0", 10);
    memset(out + 10, ' ', 118);
    memcpy(out + 10, header, strlen(header));
    memcpy(out + 128, data, data_bytes);
    *length = 128 + data_bytes;
}

static void npy_types_and_orders(void **state) {
    (void)state;
    static const struct {
        const char *header, *data;
        size_t bytes;
        double first, last;
    } cases[] = {{"{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", "\xff\xff\x02\x01", 4, -1, 258},
                 {"{'descr': '>i2', 'fortran_order': False, 'shape': (2,), }", "\xff\xff\x02\x01", 4, -1, 513},
                 {"{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }", "\xff\x02", 2, 255, 2},
                 {"{'descr': '|i1', 'fortran_order': False, 'shape': (2,), }", "\xff\x02", 2, -1, 2},
                 {"{'descr': '<u4', 'fortran_order': False, 'shape': (1,), }", "\xff\xff\xff\xff", 4, 4294967295.0, 4294967295.0},
                 {"{'descr': '>f4', 'fortran_order': False, 'shape': (1,), }", "\x3f\x80\x00\x00", 4, 1, 1},
                 {"{'descr': '<f2', 'fortran_order': False, 'shape': (3,), }", "\x00\x3c\x00\xc0\x01\x00", 6, 1, 0x1p-24},
                 {"{'shape': (), 'descr': '>f8', 'fortran_order': True}", "\x40\x00\x00\x00\x00\x00\x00\x00", 8, 2, 2},
                 {"{'descr': '|b1', 'fortran_order': False, 'shape': (2, 1)}", "\x01\x00", 2, 1, 0},
                 {"{'descr': '|u1', 'fortran_order': True, 'shape': (2, 3), }", "\x01\x04\x02\x05\x03\x06", 6, 1, 6}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[256];
        size_t length;
        Fault fault = {0};
        Tensor *tensor = NULL;
        npy_case(bytes, &length, cases[i].header, cases[i].data, cases[i].bytes);
        assert_true(npy_parse(bytes, length, "'a'", &tensor, &fault));
        assert_true(tensor_number(tensor, 0) == cases[i].first);
        assert_true(tensor_number(tensor, tensor_count(tensor) - 1) == cases[i].last);
        if (tensor->shape.rank == 2 && tensor->shape.dims[1] == 3)
            for (int j = 0; j < 6; j++) assert_int_equal(tensor_i64(tensor)[j], j + 1);
        tensor_release(tensor);
    }
}

typedef struct Lie {
    const char *file;
    const char *bytes;
    size_t length;
    const char *message; /* part of it */
} Lie;

#define LIE(FILE, BYTES, MESSAGE) \
    { FILE, BYTES, sizeof BYTES - 1, MESSAGE }

static const Lie LIES[] = {
    LIE("a.csv", "", "it is empty"),
    LIE("a.csv", "a,b\n", "it has a header but no rows"),
    LIE("a.csv", "a,b\n1,2\n3\n", "line 3 has 1 cell where line 1 has 2"),
    LIE("a.csv", "a,b\n1,2,3\n", "line 2 has 3 cells where line 1 has 2"),
    LIE("a.csv", "a,b\n1,\"2\n3,4\n", "the quote opened in line 2 is never closed"),
    LIE("a.csv", "a,b\n1,\"2\"x\n", "in line 2 there is text after a closing quote"),
    LIE("a.csv", "a,a\n1,2\n", "two columns have the name 'a'"),
    LIE("a.csv", "a,b\n1,\0\n", "it is not text"),
    LIE("a.csv", "a,b\n1,2\n\xe9,2\n", "line 3 is not UTF-8 text"),
    LIE("a.csv", "a,b\n1,2\n1.5,\"nan\"\n", "'nan' in line 3, column 'b', is not a finite number"),
    LIE("a.csv", "# two\na,b\n-inf,2\n", "'-inf' in line 3, column 'a'"),
    LIE("a.csv", "a,b\n1,1e39\n", "'1e39' in line 2, column 'b'"),
    LIE("a.csv.gz", "\x1f\x8b\x08\0\0\0\0\0\0\x03", "its gzip data is damaged or ends too early"),
    LIE("a.csv.gz", "\x1f\x8b\x08\0\0\0\0\0\0\x03\xff\xff\xff\xff\xff\xff", "its gzip data is damaged or ends too early"),
    LIE("a.npy", "", "it is not an npy file"),
    LIE("a.npy", "\x93NUMPY\x09\0\x10\0", "its npy format version is 9"),
    LIE("a.npy", "\x93NUMPY\x01\0\xff\xff{}", "its npy header should have 65535 bytes"),
    LIE("a.npy", "\x93NUMPY\x02\0\xff\xff\xff\xff{}", "its npy header should have 4294967295 bytes"),
    LIE("a.npy", "\x93NUMPY\x01\0\x02\0{}", "'descr', 'fortran_order' or 'shape' is missing"),
    LIE("a.npy", "\x93NUMPY\x01\0\x02\0[]", "it is not a dictionary"),
    LIE("a.npy", "\x93NUMPY\x01\0\x39\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2)}\0\0\x80\x3f\0\0\xc0\x7f",
        "x[0, 1] is NaN"),
    LIE("a.npy", "\x93NUMPY\x01\0\x38\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, )}\0\0\x80\x7f", "x[0] is infinite"),
    LIE("a.npy", "\x93NUMPY\x01\0\x38\0{'descr': '<f4', 'fortran_order': False, 'shape': (1, )}\0\0\x80\x3f!",
        "behind its elements 1 bytes more follow"),
    LIE("a.npz", "", "it is not a whole zip file"),
    LIE("a.npz", "PK\3\4 and so on", "it is not a whole zip file"),
    LIE("a.npz", "PK\5\6\0\0\0\0\1\0\1\0\x2e\0\0\0\0\0\0\0\0\0", "it is not a whole zip file"),
    LIE("a.idx", "", "it is not an idx file"),
    LIE("a.idx", "\0\0\7\1\0\0\0\1x", "its element type is 0x07"),
    LIE("a.idx", "\0\0\x08\0", "it has 0 dimensions"),
    LIE("a.idx", "\0\0\x08\x09", "it has 9 dimensions"),
    LIE("a.idx", "\0\0\x08\3\0\0\0\1", "its header should have 16 bytes"),
    LIE("a.idx", "\0\0\x08\1\0\0\0\5abc", "its header promises shape [5], which takes 5 bytes, but 3 follow"),
    LIE("a.idx", "\0\0\x08\1\0\0\0\2abc", "which takes 2 bytes, but 3 follow"),
    LIE("a.idx", "\0\0\x0e\3\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "is larger than any memory"),
    LIE("a.idx", "\0\0\x0d\2\xff\xff\xff\xff\0\0\0\1", "its header promises shape [4294967295, 1]"),
    LIE("a.png", "no picture at all, but long enough for a header", "it is not a PNG picture"),
    LIE("a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\x7f\xff\xff\xff\x7f\xff\xff\xff\x08\2\0\0\0xxxx", "more than its 33 bytes can hold"),
    LIE("a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\0\0\0\0\1\x08\2\0\0\0xxxx", "its header says 0 x 1 pixels"),
    LIE("a.png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0xxxx", "cannot read"),
    LIE("a.pgm", "P9\n1 1\n255\n", "it is not a PGM or PPM picture"),
    LIE("a.pgm", "P5\n2 two\n255\n", "expected the height, found something that is not a number"),
    LIE("a.pgm", "P5\n2", "expected the height, found the end of the file"),
    LIE("a.pgm", "P5\n-2 2\n255\n1234", "expected the width"),
    LIE("a.pgm", "P5\n0 2\n255\n", "its header says 0 x 2 pixels"),
    LIE("a.pgm", "P5\n2 2\n255\n123", "promises 2 x 2 pixels, but only 3 bytes follow"),
    LIE("a.pgm", "P5\n2 2\n70000\n1234", "the maximum value is larger than 65535"),
    LIE("a.ppm", "P6\n2000000000 2000000000\n65535\n1234", "promises 2000000000 x 2000000000 pixels"),
    LIE("a.ppm", "P6\n99999999999999999999 1\n255\n", "the width is larger than"),
    LIE("a.pgm", "P2\n2 2\n9\n1 2 3 10", "a sample is larger than 9"),
    LIE("a.pgm", "P2\n2 2\n99\n1 2 x 10", "expected a sample, found something that is not a number"),
    LIE("a.safetensors", "abc", "it has 3 bytes, too few"),
    LIE("a.safetensors", "\xff\xff\xff\xff\xff\xff\xff\x7f{}", "its header should have 9223372036854775807 bytes"),
    LIE("a.safetensors", "\2\0\0\0\0\0\0\0{x", "its header is not a JSON object"),
    LIE("a.safetensors", "\2\0\0\0\0\0\0\0[]", "its header is not a JSON object"),
    LIE("a.safetensors", "\7\0\0\0\0\0\0\0{\"a\":1}", "the entry 'a' of its header is not an object"),
    LIE("a.safetensors", "\x08\0\0\0\0\0\0\0{\"a\":{}}", "the tensor 'a' has the element type ''"),
    LIE("a.safetensors", "\x39\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}   1234",
        "should end at byte 8 of the data, but there are only 4"),
    LIE("a.safetensors", "\x39\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}   1234",
        "takes 8 bytes, but its offsets span 4"),
    LIE("a.safetensors", "\x39\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}  1234",
        "a dimension of the tensor 'a' is not a whole number"),
    LIE("a.safetensors", "\x39\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}   1234",
        "no two data offsets in order"),
    LIE("a.safetensors", "\x39\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}   12345678",
        "its tensors take 4 bytes, but its data has 8"),
    LIE("a.safetensors",
        "\x6f\0\0\0\0\0\0\0{\"a\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"b\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}    12345678",
        "the tensors 'a' and 'b' share bytes"),
    LIE("a.off", "PLY\n", "it is not a mesh"),
    LIE("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n", "line 5 lacks a coordinate"),
    LIE("a.off", "OFF\n3000000000 1 0\n0 0 0\n1 0 0\n", "promises 3000000000 vertices and 1 faces, more than its"),
    LIE("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n3 0 1 5\n", "a corner is 5, expected less than 3"),
    LIE("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 x\n3 0 1 2\n", "line 5 lacks a coordinate"),
    LIE("a.off", "OFF\n3 1 0\n0 0 0\n1 0 0\n0 1 0\n2 0 1  \n", "has 2 corners, expected at least 3"),
};

static void assert_refused(const char *message) {
    Fault fault = {0};
    DataSet *set = dataset_load(path, DTYPE_F32, true, &fault);
    if (set || !strstr(fault.message, message))
        fail_msg("'%s': expected \"… %s …\", found \"%s\"", path, message, set ? "success" : fault.message);
}

static void lying_files_get_a_clear_sentence(void **state) {
    (void)state;
    Fault fault = {0};
    for (size_t i = 0; i < sizeof LIES / sizeof *LIES; i++) {
        assert_true(file_write(file_named(LIES[i].file), LIES[i].bytes, LIES[i].length, &fault));
        assert_refused(LIES[i].message);
    }
}

static void lying_npy_headers(void **state) {
    (void)state;
    static const struct {
        const char *header, *message;
    } cases[] = {
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "promises shape [3], which takes 12 bytes, but only 8 follow"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (-3,), }", "its shape [-3] has a negative dimension"},
        {"{'descr': '<f8', 'fortran_order': False, 'shape': (4000000000, 4000000000), }", "is larger than any memory"},
        {"{'descr': '<f8', 'fortran_order': True, 'shape': (99999999999999999999,), }", "a dimension is larger than 2^63 - 1"},
        {"{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "its elements have the type '<c8'"},
        {"{'descr': '|O', 'fortran_order': False, 'shape': (1,), }", "its elements have the type '|O'"},
        {"{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "'descr' is not a simple type"},
        {"{'descr': '<f4', 'fortran_order': None, 'shape': (1,), }", "'fortran_order' is neither True nor False"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1), }", "more than 8 dimensions"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': 2, }", "its shape is not a tuple"},
        {"{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2,), }", "it has an unexpected key"},
        {"{'descr': '<f4', 'fortran_order': False, 'shape': (2,", "its shape is not a tuple"},
        {"{'descr': '<u8', 'fortran_order': False, 'shape': (1,), }", "is larger than 2^63 - 1"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[256];
        size_t length;
        Fault fault = {0};
        npy_case(bytes, &length, cases[i].header, "\xff\xff\xff\xff\xff\xff\xff\xff", 8);
        assert_true(file_write(file_named("a.npy"), bytes, length, &fault));
        assert_refused(cases[i].message);
    }
}

/* Cutting a good file anywhere, or changing any byte of it, must never crash; what still reads is a tensor of sane size. */
static void damaged_files_never_crash(void **state) {
    (void)state;
    Fault fault = {0};
    TensorTable table = {0};
    table_add(&table, "a", numbered(DTYPE_F32, shape_2(3, 2), 1));
    table_add(&table, "b", numbered(DTYPE_I64, shape_1(2), 1));
    Tensor *image = numbered(DTYPE_F32, shape_of(3, (int64_t[]){3, 4, 4}), 0.02);
    assert_true(npz_write(file_named("a.npz"), &table, &fault) && npy_write(file_named("a.npy"), table.items[0].tensor, &fault));
    assert_true(safetensors_write(file_named("a.safetensors"), &table, NULL, &fault) && png_write(file_named("a.png"), image, &fault));
    assert_true(idx_write(file_named("a.idx.gz"), image, &fault) && pnm_write(file_named("a.ppm"), image, &fault));
    static const char *const names[] = {"a.npz", "a.npy", "a.safetensors", "a.png", "a.idx.gz", "a.ppm"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        size_t length;
        char *bytes = file_read(file_named(names[i]), &length, &fault);
        for (size_t at = 0; at < length; at++) {
            FILE *file = fopen(path, "wb"); /* not file_write, whose fsync would take the time of the test */
            char changed = (char)(bytes[at] ^ (at % 3 == 0 ? 0x80 : 0x11));
            fwrite(bytes, 1, at, file);
            if (at % 2) fwrite(&changed, 1, 1, file), fwrite(bytes + at + 1, 1, length - at - 1, file);
            fclose(file);
            Fault ignored = {0};
            DataSet *set = dataset_load(path, DTYPE_F32, true, &ignored);
            assert_true(set || ignored.message[0]);
            dataset_free(set);
        }
        free(bytes);
    }
    tensor_release(image);
    table_free(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(npy_and_idx_round_trip),
                                       cmocka_unit_test(npz_and_safetensors_round_trip),
                                       cmocka_unit_test(npz_is_the_same_whenever_written),
                                       cmocka_unit_test(pictures_round_trip),
                                       cmocka_unit_test(csv_reads_what_people_write),
                                       cmocka_unit_test(csv_without_header_and_other_separators),
                                       cmocka_unit_test(npy_types_and_orders),
                                       cmocka_unit_test(lying_files_get_a_clear_sentence),
                                       cmocka_unit_test(lying_npy_headers),
                                       cmocka_unit_test(damaged_files_never_crash)};
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
