/* Built-in sets, generators, label noise, shuffles. */
#include "runtime/data/dataset.h"
#include "runtime/data/label_noise.h"
#include "runtime/data/permutation.h"
#include "runtime/data/synthetic.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

static void assert_finite(const Split *split) {
    for (size_t i = 0; i < split->fields.count; i++) {
        const Tensor *tensor = split->fields.items[i].tensor;
        for (int64_t j = 0; j < tensor_count(tensor); j++)
            if (!isfinite(tensor_number(tensor, j))) fail_msg("field '%s' has a number that is not finite", split->fields.items[i].name);
    }
}

static void every_builtin_set_loads(void **state) {
    (void)state;
    for (size_t i = 0; i < builtin_count(); i++) {
        if (strcmp(builtin_info(i).name, "fashion-mnist") == 0) /* installed apart */
            continue;
        Fault fault = {0};
        DataSet *set = dataset_load(builtin_info(i).name, DTYPE_F32, true, &fault);
        if (!set) fail_msg("%s", fault.message);
        for (size_t j = 0; j < set->split_count; j++) {
            assert_true(set->splits[j].fields.count > 0);
            assert_finite(&set->splits[j]);
        }
        dataset_free(set);
    }
}

static void assert_shape(const DataSet *set, const char *split, const char *field, int64_t rows, int64_t columns) {
    const Tensor *tensor = table_find(&dataset_split(set, split)->fields, field);
    assert_int_equal(tensor->shape.dims[0], rows);
    assert_int_equal(tensor->shape.dims[1], columns);
}

static void builtin_sets_are_as_documented(void **state) {
    (void)state;
    DataSet *fashion = dataset_load("fashion-14", DTYPE_F64, true, NULL);
    assert_shape(fashion, "train", "x", 4000, 196);
    assert_shape(fashion, "test", "x", 1000, 196);
    assert_int_equal(table_find(&fashion->splits[0].fields, "x")->dtype, DTYPE_F64);
    assert_int_equal(split_rows(dataset_split(fashion, "test")), 1000);
    assert_string_equal(category_find(&fashion->categories, "y")->items[9], "ankle boot");
    assert_int_equal(fashion->sample.dims[2], 14);
    dataset_free(fashion);
    DataSet *iris = dataset_load("iris", DTYPE_F32, true, NULL);
    assert_shape(iris, "all", "x", 150, 4);
    assert_string_equal(iris->features.items[2], "petal_length");
    assert_true(fabs(tensor_number(table_find(&iris->splits[0].fields, "x"), 0) - 5.1) < 1e-6);
    int64_t rows[2] = {149, 0}, missing[1] = {150};
    Split chosen = {0};
    assert_true(split_select(&iris->splits[0], rows, 2, &chosen, NULL));
    assert_int_equal(tensor_i64(table_find(&chosen.fields, "y"))[0], 2);
    assert_int_equal(tensor_i64(table_find(&chosen.fields, "y"))[1], 0);
    split_clear(&chosen);
    Fault fault = {0};
    assert_false(split_select(&iris->splits[0], missing, 1, &chosen, &fault));
    assert_string_equal(fault.message, "there is no row 150 among 150");
    split_clear(&chosen);
    dataset_free(iris);
    DataSet *meats = dataset_load("meats", DTYPE_F32, true, NULL);
    assert_shape(meats, "all", "x", 215, 100);
    assert_non_null(table_find(&meats->splits[0].fields, "protein"));
    dataset_free(meats);
    DataSet *hand = dataset_load("hand", DTYPE_F32, true, NULL);
    assert_shape(hand, "all", "faces", 2390, 3);
    assert_int_equal(split_rows(&hand->splits[0]), -1);
    dataset_free(hand);
}

static void unknown_names_get_advice(void **state) {
    (void)state;
    Fault fault = {0};
    assert_null(dataset_load("fasion-14", DTYPE_F32, true, &fault));
    assert_string_equal(fault.message, "there is no built-in data set 'fasion-14'");
    assert_memory_equal(fault.help, "did you mean \"fashion-14\"? the built-in sets are ", 49);
    assert_null(dataset_load("notes.txt", DTYPE_F32, true, &fault));
    assert_non_null(strstr(fault.help, ".safetensors"));
    assert_null(dataset_load("nowhere.csv", DTYPE_F32, true, &fault));
    assert_string_equal(fault.message, "cannot read 'nowhere.csv': no such file");
    assert_null(synthetic_make("monns", 0, 1, NULL, 0, DTYPE_F32, &fault));
    assert_non_null(strstr(fault.help, "moons"));
    assert_null(synthetic_make("moons", 0, 1, &(Setting){"noise", NAN}, 1, DTYPE_F32, &fault));
    assert_null(synthetic_make("moons", -1, 1, NULL, 0, DTYPE_F32, &fault));
    assert_null(synthetic_make("modular_divide", 0, 1, &(Setting){"modulus", 91}, 1, DTYPE_F32, &fault));
    assert_non_null(strstr(fault.message, "must be prime, found 91 = 7 x 13"));
    assert_null(synthetic_make("modular_add", 5, 1, NULL, 0, DTYPE_F32, &fault));
}

