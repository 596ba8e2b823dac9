#include "runtime/base/file.h"
#include "runtime/data/image.h"

#include <png.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Deflate packs at most 1032 bytes into one: a picture that claims more pixels than that lies. */
enum { DEFLATE_RATIO_MAX = 1032 };

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* The first chunk is the header (IHDR): width, height, bits, colour type. */
static bool check_size(const unsigned char *bytes, size_t length, const char *path, Fault *fault) {
    static const int samples[7] = {[0] = 1, [2] = 3, [3] = 1, [4] = 2, [6] = 4};
    if (length < 33 || memcmp(bytes, "\x89PNG\r\n\x1a\n", 8) != 0)
        return fault_set(fault, "cannot read '%s': it is not a PNG picture", path);
    uint64_t width = big_endian(bytes + 16), height = big_endian(bytes + 20);
    uint64_t bits = bytes[24] * (uint64_t)(bytes[25] < 7 && samples[bytes[25]] ? samples[bytes[25]] : 1);
    if (width == 0 || height == 0 || width > INT32_MAX || height > INT32_MAX)
        return fault_set(fault, "cannot read '%s': its header says %llu x %llu pixels", path, (unsigned long long)width,
                         (unsigned long long)height);
    if ((width * bits + 7) / 8 * height / DEFLATE_RATIO_MAX > length)
        return fault_set(fault, "cannot read '%s': its header promises %llu x %llu pixels, more than its %zu bytes can hold", path,
                         (unsigned long long)width, (unsigned long long)height, length);
    return true;
}

typedef struct Source {
    const unsigned char *at;
    size_t left;
} Source;

static void read_source(png_structp png, png_bytep out, png_size_t count) {
    Source *source = png_get_io_ptr(png);
    if (count > source->left) png_error(png, "truncated");
    memcpy(out, source->at, count);
    source->at += count;
    source->left -= count;
}

static void ignore_warning(png_structp png, png_const_charp text) { (void)png, (void)text; }

/* The largest colour number of a picture with a palette, -1 when it cannot be read; libpng itself shows numbers beyond the
 * palette as black. `row` has as many zeros as the picture has columns: the passes of an interlaced one fill it bit by bit. */
static int largest_colour(const unsigned char *bytes, size_t length, unsigned char *row) {
    Source source = {bytes, length};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, NULL, NULL, ignore_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    volatile int largest = -1;
    if (info && setjmp(png_jmpbuf(png)) == 0) {
        png_set_read_fn(png, &source, read_source);
        png_read_info(png, info);
        png_uint_32 width = png_get_image_width(png, info), height = png_get_image_height(png, info);
        png_set_packing(png); /* one byte for each pixel */
        int passes = png_set_interlace_handling(png);
        png_read_update_info(png, info);
        for (int pass = 0; pass < passes; pass++)
            for (png_uint_32 y = 0; y < height; y++) {
                png_read_row(png, row, NULL);
                for (png_uint_32 x = 0; x < width; x++) largest = row[x] > largest ? row[x] : largest;
            }
    }
    png_destroy_read_struct(&png, &info, NULL);
    return largest;
}

static bool check_palette(const unsigned char *bytes, size_t length, const char *path, Fault *fault) {
    enum { COLOUR_TYPE = 25, PALETTE = 3 };
    if (bytes[COLOUR_TYPE] != PALETTE) return true;
    unsigned char *row = calloc(big_endian(bytes + 16), 1);
    int largest = row ? largest_colour(bytes, length, row) : -1;
    free(row);
    png_image image = {.version = PNG_IMAGE_VERSION};
    int colours = largest >= 0 && png_image_begin_read_from_memory(&image, bytes, length) ? (int)image.colormap_entries : 256;
    png_image_free(&image);
    return largest < colours || fault_set(fault, "cannot read '%s': it uses colour %d of a palette of %d", path, largest, colours);
}

static bool decode(png_image *image, const char *path, DType float_type, Tensor **out, Fault *fault) {
    bool colour = image->format & PNG_FORMAT_FLAG_COLOR, alpha = image->format & PNG_FORMAT_FLAG_ALPHA;
    image->format = alpha ? PNG_FORMAT_RGBA : colour ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    image->flags |= PNG_IMAGE_FLAG_16BIT_sRGB; /* otherwise libpng takes 16-bit samples for linear light and bends them */
    size_t channels = PNG_IMAGE_SAMPLE_CHANNELS(image->format);
    unsigned char *samples = malloc((size_t)image->width * image->height * channels);
    if (!samples) return fault_set(fault, "cannot read '%s': its %u x %u pixels do not fit in memory", path, image->width, image->height);
    bool finished = png_image_finish_read(image, NULL, samples, (png_int_32)(image->width * channels), NULL);
    if (!finished || PNG_IMAGE_FAILED(*image))
        fault_set(fault, "cannot read '%s': the PNG picture is damaged (%s)", path, image->message[0] ? image->message : "truncated");
    else *out = image_from_samples(samples, 1, (int64_t)channels, image->height, image->width, 255.0, float_type, fault);
    free(samples);
    return *out != NULL;
}

bool png_read(const char *path, DType float_type, Tensor **out, Fault *fault) {
    size_t length;
    char *bytes = file_read(path, &length, fault);
    if (!bytes) return false;
    *out = NULL;
    png_image image = {.version = PNG_IMAGE_VERSION};
    bool read = check_size((unsigned char *)bytes, length, path, fault) && check_palette((unsigned char *)bytes, length, path, fault);
    if (read && !png_image_begin_read_from_memory(&image, bytes, length))
        read = fault_set(fault, "cannot read '%s': the PNG picture is damaged (%s)", path, image.message);
    read = read && decode(&image, path, float_type, out, fault);
    png_image_free(&image);
    free(bytes);
    return read;
}

bool png_write(const char *path, const Tensor *tensor, Fault *fault) {
    int64_t channels, height, width;
    unsigned char *samples = image_to_bytes(tensor, path, &channels, &height, &width, fault);
    if (!samples) return false;
    png_image image = {.version = PNG_IMAGE_VERSION, .width = (png_uint_32)width, .height = (png_uint_32)height};
    image.format = channels == 4 ? PNG_FORMAT_RGBA : channels == 3 ? PNG_FORMAT_RGB : PNG_FORMAT_GRAY;
    png_alloc_size_t size = PNG_IMAGE_PNG_SIZE_MAX(image);
    void *packed = height <= INT32_MAX && width <= INT32_MAX ? malloc(size) : NULL;
    bool written = packed && png_image_write_to_memory(&image, packed, &size, 0, samples, 0, NULL);
    if (!written) fault_set(fault, "cannot write '%s': %s", path, image.message[0] ? image.message : "out of memory");
    written = written && file_write(path, packed, size, fault);
    free(packed);
    free(samples);
    return written;
}
