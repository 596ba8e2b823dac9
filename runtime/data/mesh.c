#include "runtime/data/mesh.h"

#include "runtime/base/memory.h"
#include "runtime/data/gzip.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef struct Cursor {
    const char *at; /* the text ends in a NUL */
    size_t line;
    const char *subject;
    Fault *fault;
} Cursor;

static void skip(Cursor *cursor) {
    for (;; cursor->at++) {
        if (*cursor->at == '#')
            while (*cursor->at && *cursor->at != '\n') cursor->at++;
        cursor->line += *cursor->at == '\n';
        if (!isspace((unsigned char)*cursor->at)) return;
    }
}

static bool read_double(Cursor *cursor, double *value) {
    skip(cursor);
    char *end;
    *value = strtod(cursor->at, &end);
    if (end == cursor->at || !isfinite(*value))
        return fault_set(cursor->fault, "cannot read %s: line %zu lacks a coordinate", cursor->subject, cursor->line);
    cursor->at = end;
    return true;
}

static bool read_index(Cursor *cursor, int64_t bound, const char *what, int64_t *value) {
    skip(cursor);
    char *end;
    *value = strtoll(cursor->at, &end, 10);
    if (end == cursor->at) return fault_set(cursor->fault, "cannot read %s: line %zu lacks %s", cursor->subject, cursor->line, what);
    if (*value < 0 || *value >= bound)
        return fault_set(cursor->fault, "cannot read %s: in line %zu %s is %lld, expected less than %lld", cursor->subject, cursor->line,
                         what, (long long)*value, (long long)bound);
    cursor->at = end;
    return true;
}

static void skip_line(Cursor *cursor) { /* colours may follow the corners of a face */
    while (*cursor->at && *cursor->at != '\n') cursor->at++;
}

typedef LIST(int64_t) Corners;

static bool read_face(Cursor *cursor, int64_t vertices, Corners *corners) {
    int64_t count, first, previous, corner;
    if (!read_index(cursor, 1000, "the number of corners of a face", &count)) return false;
    if (count < 3)
        return fault_set(cursor->fault, "cannot read %s: the face in line %zu has %lld corners, expected at least 3", cursor->subject,
                         cursor->line, (long long)count);
    if (!read_index(cursor, vertices, "a corner", &first) || !read_index(cursor, vertices, "a corner", &previous)) return false;
    for (int64_t i = 2; i < count; i++, previous = corner) {
        if (!read_index(cursor, vertices, "a corner", &corner)) return false;
        list_push(corners, first);
        list_push(corners, previous);
        list_push(corners, corner);
    }
    skip_line(cursor);
    return true;
}

static bool read_vertices(Cursor *cursor, int64_t count, DType float_type, TensorTable *out) {
    Tensor *vertices = tensor_new(float_type, shape_2(count, 3), cursor->fault);
    if (!vertices) return false;
    table_add(out, "vertices", vertices);
    double value;
    for (int64_t i = 0; i < 3 * count; i++) {
        if (!read_double(cursor, &value)) return false;
        tensor_set_number(vertices, i, value);
    }
    return true;
}

static bool read_faces(Cursor *cursor, int64_t count, int64_t vertices, TensorTable *out) {
    Corners corners = {0};
    bool read = true;
    for (int64_t i = 0; read && i < count; i++) read = read_face(cursor, vertices, &corners);
    Tensor *faces = read ? tensor_new(DTYPE_I64, shape_2((int64_t)corners.count / 3, 3), cursor->fault) : NULL;
    if (faces) {
        if (corners.count) memcpy(faces->data, corners.items, corners.count * sizeof *corners.items);
        table_add(out, "faces", faces);
    }
    list_free(&corners);
    return faces != NULL;
}

bool off_parse(const char *text, size_t length, const char *subject, DType float_type, TensorTable *out, Fault *fault) {
    Cursor cursor = {text, 1, subject, fault};
    int64_t vertices, faces, edges, most = (int64_t)length + 1;
    if (memchr(text, '\0', length)) return fault_set(fault, "cannot read %s: it is not text, there is a zero byte in it", subject);
    skip(&cursor);
    if (strncmp(cursor.at, "OFF", 3) != 0) return fault_set(fault, "cannot read %s: it is not a mesh, which begins with OFF", subject);
    cursor.at += 3;
    if (!read_index(&cursor, INT64_MAX, "the number of vertices", &vertices) ||
        !read_index(&cursor, INT64_MAX, "the number of faces", &faces) || !read_index(&cursor, INT64_MAX, "the number of edges", &edges))
        return false;
    if (vertices > most / 6 || faces > most / 8) /* three one-digit numbers take six bytes, four take eight */
        return fault_set(fault, "cannot read %s: its header promises %lld vertices and %lld faces, more than its %zu bytes can hold",
                         subject, (long long)vertices, (long long)faces, length);
    return read_vertices(&cursor, vertices, float_type, out) && read_faces(&cursor, faces, vertices, out);
}

bool off_read(const char *path, DType float_type, TensorTable *out, Fault *fault) {
    size_t length;
    char *text = gzip_file_read(path, &length, fault);
    if (!text) return false;
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    bool read = off_parse(text, length, subject, float_type, out, fault);
    free(text);
    return read;
}
