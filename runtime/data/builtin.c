#include "runtime/data/dataset.h"

#include "runtime/base/memory.h"
#include "runtime/data/csv.h"
#include "runtime/data/embed.h"
#include "runtime/data/idx.h"
#include "runtime/data/image.h"
#include "runtime/data/mesh.h"
#include "runtime/data/pictures.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Where Debian's dataset-fashion-mnist puts its files. */
#define FASHION_MNIST_DIRECTORY "/usr/share/datasets/fashion-mnist"

#define FASHION_CLASSES "T-shirt,trouser,pullover,dress,coat,sandal,shirt,sneaker,bag,ankle boot"

typedef struct Builtin Builtin;
struct Builtin {
    const char *name, *summary;
    bool (*load)(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault);
    const char *file;    /* in runtime/data/sets; the name of the set when NULL */
    const char *target;  /* tables: the column that becomes "y" */
    const char *apart;   /* tables: columns, comma between, that stay fields of their own */
    const char *classes; /* names of the classes, comma between */
};

static void add_classes(DataSet *set, const char *field, const char *classes) {
    if (!classes) return;
    NameList *names = category_add(&set->categories, field);
    for (const char *at = classes;; at++) {
        size_t length = strcspn(at, ",");
        char *name = copy_bytes(at, length);
        names_add(names, name);
        free(name);
        at += length;
        if (!*at) return;
    }
}

/* ---- pictures with labels ---- */

static bool load_digits_split(const Builtin *builtin, const char *split_name, DType float_type, DataSet *set, Fault *fault) {
    Split *split = dataset_add_split(set, split_name);
    char images[96], labels[96];
    snprintf(images, sizeof images, "%s-%s-images.idx", builtin->name, split_name);
    snprintf(labels, sizeof labels, "%s-%s-labels.idx", builtin->name, split_name);
    return pictures_add_embedded(split, images, 255.0, float_type, &set->sample, fault) && labels_add_embedded(split, "y", labels, fault);
}

static bool load_pictures(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    add_classes(set, "y", builtin->classes);
    return load_digits_split(builtin, "train", float_type, set, fault) && load_digits_split(builtin, "test", float_type, set, fault);
}

/* Moves rows first, first + 1, … of `all` into a new split. */
static bool add_range(DataSet *set, const char *name, const Split *all, int64_t first, int64_t count, Fault *fault) {
    int64_t *rows = allocate((size_t)count * sizeof *rows);
    for (int64_t i = 0; i < count; i++) rows[i] = first + i;
    bool added = split_select(all, rows, count, dataset_add_split(set, name), fault);
    free(rows);
    return added;
}

/* The last 500 digits were written by other people than the first 1297. */
static bool load_digits(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    (void)builtin;
    Split all = {.name = copy_string("all")};
    bool loaded = pictures_add_embedded(&all, "digits-images.idx", 16.0, float_type, &set->sample, fault) &&
                  labels_add_embedded(&all, "y", "digits-labels.idx", fault) && add_range(set, "train", &all, 0, 1297, fault) &&
                  add_range(set, "test", &all, 1297, 500, fault);
    split_clear(&all);
    return loaded;
}

static bool load_fashion_split(const char *split_name, const char *prefix, DType float_type, DataSet *set, Fault *fault) {
    Split *split = dataset_add_split(set, split_name);
    char images[128], labels[128];
    snprintf(images, sizeof images, FASHION_MNIST_DIRECTORY "/%s-images-idx3-ubyte.gz", prefix);
    snprintf(labels, sizeof labels, FASHION_MNIST_DIRECTORY "/%s-labels-idx1-ubyte.gz", prefix);
    Tensor *y = NULL;
    if (!pictures_add_file(split, images, 255.0, float_type, &set->sample, fault) || !idx_read(labels, &y, fault)) return false;
    table_add(&split->fields, "y", y);
    return split_rows(split) >= 0 || fault_set(fault, "the data set 'fashion-mnist' is damaged: it has not as many labels as pictures");
}

