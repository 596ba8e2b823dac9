#include "runtime/data/safetensors.h"

#include "runtime/base/file.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"
#include "runtime/data/elements.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    ElementType type;
} TYPES[] = {{"BOOL", ELEMENT_BOOL}, {"U8", ELEMENT_U8},   {"I8", ELEMENT_I8},   {"U16", ELEMENT_U16}, {"I16", ELEMENT_I16},
             {"U32", ELEMENT_U32},   {"I32", ELEMENT_I32}, {"U64", ELEMENT_U64}, {"I64", ELEMENT_I64}, {"F16", ELEMENT_F16},
             {"BF16", ELEMENT_BF16}, {"F32", ELEMENT_F32}, {"F64", ELEMENT_F64}};

void metadata_add(Metadata *metadata, const char *key, const char *value) {
    list_push(metadata, ((MetadataEntry){copy_string(key), copy_string(value)}));
}

const char *metadata_find(const Metadata *metadata, const char *key) {
    for (size_t i = 0; i < metadata->count; i++)
        if (strcmp(metadata->items[i].key, key) == 0) return metadata->items[i].value;
    return NULL;
}

void metadata_free(Metadata *metadata) {
    for (size_t i = 0; i < metadata->count; i++) {
        free(metadata->items[i].key);
        free(metadata->items[i].value);
    }
    list_free(metadata);
}

/* Where a tensor lies in the data. */
typedef struct Extent {
    int64_t begin, end;
    const char *name;
} Extent;

typedef struct Reader {
    const char *path;
    const char *data;
    size_t data_bytes, used_bytes;
    LIST(Extent) extents;
    Fault *fault;
} Reader;

