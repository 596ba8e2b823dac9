#include "runtime/train/checkpoint.h"

#include "runtime/base/rng.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <libdeflate.h>

static const char LOG_PREFIX[] = "reg.log."; /* one f64 [2, count] tensor per series: steps, values */
static const char KIND_KEY[] = "reg.kind", KIND[] = "checkpoint 1";

/* Independent of the order of the tensors, which a reader may change. */
static uint64_t checksum(const TensorTable *tensors) {
    uint64_t sum = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        const Tensor *tensor = tensors->items[i].tensor;
        uint64_t check = libdeflate_crc32(0, tensor->data, tensor_bytes(tensor));
        sum += rng_mix(rng_hash(tensors->items[i].name), rng_mix(check, (uint64_t)tensor->dtype));
    }
    return sum;
}

static void add_number(Metadata *metadata, const char *key, const char *format, uint64_t value) {
    char text[32];
    snprintf(text, sizeof text, format, value);
    metadata_add(metadata, key, text);
}

static bool add_log(const RunLog *log, TensorTable *tensors, Fault *fault) {
    for (size_t i = 0; i < runlog_count(log); i++) {
        const RunSeries *series = runlog_series(log, i);
        Tensor *tensor = tensor_new(DTYPE_F64, shape_2(2, (int64_t)series->count), fault);
        if (!tensor) return false;
        for (size_t j = 0; j < series->count; j++) {
            tensor_f64(tensor)[j] = series->steps[j];
            tensor_f64(tensor)[series->count + j] = series->values[j];
        }
        Text name = {0};
        text_addf(&name, "%s%s", LOG_PREFIX, series->name);
        table_add(tensors, text_string(&name), tensor);
        text_free(&name);
    }
    return true;
}

bool checkpoint_save(const char *path, const Checkpoint *checkpoint, Fault *fault) {
    TensorTable tensors = {0};
    Metadata metadata = {0};
    for (size_t i = 0; i < checkpoint->tensors.count; i++)
        table_add(&tensors, checkpoint->tensors.items[i].name, tensor_retain(checkpoint->tensors.items[i].tensor));
    bool is_saved = !checkpoint->log || add_log(checkpoint->log, &tensors, fault);
    for (size_t i = 0; i < checkpoint->metadata.count; i++)
        metadata_add(&metadata, checkpoint->metadata.items[i].key, checkpoint->metadata.items[i].value);
    metadata_add(&metadata, KIND_KEY, KIND);
    add_number(&metadata, "reg.step", "%" PRIu64, (uint64_t)checkpoint->step);
    add_number(&metadata, "reg.epoch", "%" PRIu64, (uint64_t)checkpoint->epoch);
    add_number(&metadata, "reg.seed", "%" PRIu64, checkpoint->seed);
    add_number(&metadata, "reg.checksum", "%016" PRIx64, checksum(&tensors));
    is_saved = is_saved && safetensors_write(path, &tensors, &metadata, fault);
    table_free(&tensors);
    metadata_free(&metadata);
    return is_saved;
}

/* ---- reading ---- */

static bool read_number(const Metadata *metadata, const char *path, const char *key, int base, uint64_t *value, Fault *fault) {
    const char *text = metadata_find(metadata, key);
    char *end = NULL;
    errno = 0;
    if (text) *value = strtoull(text, &end, base);
    if (text && *text && !*end && errno == 0 && *text != '-') return true;
    return fault_set(fault, "checkpoint '%s' is damaged: its entry '%s' %s", path, key, text ? "is not a number" : "is missing");
}

static bool read_place(const Metadata *metadata, const char *path, Checkpoint *out, uint64_t *sum, Fault *fault) {
    uint64_t step = 0, epoch = 0;
    const char *kind = metadata_find(metadata, KIND_KEY);
    if (!kind) {
        fault_set(fault, "'%s' holds tensors but is not the checkpoint of a run", path);
        return fault_help(fault, "load weights with `load`; a checkpoint is written by a `checkpoint` clause");
    }
    if (strcmp(kind, KIND) != 0) return fault_set(fault, "checkpoint '%s' has the unknown format '%s', expected '%s'", path, kind, KIND);
    bool is_whole = read_number(metadata, path, "reg.step", 10, &step, fault) &&
                    read_number(metadata, path, "reg.epoch", 10, &epoch, fault) &&
                    read_number(metadata, path, "reg.seed", 10, &out->seed, fault) &&
                    read_number(metadata, path, "reg.checksum", 16, sum, fault);
    if (is_whole && (step > INT64_MAX || epoch > INT64_MAX))
        return fault_set(fault, "checkpoint '%s' is damaged: its step is out of range", path);
    out->step = (int64_t)step;
    out->epoch = (int64_t)epoch;
    return is_whole;
}