static bool load_fashion_mnist(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    add_classes(set, "y", builtin->classes);
    if (access(FASHION_MNIST_DIRECTORY "/train-images-idx3-ubyte.gz", R_OK) != 0) {
        fault_set(fault, "the data set 'fashion-mnist' is not installed");
        return fault_help(fault, "apt-get install dataset-fashion-mnist, or use \"fashion-14\", which is built in");
    }
    return load_fashion_split("train", "train", float_type, set, fault) && load_fashion_split("test", "t10k", float_type, set, fault);
}

/* ---- tables ---- */

static bool read_table(const char *file, DType float_type, TensorTable *columns, CategoryTable *categories, Fault *fault) {
    size_t length;
    char *text = embedded_read(file, &length, fault);
    bool read = text && csv_parse(text, length, file, float_type, true, columns, categories, fault);
    free(text);
    return read;
}

static bool is_listed(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; at; at = strchr(at, ',') ? strchr(at, ',') + 1 : NULL)
        if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0')) return true;
    return false;
}

static bool is_feature(const Builtin *builtin, const char *column) {
    return strcmp(column, builtin->target) != 0 && !is_listed(builtin->apart, column);
}

/* The columns that are neither the target nor kept apart, side by side: [n, d]. */
static Tensor *join_features(const Builtin *builtin, const TensorTable *columns, DType float_type, NameList *features, Fault *fault) {
    for (size_t i = 0; i < columns->count; i++)
        if (is_feature(builtin, columns->items[i].name)) names_add(features, columns->items[i].name);
    int64_t rows = columns->items[0].tensor->shape.dims[0], width = (int64_t)features->count;
    Tensor *x = tensor_new(float_type, shape_2(rows, width), fault);
    for (int64_t j = 0; x && j < width; j++) {
        const Tensor *column = table_find(columns, features->items[j]);
        for (int64_t i = 0; i < rows; i++) tensor_set_number(x, i * width + j, tensor_number(column, i));
    }
    return x;
}

static bool load_table(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    char file[96];
    snprintf(file, sizeof file, "%s.csv", builtin->name);
    TensorTable columns = {0};
    Tensor *x = NULL, *y = NULL;
    if (read_table(file, float_type, &columns, &set->categories, fault))
        x = join_features(builtin, &columns, float_type, &set->features, fault);
    if (x) {
        Tensor *target = table_find(&columns, builtin->target);
        y = builtin->classes ? tensor_retain(target) : tensor_cast(target, float_type, fault);
    }
    if (y) {
        Split *split = dataset_add_split(set, "all");
        table_add(&split->fields, "x", tensor_retain(x));
        table_add(&split->fields, "y", y);
        for (size_t i = 0; i < columns.count; i++)
            if (is_listed(builtin->apart, columns.items[i].name))
                table_add(&split->fields, columns.items[i].name, tensor_retain(columns.items[i].tensor));
        add_classes(set, "y", builtin->classes);
    }
    tensor_release(x);
    table_free(&columns);
    return y != NULL;
}

/* ---- pictures with a table of attributes ---- */

/* Numbers of rows and of splits say nothing to a learner. */
static void drop_field(Split *split, const char *field) {
    size_t kept = 0;
    for (size_t i = 0; i < split->fields.count; i++) {
        NamedTensor item = split->fields.items[i];
        if (strcmp(item.name, field) != 0) {
            split->fields.items[kept++] = item;
            continue;
        }
        free(item.name);
        tensor_release(item.tensor);
    }
    split->fields.count = kept;
}

static bool load_attributes(const char *name, DType float_type, DataSet *set, Split *all, Fault *fault) {
    char images[96], table[96];
    snprintf(images, sizeof images, "%s-images.idx", name);
    snprintf(table, sizeof table, "%s.csv", name);
    return pictures_add_embedded(all, images, 255.0, float_type, &set->sample, fault) &&
           read_table(table, float_type, &all->fields, &set->categories, fault) && (drop_field(all, "i"), true);
}

