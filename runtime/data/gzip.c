#include "runtime/data/gzip.h"

#include "runtime/base/file.h"

#include <libdeflate.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

/* Deflate packs at most 1032 bytes into one (a run of matches of length 258 at two bits each). */
enum { DEFLATE_RATIO_MAX = 1032, LEVEL = 6 };

bool gzip_is(const char *bytes, size_t length) { return length >= 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b; }

static size_t most_inflated(size_t length) { return length > SIZE_MAX / 2 / DEFLATE_RATIO_MAX ? SIZE_MAX / 2 : length * DEFLATE_RATIO_MAX; }

/* The last four bytes hold the inflated size modulo 2^32; believed only as far as deflate could have packed it. */
static size_t expected_size(const char *bytes, size_t length) {
    if (length < 18) return 64;
    const unsigned char *tail = (const unsigned char *)bytes + length - 4;
    size_t said = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24, most = most_inflated(length);
    return said < most ? said : most;
}

typedef struct Output {
    char *bytes; /* one more than `capacity`, for the NUL */
    size_t count, capacity;
} Output;

static bool reserve(Output *output, size_t capacity, const char *subject, Fault *fault) {
    char *bytes = realloc(output->bytes, capacity + 1);
    if (!bytes) return fault_set(fault, "cannot read %s: its inflated content does not fit in memory", subject);
    output->bytes = bytes;
    output->capacity = capacity;
    return true;
}

/* Inflates every member of the file (gzip files may be joined end to end); zero padding after the last is allowed. A member that does
 * not fit is begun again with more room. */
static bool inflate_members(struct libdeflate_decompressor *inflater, const char *bytes, size_t length, Output *output, const char *subject,
                            Fault *fault) {
    size_t most = most_inflated(length);
    for (size_t used = 0; used == 0 || gzip_is(bytes + used, length - used);) {
        size_t taken = 0, made = 0;
        switch (libdeflate_gzip_decompress_ex(inflater, bytes + used, length - used, output->bytes + output->count,
                                              output->capacity - output->count, &taken, &made)) {
        case LIBDEFLATE_SUCCESS:
            used += taken;
            output->count += made;
            break;
        case LIBDEFLATE_INSUFFICIENT_SPACE:
            if (output->capacity < most) {
                size_t larger = output->capacity + output->capacity / 2 + 4096;
                if (!reserve(output, larger < most ? larger : most, subject, fault)) return false;
                break;
            }
            /* fallthrough */
        case LIBDEFLATE_BAD_DATA:
        case LIBDEFLATE_SHORT_OUTPUT:
        default: return fault_set(fault, "cannot read %s: its gzip data is damaged or ends too early", subject);
        }
    }
    return true;
}

char *gzip_inflate(const char *bytes, size_t length, const char *subject, size_t *out_length, Fault *fault) {
    struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
    if (!inflater) {
        fault_set(fault, "cannot read %s: out of memory", subject);
        return NULL;
    }
    Output output = {0};
    bool done = reserve(&output, expected_size(bytes, length), subject, fault) &&
                inflate_members(inflater, bytes, length, &output, subject, fault);
    libdeflate_free_decompressor(inflater);
    if (!done) {
        free(output.bytes);
        return NULL;
    }
    output.bytes[output.count] = '\0';
    *out_length = output.count;
    return output.bytes;
}

char *gzip_file_read(const char *path, size_t *length, Fault *fault) {
    size_t packed_length;
    char *packed = file_read(path, &packed_length, fault);
    if (!packed || !gzip_is(packed, packed_length)) {
        if (packed) *length = packed_length;
        return packed;
    }
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    char *bytes = gzip_inflate(packed, packed_length, subject, length, fault);
    free(packed);
    return bytes;
}

bool gzip_file_write(const char *path, const char *bytes, size_t length, Fault *fault) {
    struct libdeflate_compressor *deflater = libdeflate_alloc_compressor(LEVEL);
    size_t bound = deflater ? libdeflate_gzip_compress_bound(deflater, length) : 0;
    char *packed = deflater ? malloc(bound) : NULL;
    bool done = false;
    if (packed) {
        size_t size = libdeflate_gzip_compress(deflater, bytes, length, packed, bound);
        done = file_write(path, packed, size, fault);
    } else {
        fault_set(fault, "cannot write '%s': out of memory", path);
    }
    libdeflate_free_compressor(deflater);
    free(packed);
    return done;
}
