/* The safetensors format: an 8-byte little-endian length, a JSON header, raw little-endian arrays. What `save` writes. */
#ifndef REG_DATA_SAFETENSORS_H
#define REG_DATA_SAFETENSORS_H

#include "runtime/base/tensor.h"

/* The free texts under "__metadata__". */
typedef struct MetadataEntry {
    char *key, *value;
} MetadataEntry;

typedef struct Metadata {
    MetadataEntry *items;
    size_t count, capacity;
} Metadata;

void metadata_add(Metadata *metadata, const char *key, const char *value); /* copies */
const char *metadata_find(const Metadata *metadata, const char *key);      /* NULL when absent */
void metadata_free(Metadata *metadata);

/* BOOL, U8…I64, F16, BF16, F32, F64; whole numbers become i64, half precision f32. `metadata` may be NULL. On failure what
 * was added stays in the tables for the caller to free. */
bool safetensors_read(const char *path, TensorTable *out, Metadata *metadata, Fault *fault);
/* Atomic; BOOL, I64, F32 and F64. `metadata` may be NULL. */
bool safetensors_write(const char *path, const TensorTable *tensors, const Metadata *metadata, Fault *fault);

#endif