static void generators_depend_on_the_seed_alone(void **state) {
    (void)state;
    for (size_t i = 0; i < synthetic_count(); i++) {
        const SyntheticInfo *info = synthetic_info(i);
        Fault fault = {0};
        DataSet *first = synthetic_make(info->name, 0, 7, NULL, 0, DTYPE_F64, &fault),
                *second = synthetic_make(info->name, 0, 7, NULL, 0, DTYPE_F64, &fault);
        if (!first || !second) fail_msg("%s", fault.message);
        for (size_t j = 0; j < first->split_count; j++)
            for (size_t k = 0; k < first->splits[j].fields.count; k++) {
                const Tensor *a = first->splits[j].fields.items[k].tensor, *b = second->splits[j].fields.items[k].tensor;
                assert_memory_equal(a->data, b->data, tensor_bytes(a));
            }
        assert_finite(&first->splits[0]);
        dataset_free(first);
        dataset_free(second);
    }
}

/* Values of an independent solver, from the data survey: u(0.5, -0.5) = 0.592770, u(0.99, -0.5) = 0.378996. */
static void burgers_is_exact(void **state) {
    (void)state;
    Setting settings[2] = {{"points_x", 5}, {"points_t", 100}};
    DataSet *set = synthetic_make("burgers", 0, 1, settings, 2, DTYPE_F64, NULL);
    const Tensor *u = table_find(&set->splits[0].fields, "u");
    assert_true(fabs(tensor_f64(u)[50 * 5 + 1] - 0.592770) < 5e-3); /* t = 0.50 */
    assert_true(fabs(tensor_f64(u)[99 * 5 + 1] - 0.378996) < 1e-6); /* t = 0.99 */
    dataset_free(set);
}

static void modular_tables_are_right(void **state) {
    (void)state;
    DataSet *set = synthetic_make("modular_divide", 0, 3, &(Setting){"modulus", 13}, 1, DTYPE_F32, NULL);
    for (int part = 0; part < 2; part++) {
        const Tensor *x = table_find(&set->splits[part].fields, "x"), *y = table_find(&set->splits[part].fields, "y");
        for (int64_t i = 0; i < y->shape.dims[0]; i++)
            assert_int_equal(tensor_i64(y)[i] * tensor_i64(x)[2 * i + 1] % 13, tensor_i64(x)[2 * i]);
    }
    assert_int_equal(split_rows(&set->splits[0]) + split_rows(&set->splits[1]), 13 * 12);
    dataset_free(set);
}

static Tensor *balanced_labels(int64_t count, int64_t classes) {
    Tensor *labels = tensor_new(DTYPE_I64, shape_1(count), NULL);
    for (int64_t i = 0; i < count; i++) tensor_i64(labels)[i] = i % classes;
    return labels;
}

static int64_t differences(const Tensor *a, const Tensor *b) {
    int64_t count = 0;
    for (int64_t i = 0; i < tensor_count(a); i++) count += tensor_i64(a)[i] != tensor_i64(b)[i];
    return count;
}

static void wrong_labels_are_counted_exactly(void **state) {
    (void)state;
    Tensor *labels = balanced_labels(10000, 10);
    Tensor *other = flip_labels(labels, 10, 0.29, FLIP_OTHER, NULL, 5, NULL), *any = flip_labels(labels, 10, 0.4, FLIP_ANY, NULL, 5, NULL);
    Tensor *map = flip_labels(labels, 10, 0.4, FLIP_MAP, LABEL_MAP_FASHION, 5, NULL),
           *none = flip_labels(labels, 10, 0, FLIP_ANY, NULL, 5, NULL);
    assert_int_equal(differences(labels, other), 2900);
    assert_true(llabs(differences(labels, any) - 3600) < 80);
    assert_int_equal(differences(labels, map), 5 * 400); /* five classes of the map go elsewhere */
    assert_int_equal(differences(labels, none), 0);
    Tensor *matrix = noise_matrix_pair(10, 0.45, DTYPE_F64, NULL), *paired = flip_labels_by_matrix(labels, matrix, 5, NULL);
    assert_true(llabs(differences(labels, paired) - 4500) < 200);
    for (int64_t i = 0; i < 10000; i++) {
        int64_t change = (tensor_i64(paired)[i] - i % 10 + 10) % 10;
        assert_true(change <= 1);
    }
    Fault fault = {0};
    assert_null(flip_labels(labels, 9, 0.4, FLIP_ANY, NULL, 5, &fault));
    assert_string_equal(fault.message, "label 9 of sample 9 is not among the 9 classes");
    assert_null(flip_labels(labels, 10, 1.5, FLIP_ANY, NULL, 5, &fault));
    tensor_release(labels), tensor_release(other), tensor_release(any), tensor_release(map), tensor_release(none);
    tensor_release(matrix), tensor_release(paired);
}

static void permutations_are_permutations(void **state) {
    (void)state;
    int64_t order[1000], again[1000], seen[1000] = {0}, fixed = 0;
    permutation_fill(3, 0, 1000, order);
    permutation_fill(3, 1, 1000, again);
    assert_memory_not_equal(order, again, sizeof order);
    for (int i = 0; i < 1000; i++) {
        seen[order[i]]++;
        fixed += order[i] == i;
    }
    for (int i = 0; i < 1000; i++) assert_int_equal(seen[i], 1);
    assert_true(fixed < 10);
    permutation_fill(3, 0, 0, order);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_builtin_set_loads),
                                       cmocka_unit_test(builtin_sets_are_as_documented),
                                       cmocka_unit_test(unknown_names_get_advice),
                                       cmocka_unit_test(generators_depend_on_the_seed_alone),
                                       cmocka_unit_test(burgers_is_exact),
                                       cmocka_unit_test(modular_tables_are_right),
                                       cmocka_unit_test(wrong_labels_are_counted_exactly),
                                       cmocka_unit_test(permutations_are_permutations)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