static bool take_series(const char *name, const Tensor *tensor, const char *path, Checkpoint *out, Fault *fault) {
    bool is_valid = tensor->dtype == DTYPE_F64 && tensor->shape.rank == 2 && tensor->shape.dims[0] == 2;
    if (!is_valid) return fault_set(fault, "checkpoint '%s' is damaged: the records of '%s' have the wrong shape", path, name);
    if (!out->log) out->log = runlog_new();
    int64_t count = tensor->shape.dims[1];
    for (int64_t i = 0; i < count; i++) {
        double step = tensor_f64(tensor)[i];
        if (!(step >= 0 && step < 9e15)) return fault_set(fault, "checkpoint '%s' is damaged: a record of '%s' has no step", path, name);
        runlog_add(out->log, (int64_t)step, name, tensor_f64(tensor)[count + i]);
    }
    return true;
}

/* Moves the tensors to the checkpoint, the records among them to its log. */
static bool take_tensors(const TensorTable *tensors, const char *path, Checkpoint *out, Fault *fault) {
    for (size_t i = 0; i < tensors->count; i++) {
        const char *name = tensors->items[i].name;
        if (strncmp(name, LOG_PREFIX, strlen(LOG_PREFIX)) != 0) table_add(&out->tensors, name, tensor_retain(tensors->items[i].tensor));
        else if (!take_series(name + strlen(LOG_PREFIX), tensors->items[i].tensor, path, out, fault)) return false;
    }
    return true;
}

bool checkpoint_load(const char *path, Checkpoint *out, Fault *fault) {
    TensorTable tensors = {0};
    Metadata metadata = {0};
    uint64_t sum = 0;
    *out = (Checkpoint){0};
    bool is_loaded = safetensors_read(path, &tensors, &metadata, fault) && read_place(&metadata, path, out, &sum, fault);
    if (is_loaded && sum != checksum(&tensors)) {
        fault_set(fault, "checkpoint '%s' is damaged: its numbers do not match their checksum", path);
        is_loaded = fault_help(fault, "use an earlier checkpoint or start the run anew");
    }
    is_loaded = is_loaded && take_tensors(&tensors, path, out, fault);
    for (size_t i = 0; is_loaded && i < metadata.count; i++)
        if (strncmp(metadata.items[i].key, "reg.", 4) != 0) metadata_add(&out->metadata, metadata.items[i].key, metadata.items[i].value);
    table_free(&tensors);
    metadata_free(&metadata);
    if (!is_loaded) checkpoint_free(out);
    return is_loaded;
}

bool checkpoint_fits(const Checkpoint *checkpoint, const TensorTable *expected, Fault *fault) {
    char want[SHAPE_TEXT], have[SHAPE_TEXT];
    for (size_t i = 0; i < expected->count; i++) {
        const char *name = expected->items[i].name;
        const Tensor *model = expected->items[i].tensor, *saved = table_find(&checkpoint->tensors, name);
        if (!saved) return fault_set(fault, "the checkpoint has no tensor '%s'", name);
        if (saved->dtype == model->dtype && shape_equal(saved->shape, model->shape)) continue;
        return fault_set(fault, "'%s' is %s %s in the run but %s %s in the checkpoint", name, dtype_name(model->dtype),
                         shape_text(model->shape, want), dtype_name(saved->dtype), shape_text(saved->shape, have));
    }
    for (size_t i = 0; i < checkpoint->tensors.count; i++)
        if (!table_find(expected, checkpoint->tensors.items[i].name))
            return fault_set(fault, "the checkpoint has a tensor '%s' that the run does not have", checkpoint->tensors.items[i].name);
    return true;
}

void checkpoint_free(Checkpoint *checkpoint) {
    table_free(&checkpoint->tensors);
    runlog_free(checkpoint->log);
    metadata_free(&checkpoint->metadata);
    *checkpoint = (Checkpoint){0};
}
