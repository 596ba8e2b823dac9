#include "runtime/data/dataset.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <string.h>

DataSet *dataset_new(const char *name) {
    DataSet *set = allocate(sizeof *set);
    set->name = copy_string(name);
    return set;
}

void split_clear(Split *split) {
    free(split->name);
    table_free(&split->fields);
    *split = (Split){0};
}

void dataset_free(DataSet *set) {
    if (!set) return;
    for (size_t i = 0; i < set->split_count; i++) split_clear(&set->splits[i]);
    free(set->splits);
    free(set->name);
    categories_free(&set->categories);
    names_free(&set->features);
    free(set);
}

Split *dataset_add_split(DataSet *set, const char *name) {
    list_reserve((void **)&set->splits, sizeof *set->splits, set->split_count + 1, &set->split_capacity);
    Split *split = &set->splits[set->split_count++];
    *split = (Split){.name = copy_string(name)};
    return split;
}

Split *dataset_split(const DataSet *set, const char *name) {
    for (size_t i = 0; i < set->split_count; i++)
        if (strcmp(set->splits[i].name, name) == 0) return &set->splits[i];
    return NULL;
}

int64_t split_rows(const Split *split) {
    int64_t rows = -1;
    for (size_t i = 0; i < split->fields.count; i++) {
        Shape shape = split->fields.items[i].tensor->shape;
        if (shape.rank == 0 || (rows >= 0 && shape.dims[0] != rows)) return -1;
        rows = shape.dims[0];
    }
    return rows;
}

Tensor *tensor_take_rows(const Tensor *tensor, const int64_t *rows, int64_t count, Fault *fault) {
    Shape shape = tensor->shape;
    if (shape.rank == 0) {
        fault_set(fault, "a scalar has no rows to take");
        return NULL;
    }
    int64_t existing = shape.dims[0];
    shape.dims[0] = count;
    Tensor *taken = tensor_new(tensor->dtype, shape, fault);
    if (!taken) return NULL;
    size_t row_bytes = existing ? tensor_bytes(tensor) / (size_t)existing : 0;
    for (int64_t i = 0; i < count; i++) {
        if (rows[i] < 0 || rows[i] >= existing) {
            fault_set(fault, "there is no row %lld among %lld", (long long)rows[i], (long long)existing);
            tensor_release(taken);
            return NULL;
        }
        if (row_bytes)
            memcpy((char *)taken->data + (size_t)i * row_bytes, (const char *)tensor->data + (size_t)rows[i] * row_bytes, row_bytes);
    }
    return taken;
}

bool split_select(const Split *from, const int64_t *rows, int64_t count, Split *out, Fault *fault) {
    if (split_rows(from) < 0)
        return fault_set(fault, "the arrays of '%s' are not equally long, so it has no rows to choose from", from->name);
    for (size_t i = 0; i < from->fields.count; i++) {
        Tensor *taken = tensor_take_rows(from->fields.items[i].tensor, rows, count, fault);
        if (!taken) return false;
        table_add(&out->fields, from->fields.items[i].name, taken);
    }
    return true;
}
