#include "runtime/base/file.h"
#include "runtime/base/text.h"
#include "runtime/data/gzip.h"
#include "runtime/data/image.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct Cursor {
    const unsigned char *at, *end;
    const char *subject;
    Fault *fault;
} Cursor;

/* White space and remarks from '#' to the end of the line may stand between any two numbers. */
static bool read_number(Cursor *cursor, int64_t most, const char *what, int64_t *out) {
    while (cursor->at < cursor->end && (isspace(*cursor->at) || *cursor->at == '#')) {
        bool remark = *cursor->at == '#';
        while (remark && cursor->at < cursor->end && *cursor->at != '\n') cursor->at++;
        cursor->at += cursor->at < cursor->end;
    }
    if (cursor->at == cursor->end || !isdigit(*cursor->at))
        return fault_set(cursor->fault, "cannot read %s: expected %s, found %s", cursor->subject, what,
                         cursor->at == cursor->end ? "the end of the file" : "something that is not a number");
    int64_t value = 0;
    for (; cursor->at < cursor->end && isdigit(*cursor->at); cursor->at++) {
        value = value * 10 + (*cursor->at - '0');
        if (value > most) return fault_set(cursor->fault, "cannot read %s: %s is larger than %lld", cursor->subject, what, (long long)most);
    }
    *out = value;
    return true;
}

/* Text samples as bytes (two each), so that both forms end in the same conversion. */
static unsigned char *read_text_samples(Cursor *cursor, int64_t count, int64_t maximum) {
    unsigned char *samples = malloc((size_t)count * 2);
    if (!samples) fault_set(cursor->fault, "cannot read %s: out of memory", cursor->subject);
    int64_t value;
    for (int64_t i = 0; samples && i < count; i++) {
        if (!read_number(cursor, maximum, "a sample", &value)) {
            free(samples);
            return NULL;
        }
        samples[2 * i] = (unsigned char)(value >> 8);
        samples[2 * i + 1] = (unsigned char)value;
    }
    return samples;
}

static Tensor *read_samples(Cursor *cursor, bool binary, int64_t channels, int64_t height, int64_t width, int64_t maximum,
                            DType float_type) {
    int sample_bytes = binary && maximum < 256 ? 1 : 2;
    int64_t found = cursor->end - cursor->at, row = width * channels; /* a sample takes at least a byte: no product overflows */
    int64_t count = height <= found / row ? height * row : -1;
    int64_t needed = binary ? count * sample_bytes : 2 * count - 1; /* a digit and a space for each number */
    if (count < 0 || needed > found) {
        fault_set(cursor->fault, "cannot read %s: its header promises %lld x %lld pixels, but only %lld bytes follow", cursor->subject,
                  (long long)width, (long long)height, (long long)found);
        return NULL;
    }
    if (binary) return image_from_samples(cursor->at, sample_bytes, channels, height, width, (double)maximum, float_type, cursor->fault);
    unsigned char *samples = read_text_samples(cursor, count, maximum);
    Tensor *image = samples ? image_from_samples(samples, 2, channels, height, width, (double)maximum, float_type, cursor->fault) : NULL;
    free(samples);
    return image;
}

bool pnm_parse(const char *bytes, size_t length, const char *subject, DType float_type, Tensor **out, Fault *fault) {
    Cursor cursor = {(const unsigned char *)bytes, (const unsigned char *)bytes + length, subject, fault};
    if (length < 3 || bytes[0] != 'P' || !(bytes[1] == '2' || bytes[1] == '3' || bytes[1] == '5' || bytes[1] == '6'))
        return fault_set(fault, "cannot read %s: it is not a PGM or PPM picture, which begins with P2, P3, P5 or P6", subject);
    bool binary = bytes[1] >= '5';
    int64_t channels = bytes[1] == '3' || bytes[1] == '6' ? 3 : 1, width, height, maximum;
    cursor.at += 2;
    if (!read_number(&cursor, INT32_MAX, "the width", &width) || !read_number(&cursor, INT32_MAX, "the height", &height) ||
        !read_number(&cursor, 65535, "the maximum value", &maximum))
        return false;
    if (width == 0 || height == 0 || maximum == 0)
        return fault_set(fault, "cannot read %s: its header says %lld x %lld pixels with maximum %lld", subject, (long long)width,
                         (long long)height, (long long)maximum);
    if (binary && cursor.at < cursor.end) /* exactly one white space before the samples */
        cursor.at++;
    *out = read_samples(&cursor, binary, channels, height, width, maximum, float_type);
    return *out != NULL;
}

bool pnm_read(const char *path, DType float_type, Tensor **out, Fault *fault) {
    size_t length;
    char *bytes = gzip_file_read(path, &length, fault);
    if (!bytes) return false;
    char subject[512];
    snprintf(subject, sizeof subject, "'%s'", path);
    bool read = pnm_parse(bytes, length, subject, float_type, out, fault);
    free(bytes);
    return read;
}

bool pnm_write(const char *path, const Tensor *image, Fault *fault) {
    int64_t channels, height, width;
    unsigned char *samples = image_to_bytes(image, path, &channels, &height, &width, fault);
    if (!samples) return false;
    if (channels == 4) {
        free(samples);
        fault_set(fault, "cannot write '%s': PPM has no alpha channel", path);
        return fault_help(fault, "write a .png, or drop the fourth channel");
    }
    Text text = {0};
    text_addf(&text, "P%c\n%lld %lld\n255\n", channels == 3 ? '6' : '5', (long long)width, (long long)height);
    text_add_bytes(&text, (const char *)samples, (size_t)(channels * height * width));
    bool written = file_write(path, text.bytes, text.length, fault);
    text_free(&text);
    free(samples);
    return written;
}