static bool load_pixelfaces(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    Split all = {.name = copy_string("all")};
    bool loaded = load_attributes(builtin->name, float_type, set, &all, fault) && add_range(set, "train", &all, 0, 900, fault) &&
                  add_range(set, "test", &all, 900, 300, fault);
    split_clear(&all);
    return loaded;
}

/* The column "split" says "test" (0) or "train" (1), so that no role is in both. */
static bool load_emojicir(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    static const char *const names[] = {"test", "train"};
    Split all = {.name = copy_string("all")};
    bool loaded = load_attributes(builtin->name, float_type, set, &all, fault);
    Tensor *membership = loaded ? tensor_retain(table_find(&all.fields, "split")) : NULL;
    drop_field(&all, "split");
    drop_field(&all, "vendor");
    int64_t count = loaded ? split_rows(&all) : 0;
    int64_t *rows = allocate((size_t)count * sizeof *rows);
    for (int which = 1; loaded && which >= 0; which--) {
        int64_t chosen = 0;
        for (int64_t i = 0; i < count; i++)
            if (tensor_i64(membership)[i] == which) rows[chosen++] = i;
        loaded = split_select(&all, rows, chosen, dataset_add_split(set, names[which]), fault);
    }
    free(rows);
    tensor_release(membership);
    split_clear(&all);
    return loaded;
}

/* ---- volumes, pictures, meshes, shapes ---- */

static bool load_brain(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    (void)builtin;
    Split *split = dataset_add_split(set, "all");
    return pictures_add_embedded(split, "brain-images.idx", 255.0, float_type, &set->sample, fault) &&
           labels_add_embedded(split, "y", "brain-labels.idx", fault);
}

static bool load_skull(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    (void)builtin;
    return pictures_add_embedded(dataset_add_split(set, "all"), "skull.idx", 255.0, float_type, &set->sample, fault);
}

static bool load_image(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    size_t length;
    Tensor *image = NULL;
    char *bytes = embedded_read(builtin->file, &length, fault);
    bool read = bytes && pnm_parse(bytes, length, builtin->file, float_type, &image, fault);
    free(bytes);
    if (read) table_add(&dataset_add_split(set, "all")->fields, "image", image);
    return read;
}

static bool load_mesh(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    size_t length;
    char *text = embedded_read(builtin->file, &length, fault);
    bool read = text && off_parse(text, length, builtin->file, float_type, &dataset_add_split(set, "all")->fields, fault);
    free(text);
    return read;
}

static bool load_faceshape(const Builtin *builtin, DType float_type, DataSet *set, Fault *fault) {
    TensorTable columns = {0};
    Split *split = dataset_add_split(set, "all");
    NameList ignored = {0};
    Tensor *components = NULL;
    if (read_table("faceshape.csv", float_type, &columns, &set->categories, fault))
        components = join_features(builtin, &columns, float_type, &ignored, fault);
    if (components) {
        table_add(&split->fields, "mean", tensor_retain(table_find(&columns, "mean")));
        table_add(&split->fields, "components", components);
    }
    names_free(&ignored);
    table_free(&columns);
    if (!components || !read_table("faceshape-eigenvalues.csv", float_type, &columns, &set->categories, fault)) return false;
    table_add(&split->fields, "eigenvalues", tensor_retain(columns.items[0].tensor));
    table_free(&columns);
    return true;
}