/* JSON numbers are doubles; beyond 2^53 they would no longer be the number that stands in the file. */
static bool whole(const cJSON *item, int64_t *out) {
    if (!cJSON_IsNumber(item) || item->valuedouble < 0 || item->valuedouble > 0x1p53 || item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (int64_t)item->valuedouble;
    return true;
}

static bool read_shape(const Reader *reader, const char *name, const cJSON *dims, Shape *shape) {
    if (!cJSON_IsArray(dims) || cJSON_GetArraySize(dims) > RANK_MAX)
        return fault_set(reader->fault, "cannot read '%s': the tensor '%s' has no shape of at most %d dimensions", reader->path, name,
                         RANK_MAX);
    const cJSON *dim;
    cJSON_ArrayForEach(dim, dims) if (!whole(dim, &shape->dims[shape->rank++])) return fault_set(
        reader->fault, "cannot read '%s': a dimension of the tensor '%s' is not a whole number", reader->path, name);
    return true;
}

static bool read_type(const Reader *reader, const char *name, const cJSON *dtype, ElementType *type) {
    const char *text = cJSON_IsString(dtype) ? dtype->valuestring : "";
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (strcmp(text, TYPES[i].name) == 0) {
            *type = TYPES[i].type;
            return true;
        }
    return fault_set(reader->fault,
                     "cannot read '%s': the tensor '%s' has the element type '%s', expected BOOL, U8 to I64, F16, BF16, F32 or F64",
                     reader->path, name, text);
}

static bool read_offsets(const Reader *reader, const char *name, const cJSON *offsets, int64_t *begin, int64_t *end) {
    bool pair = cJSON_IsArray(offsets) && cJSON_GetArraySize(offsets) == 2 && whole(cJSON_GetArrayItem(offsets, 0), begin) &&
                whole(cJSON_GetArrayItem(offsets, 1), end) && *begin <= *end;
    if (!pair) return fault_set(reader->fault, "cannot read '%s': the tensor '%s' has no two data offsets in order", reader->path, name);
    if ((size_t)*end > reader->data_bytes)
        return fault_set(reader->fault, "cannot read '%s': the tensor '%s' should end at byte %lld of the data, but there are only %zu",
                         reader->path, name, (long long)*end, reader->data_bytes);
    return true;
}

static bool read_tensor(Reader *reader, const cJSON *entry, TensorTable *out) {
    const char *name = entry->string;
    ElementType type = ELEMENT_F32;
    Shape shape = {0};
    int64_t begin = 0, end = 0;
    if (!cJSON_IsObject(entry))
        return fault_set(reader->fault, "cannot read '%s': the entry '%s' of its header is not an object", reader->path, name);
    if (table_find(out, name)) return fault_set(reader->fault, "cannot read '%s': the tensor '%s' is in it twice", reader->path, name);
    if (!read_type(reader, name, cJSON_GetObjectItemCaseSensitive(entry, "dtype"), &type) ||
        !read_shape(reader, name, cJSON_GetObjectItemCaseSensitive(entry, "shape"), &shape) ||
        !read_offsets(reader, name, cJSON_GetObjectItemCaseSensitive(entry, "data_offsets"), &begin, &end))
        return false;
    char subject[512];
    snprintf(subject, sizeof subject, "the tensor '%s' of '%s'", name, reader->path);
    int64_t size = elements_size(type, shape, subject, reader->fault);
    if (size < 0) return false;
    if (size != end - begin) {
        char text[SHAPE_TEXT];
        return fault_set(reader->fault, "cannot read %s: its shape %s takes %lld bytes, but its offsets span %lld", subject,
                         shape_text(shape, text), (long long)size, (long long)(end - begin));
    }
    Tensor *tensor = elements_decode(type, false, shape, reader->data + begin, (size_t)size, subject, reader->fault);
    if (tensor) table_add(out, name, tensor);
    reader->used_bytes += (size_t)size;
    if (size) list_push(&reader->extents, ((Extent){begin, end, name}));
    return tensor != NULL;
}

static int compare_extents(const void *a, const void *b) {
    const Extent *one = a, *two = b;
    return (one->begin > two->begin) - (one->begin < two->begin);
}

/* Every byte of the data belongs to one tensor. */
static bool check_extents(Reader *reader) {
    size_t count = reader->extents.count;
    Extent *items = reader->extents.items;
    if (count) qsort(items, count, sizeof *items, compare_extents);
    for (size_t i = 1; i < count; i++)
        if (items[i].begin < items[i - 1].end)
            return fault_set(reader->fault, "cannot read '%s': the tensors '%s' and '%s' share bytes", reader->path, items[i - 1].name,
                             items[i].name);
    if (reader->used_bytes == reader->data_bytes) return true;
    return fault_set(reader->fault, "cannot read '%s': its tensors take %zu bytes, but its data has %zu", reader->path, reader->used_bytes,
                     reader->data_bytes);
}

static bool read_metadata(const Reader *reader, const cJSON *entry, Metadata *metadata) {
    const cJSON *text;
    if (!cJSON_IsObject(entry)) return fault_set(reader->fault, "cannot read '%s': its __metadata__ is not an object", reader->path);
    cJSON_ArrayForEach(text, entry) {
        if (!cJSON_IsString(text))
            return fault_set(reader->fault, "cannot read '%s': its metadata '%s' is not a text", reader->path, text->string);
        if (metadata) metadata_add(metadata, text->string, text->valuestring);
    }
    return true;
}

/* A NUL inside the header would end cJSON's texts early. */
static cJSON *parse_header(const char *bytes, size_t length, const char *path, size_t *header_bytes, Fault *fault) {
    uint64_t claimed = 0;
    if (length < 8) {
        fault_set(fault, "cannot read '%s': it has %zu bytes, too few for a safetensors file", path, length);
        return NULL;
    }
    for (int i = 7; i >= 0; i--) claimed = claimed << 8 | (unsigned char)bytes[i];
    if (claimed > length - 8) {
        fault_set(fault,
                  "cannot read '%s': its header should have %llu bytes, but only %zu follow; it is truncated or not a safetensors file",
                  path, (unsigned long long)claimed, length - 8);
        return NULL;
    }
    *header_bytes = (size_t)claimed;
    cJSON *header = memchr(bytes + 8, '\0', *header_bytes) ? NULL : cJSON_ParseWithLength(bytes + 8, *header_bytes);
    if (header && cJSON_IsObject(header)) return header;
    cJSON_Delete(header);
    fault_set(fault, "cannot read '%s': its header is not a JSON object", path);
    return NULL;
}

bool safetensors_read(const char *path, TensorTable *out, Metadata *metadata, Fault *fault) {
    size_t length, header_bytes = 0;
    char *bytes = file_read(path, &length, fault);
    cJSON *header = bytes ? parse_header(bytes, length, path, &header_bytes, fault) : NULL;
    bool read = header != NULL;
    if (read) {
        Reader reader = {.path = path, .data = bytes + 8 + header_bytes, .data_bytes = length - 8 - header_bytes, .fault = fault};
        const cJSON *entry;
        cJSON_ArrayForEach(entry, header) {
            bool is_metadata = strcmp(entry->string, "__metadata__") == 0;
            read = is_metadata ? read_metadata(&reader, entry, metadata) : read_tensor(&reader, entry, out);
            if (!read) break;
        }
        read = read && check_extents(&reader);
        list_free(&reader.extents);
    }
    cJSON_Delete(header);
    free(bytes);
    return read;
}

static const char *type_name(DType dtype) {
    ElementType type = element_of(dtype);
    for (size_t i = 0; i < sizeof TYPES / sizeof *TYPES; i++)
        if (TYPES[i].type == type) return TYPES[i].name;
    return "";
}

static cJSON *describe(const Tensor *tensor, size_t begin) {
    cJSON *entry = cJSON_CreateObject();
    cJSON_AddStringToObject(entry, "dtype", type_name(tensor->dtype));
    cJSON *shape = cJSON_AddArrayToObject(entry, "shape"), *offsets = cJSON_AddArrayToObject(entry, "data_offsets");
    for (int axis = 0; axis < tensor->shape.rank; axis++) cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)tensor->shape.dims[axis]));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin));
    cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)(begin + tensor_bytes(tensor))));
    return entry;
}

