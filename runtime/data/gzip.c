#include "runtime/data/gzip.h"

#include "runtime/base/file.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#define ZLIB_CONST
#include <zlib.h>

/* Deflate packs at most 1032 bytes into one (a run of matches of length 258 at two bits each). */
enum { DEFLATE_RATIO_MAX = 1032, GZIP_WINDOW = 15 + 16, CHUNK_MAX = 1 << 30 };

bool gzip_is(const char *bytes, size_t length) { return length >= 2 && (unsigned char)bytes[0] == 0x1f && (unsigned char)bytes[1] == 0x8b; }

/* The last four bytes hold the inflated size modulo 2^32; believed only as far as deflate could have packed it. */
static size_t expected_size(const char *bytes, size_t length) {
    size_t most = length > SIZE_MAX / DEFLATE_RATIO_MAX ? SIZE_MAX / 2 : length * DEFLATE_RATIO_MAX;
    if (length < 18) return 64;
    const unsigned char *tail = (const unsigned char *)bytes + length - 4;
    size_t said = (size_t)tail[0] | (size_t)tail[1] << 8 | (size_t)tail[2] << 16 | (size_t)tail[3] << 24;
    return said < most ? said : most;
}

typedef struct Output {
    char *bytes;
    size_t count, capacity;
} Output;

static bool grow(Output *output, const char *subject, Fault *fault) {
    size_t larger = output->capacity + output->capacity / 2 + 4096;
    char *bytes = realloc(output->bytes, larger);
    if (!bytes) return fault_set(fault, "cannot read %s: its inflated content does not fit in memory", subject);
    output->bytes = bytes;
    output->capacity = larger;
    return true;
}

static bool fault_inflate(int status, const z_stream *stream, const char *subject, Fault *fault) {
    if (status == Z_BUF_ERROR || status == Z_OK)
        return fault_set(fault, "cannot read %s: its gzip data ends too early, the file is truncated", subject);
    if (status == Z_MEM_ERROR) return fault_set(fault, "cannot read %s: out of memory", subject);
    return fault_set(fault, "cannot read %s: its gzip data is damaged (%s)", subject, stream->msg ? stream->msg : "a broken stream");
}

/* Inflates every member of the file (gzip files may be joined end to end); zero padding after the last is allowed. */
static bool inflate_members(z_stream *stream, const char *bytes, size_t length, Output *output, const char *subject, Fault *fault) {
    size_t used = 0;
    for (;;) {
        if (output->count + 1 >= output->capacity && !grow(output, subject, fault)) return false;
        size_t in = length - used, room = output->capacity - output->count - 1;
        stream->next_in = (const Bytef *)bytes + used;
        stream->avail_in = (uInt)(in < CHUNK_MAX ? in : CHUNK_MAX);
        stream->next_out = (Bytef *)output->bytes + output->count;
        stream->avail_out = (uInt)(room < CHUNK_MAX ? room : CHUNK_MAX);
        uInt in_before = stream->avail_in, out_before = stream->avail_out;
        int status = inflate(stream, Z_NO_FLUSH);
        used += in_before - stream->avail_in;
        output->count += out_before - stream->avail_out;
        if (status == Z_STREAM_END) {
            if (!gzip_is(bytes + used, length - used)) return true;
            inflateReset(stream);
        } else if (status != Z_OK || (used == length && stream->avail_out > 0)) {
            return fault_inflate(status, stream, subject, fault);
        }
    }
}

char *gzip_inflate(const char *bytes, size_t length, const char *subject, size_t *out_length, Fault *fault) {
    z_stream stream = {0};
    if (inflateInit2(&stream, GZIP_WINDOW) != Z_OK) {
        fault_set(fault, "cannot read %s: out of memory", subject);
        return NULL;
    }
    Output output = {.capacity = expected_size(bytes, length) + 2};
    output.bytes = malloc(output.capacity);
    bool done = output.bytes ? inflate_members(&stream, bytes, length, &output, subject, fault)
                             : fault_set(fault, "cannot read %s: its inflated content does not fit in memory", subject);
    inflateEnd(&stream);
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
    z_stream stream = {0};
    if (length > UINT32_MAX - 4096 || deflateInit2(&stream, 6, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        return fault_set(fault, "cannot write '%s': %zu bytes are too many to compress at once", path, length);
    size_t bound = deflateBound(&stream, length) + 32;
    char *packed = malloc(bound);
    bool done = false;
    if (packed) {
        stream.next_in = (const Bytef *)bytes;
        stream.avail_in = (uInt)length;
        stream.next_out = (Bytef *)packed;
        stream.avail_out = (uInt)bound;
        done = deflate(&stream, Z_FINISH) == Z_STREAM_END && file_write(path, packed, bound - stream.avail_out, fault);
    } else {
        fault_set(fault, "cannot write '%s': out of memory", path);
    }
    deflateEnd(&stream);
    free(packed);
    return done;
}
