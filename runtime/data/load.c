#include "runtime/data/dataset.h"

#include "runtime/base/text.h"
#include "runtime/data/csv.h"
#include "runtime/data/idx.h"
#include "runtime/data/image.h"
#include "runtime/data/mesh.h"
#include "runtime/data/npy.h"
#include "runtime/data/npz.h"
#include "runtime/data/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* One loader for each kind of file: adds its arrays to the split "all". */
typedef bool FileLoader(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault);

static bool add_tensor(Split *split, const char *field, bool read, Tensor *const *tensor) {
    if (read) table_add(&split->fields, field, *tensor);
    return read;
}

static bool load_csv(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    return csv_read(path, float_type, finite, &split->fields, &set->categories, fault);
}

static bool load_npy(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)float_type, (void)finite, (void)set;
    Tensor *tensor = NULL;
    return add_tensor(split, "x", npy_read(path, &tensor, fault), &tensor);
}

static bool load_npz(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)float_type, (void)finite, (void)set;
    return npz_read(path, &split->fields, fault);
}

static bool load_idx(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)float_type, (void)finite, (void)set;
    Tensor *tensor = NULL;
    bool read = idx_read(path, &tensor, fault);
    return add_tensor(split, read && tensor->shape.rank == 1 ? "y" : "x", read, &tensor);
}

static bool load_png(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)finite, (void)set;
    Tensor *tensor = NULL;
    return add_tensor(split, "image", png_read(path, float_type, &tensor, fault), &tensor);
}

static bool load_pnm(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)finite, (void)set;
    Tensor *tensor = NULL;
    return add_tensor(split, "image", pnm_read(path, float_type, &tensor, fault), &tensor);
}

static bool load_safetensors(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)float_type, (void)finite, (void)set;
    return safetensors_read(path, &split->fields, NULL, fault);
}

static bool load_off(const char *path, DType float_type, bool finite, DataSet *set, Split *split, Fault *fault) {
    (void)finite, (void)set;
    return off_read(path, float_type, &split->fields, fault);
}

static const struct {
    const char *ending;
    FileLoader *load;
} ENDINGS[] = {{".csv", load_csv},   {".csv.gz", load_csv},
               {".tsv", load_csv},   {".tsv.gz", load_csv},
               {".npy", load_npy},   {".npz", load_npz},
               {".idx", load_idx},   {".idx.gz", load_idx},
               {"-ubyte", load_idx}, {"-ubyte.gz", load_idx},
               {".png", load_png},   {".pgm", load_pnm},
               {".ppm", load_pnm},   {".safetensors", load_safetensors},
               {".off", load_off},   {".off.gz", load_off}};

static FileLoader *loader_of(const char *path) {
    size_t length = strlen(path);
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        size_t ending = strlen(ENDINGS[i].ending);
        if (length > ending && strcmp(path + length - ending, ENDINGS[i].ending) == 0) return ENDINGS[i].load;
    }
    return NULL;
}

/* Floating-point arrays of a file keep their precision until here. */
static bool convert_floats(Split *split, DType float_type, Fault *fault) {
    for (size_t i = 0; i < split->fields.count; i++) {
        Tensor *tensor = split->fields.items[i].tensor;
        if (!dtype_is_float(tensor->dtype) || tensor->dtype == float_type) continue;
        Tensor *converted = tensor_cast(tensor, float_type, fault);
        if (!converted) return false;
        split->fields.items[i].tensor = converted;
        tensor_release(tensor);
    }
    return true;
}

/* "x[0, 3]" of an element. */
static void element_text(const NamedTensor *field, int64_t index, Text *out) {
    int64_t strides[RANK_MAX];
    shape_strides(field->tensor->shape, strides);
    text_add(out, field->name);
    for (int axis = 0; axis < field->tensor->shape.rank; axis++)
        text_addf(out, "%s%lld", axis ? ", " : "[", (long long)(index / strides[axis] % field->tensor->shape.dims[axis]));
    if (field->tensor->shape.rank) text_add_char(out, ']');
}

/* For all formats but csv, whose reader knows the lines and which cells are missing. */
static bool check_finite(const Split *split, const char *path, Fault *fault) {
    for (size_t i = 0; i < split->fields.count; i++) {
        const Tensor *tensor = split->fields.items[i].tensor;
        int64_t count = dtype_is_float(tensor->dtype) ? tensor_count(tensor) : 0, at = 0;
        while (at < count && isfinite(tensor_number(tensor, at))) at++;
        if (at == count) continue;
        Text place = {0};
        element_text(&split->fields.items[i], at, &place);
        fault_set(fault, "cannot read '%s': %s is %s", path, text_string(&place), isnan(tensor_number(tensor, at)) ? "NaN" : "infinite");
        text_free(&place);
        return fault_help(fault, "load(..., finite = false) takes numbers as they are");
    }
    return true;
}

static DataSet *load_file(FileLoader *load, const char *path, DType float_type, bool finite, Fault *fault) {
    DataSet *set = dataset_new(path);
    Split *split = dataset_add_split(set, "all");
    if (load(path, float_type, finite, set, split, fault) && convert_floats(split, float_type, fault) &&
        (!finite || load == load_csv || check_finite(split, path, fault)))
        return set;
    dataset_free(set);
    return NULL;
}

static size_t smallest(size_t a, size_t b, size_t c) {
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

/* Levenshtein's distance between short names. */
static size_t distance(const char *a, const char *b) {
    enum { LONGEST = 64 };
    size_t row[LONGEST + 1], length = strlen(b);
    if (length > LONGEST) return LONGEST;
    for (size_t j = 0; j <= length; j++) row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < length; j++) {
            size_t above = row[j + 1];
            row[j + 1] = smallest(above + 1, row[j] + 1, diagonal + (a[i] != b[j]));
            diagonal = above;
        }
    }
    return row[length];
}

static void fault_unknown(const char *name, Fault *fault) {
    const char *nearest = NULL;
    size_t best = strlen(name) / 3 + 2;
    Text list = {0};
    for (size_t i = 0; i < builtin_count(); i++) {
        const char *candidate = builtin_info(i).name;
        text_addf(&list, "%s%s", i ? ", " : "", candidate);
        if (distance(name, candidate) < best) {
            best = distance(name, candidate);
            nearest = candidate;
        }
    }
    fault_set(fault, "there is no built-in data set '%s'", name);
    if (nearest) fault_help(fault, "did you mean \"%s\"? the built-in sets are %s", nearest, list.bytes);
    else fault_help(fault, "the built-in sets are %s", list.bytes);
    text_free(&list);
}

DataSet *dataset_load(const char *name_or_path, DType float_type, bool finite, Fault *fault) {
    bool known;
    DataSet *set = builtin_load(name_or_path, float_type, &known, fault);
    if (known) return set;
    FileLoader *load = loader_of(name_or_path);
    if (load) return load_file(load, name_or_path, float_type, finite, fault);
    if (!strpbrk(name_or_path, "./")) {
        fault_unknown(name_or_path, fault);
        return NULL;
    }
    fault_set(fault, "cannot read '%s': its ending says nothing of what it holds", name_or_path);
    fault_help(fault, "the endings are .csv .tsv .npy .npz .idx .png .pgm .ppm .safetensors .off; .csv .tsv .idx .off also with .gz");
    return NULL;
}