/* The header, padded with spaces so that the data begins at a multiple of 8. */
static char *format_header(const TensorTable *tensors, const Metadata *metadata) {
    cJSON *header = cJSON_CreateObject();
    if (metadata && metadata->count) {
        cJSON *entry = cJSON_AddObjectToObject(header, "__metadata__");
        for (size_t i = 0; i < metadata->count; i++) cJSON_AddStringToObject(entry, metadata->items[i].key, metadata->items[i].value);
    }
    size_t begin = 0;
    for (size_t i = 0; i < tensors->count; i++) {
        cJSON_AddItemToObject(header, tensors->items[i].name, describe(tensors->items[i].tensor, begin));
        begin += tensor_bytes(tensors->items[i].tensor);
    }
    char *text = cJSON_PrintUnformatted(header);
    cJSON_Delete(header);
    return text;
}

bool safetensors_write(const char *path, const TensorTable *tensors, const Metadata *metadata, Fault *fault) {
    char *header = format_header(tensors, metadata);
    if (!header) return fault_set(fault, "cannot write '%s': out of memory", path);
    Text text = {0};
    size_t header_bytes = (strlen(header) + 7) / 8 * 8;
    for (int i = 0; i < 8; i++) text_add_char(&text, (char)((uint64_t)header_bytes >> 8 * i & 0xff));
    text_addf(&text, "%-*s", (int)header_bytes, header);
    for (size_t i = 0; i < tensors->count; i++)
        text_add_bytes(&text, tensors->items[i].tensor->data, tensor_bytes(tensors->items[i].tensor));
    bool written = file_write(path, text.bytes, text.length, fault);
    text_free(&text);
    free(header);
    return written;
}
