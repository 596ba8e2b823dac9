#include "runtime/data/npz.h"

#include "runtime/base/file.h"
#include "runtime/data/npy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zip.h>

/* Deflate packs at most 1032 bytes into one: a member that claims more lies. */
enum { DEFLATE_RATIO_MAX = 1032 };

/* 1 January 1980, the first day that a zip can name: equal arrays make equal files, whenever they are written. */
enum { ZIP_FIRST_DATE = 1 << 5 | 1, ZIP_MIDNIGHT = 0 };

static bool fault_zip(const char *verb, const char *path, zip_error_t *error, Fault *fault) {
    return fault_set(fault, "cannot %s '%s': %s", verb, path, zip_error_strerror(error));
}

/* The inflated member, freed by the caller; NULL with a fault. */
static char *read_member(zip_t *zip, zip_uint64_t index, const zip_stat_t *status, const char *subject, Fault *fault) {
    if (status->size / DEFLATE_RATIO_MAX > status->comp_size) {
        fault_set(fault, "cannot read %s: it claims %llu bytes packed into %llu, which cannot be", subject,
                  (unsigned long long)status->size, (unsigned long long)status->comp_size);
        return NULL;
    }
    zip_file_t *file = zip_fopen_index(zip, index, 0);
    char *bytes = file ? malloc(status->size + 1) : NULL;
    if (!file) fault_set(fault, "cannot read %s: %s", subject, zip_strerror(zip));
    else if (!bytes) fault_set(fault, "cannot read %s: its %llu bytes do not fit in memory", subject, (unsigned long long)status->size);
    zip_int64_t got = bytes ? zip_fread(file, bytes, status->size) : -1;
    /* Reading on past the end makes libzip compare the checksum. */
    char beyond;
    if (bytes && (got != (zip_int64_t)status->size || zip_fread(file, &beyond, 1) != 0)) {
        const char *reason = zip_error_code_zip(zip_file_get_error(file)) ? zip_file_strerror(file) : "its size is not what the zip says";
        fault_set(fault, "cannot read %s: %s", subject, reason);
        free(bytes);
        bytes = NULL;
    }
    if (file) zip_fclose(file);
    return bytes;
}

static bool add_member(zip_t *zip, zip_uint64_t index, const char *path, TensorTable *out, Fault *fault) {
    zip_stat_t status;
    zip_stat_init(&status);
    zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE;
    if (zip_stat_index(zip, index, 0, &status) != 0 || (status.valid & needed) != needed)
        return fault_set(fault, "cannot read '%s': its zip directory is damaged", path);
    size_t length = strlen(status.name);
    if (length < 5 || strcmp(status.name + length - 4, ".npy") != 0)
        return fault_set(fault, "cannot read '%s': it holds '%s', expected only arrays (.npy)", path, status.name);
    char name[256], subject[512];
    snprintf(name, sizeof name, "%.*s", (int)(length - 4 < 255 ? length - 4 : 255), status.name);
    snprintf(subject, sizeof subject, "the array '%s' of '%s'", name, path);
    if (table_find(out, name)) return fault_set(fault, "cannot read '%s': the array '%s' is in it twice", path, name);
    char *bytes = read_member(zip, index, &status, subject, fault);
    Tensor *tensor = NULL;
    bool parsed = bytes && npy_parse(bytes, status.size, subject, &tensor, fault);
    free(bytes);
    if (parsed) table_add(out, name, tensor);
    return parsed;
}

bool npz_read(const char *path, TensorTable *out, Fault *fault) {
    size_t length;
    char *bytes = file_read(path, &length, fault);
    if (!bytes) return false;
    zip_error_t error;
    zip_error_init(&error);
    /* libzip takes an empty file for an empty archive, which has 22 bytes. */
    zip_source_t *source = zip_source_buffer_create(bytes, length, 0, &error);
    zip_t *zip = source && length >= 22 ? zip_open_from_source(source, ZIP_RDONLY | ZIP_CHECKCONS, &error) : NULL;
    bool read = zip != NULL;
    if (!zip) {
        fault_set(fault, "cannot read '%s': it is not a whole zip file (%s)", path, length < 22 ? "too short" : zip_error_strerror(&error));
        zip_source_free(source);
    }
    for (zip_int64_t i = 0; read && i < zip_get_num_entries(zip, 0); i++) read = add_member(zip, (zip_uint64_t)i, path, out, fault);
    if (zip) zip_discard(zip);
    zip_error_fini(&error);
    free(bytes);
    return read;
}

static bool write_member(zip_t *zip, const NamedTensor *array, const char *path, Fault *fault) {
    Text text = {0}, name = {0};
    npy_format(array->tensor, &text);
    text_addf(&name, "%s.npy", array->name);
    zip_source_t *member = zip_source_buffer(zip, text.bytes, text.length, 1); /* frees the bytes with free() */
    zip_int64_t place = member ? zip_file_add(zip, name.bytes, member, ZIP_FL_ENC_UTF_8) : -1;
    bool added = place >= 0 && zip_file_set_dostime(zip, (zip_uint64_t)place, ZIP_MIDNIGHT, ZIP_FIRST_DATE, 0) == 0;
    if (!added) {
        fault_set(fault, "cannot write '%s': %s", path, zip_strerror(zip));
        if (!member) text_free(&text);
        else if (place < 0) zip_source_free(member);
    }
    text_free(&name);
    return added;
}

/* Copies the finished zip out of its memory source and onto the disk. */
static bool write_source(const char *path, zip_source_t *source, Fault *fault) {
    zip_stat_t status;
    zip_stat_init(&status);
    if (zip_source_stat(source, &status) != 0 || zip_source_open(source) != 0)
        return fault_zip("write", path, zip_source_error(source), fault);
    char *bytes = malloc(status.size + 1);
    bool written = bytes && zip_source_read(source, bytes, status.size) == (zip_int64_t)status.size;
    if (!written) fault_set(fault, "cannot write '%s': out of memory", path);
    written = written && file_write(path, bytes, status.size, fault);
    free(bytes);
    zip_source_close(source);
    return written;
}

bool npz_write(const char *path, const TensorTable *arrays, Fault *fault) {
    static const char empty_zip[22] = "PK\5\6";
    if (arrays->count == 0) /* libzip makes no file of nothing */
        return file_write(path, empty_zip, sizeof empty_zip, fault);
    zip_error_t error;
    zip_error_init(&error);
    zip_source_t *source = zip_source_buffer_create(NULL, 0, 0, &error);
    zip_t *zip = source ? zip_open_from_source(source, ZIP_TRUNCATE, &error) : NULL;
    bool written = zip || fault_zip("write", path, &error, fault);
    for (size_t i = 0; written && i < arrays->count; i++) written = write_member(zip, &arrays->items[i], path, fault);
    if (zip) {
        zip_source_keep(source); /* outlives zip_close, which fills it */
        if (written && zip_close(zip) != 0) written = fault_set(fault, "cannot write '%s': %s", path, zip_strerror(zip));
        else if (written) zip = NULL;
        if (zip) zip_discard(zip);
        written = written && write_source(path, source, fault);
    }
    if (source) zip_source_free(source);
    zip_error_fini(&error);
    return written;
}
