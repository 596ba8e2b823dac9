/* Data sets: named splits of equally long arrays, from built-in data or from files.
 *
 * Conventions. Images and volumes are flat rows: "x" is [n, d] with pixels in 0..1, colour in the order [c, h, w], so that
 * reshape(x, [n, c, h, w]) needs no transpose; `sample` keeps (c, h, w). Class labels are "y", i64. Tables have the target
 * as "y" and the other columns as "x" [n, d] with their names in `features`. A set without a split of its own, and every
 * file, has the one split "all", whose fields the language may show as fields of the set itself. What is not a list of
 * samples (one picture "image" [c, h, w], the "vertices" and "faces" of a mesh, the arrays of an npz) is the split "all"
 * with arrays of any shape. */
#ifndef REG_DATA_DATASET_H
#define REG_DATA_DATASET_H

#include "runtime/base/tensor.h"
#include "runtime/data/categories.h"

typedef struct Split {
    char *name; /* "train", "test", "all", … */
    TensorTable fields;
} Split;

typedef struct DataSet {
    char *name;
    Split *splits;
    size_t split_count, split_capacity;
    CategoryTable categories; /* by field name, the same for all splits */
    NameList features;        /* names of the columns of "x"; empty when they have none */
    Shape sample;             /* [c, h, w] of one row of "x" when it is a picture; rank 0 otherwise */
} DataSet;

DataSet *dataset_new(const char *name);
void dataset_free(DataSet *set); /* NULL allowed */
/* Valid until the next dataset_add_split. */
Split *dataset_add_split(DataSet *set, const char *name);
Split *dataset_split(const DataSet *set, const char *name); /* NULL when absent */

/* Common length of the first axis of all fields, -1 when they do not share one (or there are none). */
int64_t split_rows(const Split *split);
/* Adds to `out` (an empty split) the given rows of every field of `from`, in that order; false with a fault when a row
 * does not exist, the fields are not equally long, or memory is short. */
bool split_select(const Split *from, const int64_t *rows, int64_t count, Split *out, Fault *fault);
void split_clear(Split *split);
/* Rows of one tensor along its first axis. NULL with a fault. */
Tensor *tensor_take_rows(const Tensor *tensor, const int64_t *rows, int64_t count, Fault *fault);

/* A built-in set by its name, or a file by its ending. Floating-point arrays come as `float_type`; with `finite` a NaN or an
 * infinity that stands in a file is a fault (an empty cell of a csv is a missing value, and NaN either way). NULL with a
 * fault that lists the names, the nearest first. Thread safe. */
DataSet *dataset_load(const char *name_or_path, DType float_type, bool finite, Fault *fault);

/* The built-in sets, for listings and documentation. */
typedef struct BuiltinInfo {
    const char *name;
    const char *summary; /* one line: what it is, sizes, fields */
} BuiltinInfo;
size_t builtin_count(void);
BuiltinInfo builtin_info(size_t index);
/* NULL with a fault; `*known` says whether the name is a built-in one. */
DataSet *builtin_load(const char *name, DType float_type, bool *known, Fault *fault);

#endif