static const Builtin BUILTINS[] = {
    {"fashion-mnist", "70000 pictures of clothes, 28 x 28, 10 classes: train 60000, test 10000; x [n, 784], y (installed apart)",
     .load = load_fashion_mnist, .classes = FASHION_CLASSES},
    {"fashion-14", "5000 pictures of clothes, 14 x 14, 10 classes: train 4000, test 1000; x [n, 196], y", .load = load_pictures,
     .classes = FASHION_CLASSES},
    {"digits", "1797 handwritten digits, 8 x 8: train 1297, test 500 by other writers; x [n, 64], y", .load = load_digits},
    {"cvdigits", "5000 handwritten digits, 10 x 10: train 4000, test 1000; x [n, 100], y", .load = load_pictures},
    {"iris", "150 flowers of 3 species; x [150, 4], y", .load = load_table, .target = "species", .classes = "setosa,versicolor,virginica"},
    {"wine", "178 wines of 3 cultivars; x [178, 13], y", .load = load_table, .target = "cultivar", .classes = "class_0,class_1,class_2"},
    {"breast-cancer", "569 tumours, malignant (0) or benign (1); x [569, 30], y", .load = load_table, .target = "benign",
     .classes = "malignant,benign"},
    {"diabetes", "442 patients, progression after a year; x [442, 10] as measured, y", .load = load_table, .target = "progression"},
    {"concrete", "1030 mixtures, compressive strength; x [1030, 8], y", .load = load_table, .target = "compressive_strength"},
    {"meats", "215 near-infrared spectra; x [215, 100], y = fat, also water and protein", .load = load_table, .target = "fat",
     .apart = "water,protein"},
    {"pixelfaces", "1200 drawn faces, 16 x 16 in colour, with 12 attributes: train 900, test 300; x [n, 768], smile, glasses, hat, …",
     .load = load_pixelfaces},
    {"faceshape", "71 face landmarks: mean [142], components [142, 20], eigenvalues [20]", .load = load_faceshape, .target = "mean"},
    {"emojicir", "1896 emoji, 16 x 16 in colour, with tone, gender and role: train 1506, test 390; x [n, 768]", .load = load_emojicir},
    {"brain", "62 slices of a head, 64 x 64, with tissue labels; x [62, 4096], y [62, 4096]", .load = load_brain},
    {"skull", "64 slices of a skull, 64 x 64; x [64, 4096]", .load = load_skull},
    {"camera", "a photograph; image [1, 128, 128]", .load = load_image, .file = "camera.pgm"},
    {"coffee", "a photograph in colour; image [3, 128, 192]", .load = load_image, .file = "coffee.ppm"},
    {"chelsea", "a photograph of a cat in colour; image [3, 128, 192]", .load = load_image, .file = "chelsea.ppm"},
    {"brick", "a texture; image [1, 128, 128]", .load = load_image, .file = "brick.pgm"},
    {"grass", "a texture; image [1, 128, 128]", .load = load_image, .file = "grass.pgm"},
    {"gravel", "a texture; image [1, 128, 128]", .load = load_image, .file = "gravel.pgm"},
    {"moon", "a photograph; image [1, 128, 128]", .load = load_image, .file = "moon.pgm"},
    {"hand", "a mesh; vertices [1197, 3], faces [2390, 3]", .load = load_mesh, .file = "hand.off"},
    {"eight", "a mesh; vertices [315, 3], faces [634, 3]", .load = load_mesh, .file = "eight.off"},
    {"elephant", "a mesh; vertices [v, 3], faces [f, 3]", .load = load_mesh, .file = "elephant.off"},
};

size_t builtin_count(void) { return sizeof BUILTINS / sizeof *BUILTINS; }

BuiltinInfo builtin_info(size_t index) { return (BuiltinInfo){BUILTINS[index].name, BUILTINS[index].summary}; }

DataSet *builtin_load(const char *name, DType float_type, bool *known, Fault *fault) {
    *known = false;
    for (size_t i = 0; i < builtin_count(); i++) {
        if (strcmp(BUILTINS[i].name, name) != 0) continue;
        *known = true;
        DataSet *set = dataset_new(name);
        if (BUILTINS[i].load(&BUILTINS[i], float_type, set, fault)) return set;
        dataset_free(set);
        return NULL;
    }
    return NULL;
}
