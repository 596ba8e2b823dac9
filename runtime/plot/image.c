#include "runtime/plot/image.h"

#include "runtime/data/image.h"

#include <inttypes.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { TERMINAL_COLUMNS = 80 };

bool image_shape(const Tensor *image, ImageShape *shape, Fault *fault) {
    char text[SHAPE_TEXT];
    const Shape *from = &image->shape;
    int rank = from->rank;
    bool is_valid = rank >= 2 && rank <= 4 && tensor_count(image) > 0;
    if (is_valid) {
        *shape = (ImageShape){1, 1, from->dims[rank - 2], from->dims[rank - 1]};
        if (rank == 3 && (from->dims[0] == 1 || from->dims[0] == 3)) shape->channels = from->dims[0];
        else if (rank == 3) shape->count = from->dims[0];
        if (rank == 4) {
            shape->count = from->dims[0];
            shape->channels = from->dims[1];
            is_valid = shape->channels == 1 || shape->channels == 3 || shape->channels == 4;
        }
    }
    if (is_valid) return true;
    fault_set(fault, "a tensor of shape %s is not a picture", shape_text(image->shape, text));
    return fault_help(fault, "a picture is [height, width] or [channels, height, width], several are [n, channels, height, width] "
                             "with 1, 3 or 4 channels");
}

static double clamp(double value) { return value > 0 ? fmin(value, 1) : 0; } /* NaN gives 0 */

Colour image_pixel(const Tensor *image, const ImageShape *shape, int64_t n, int64_t y, int64_t x) {
    double channel[4] = {0};
    int64_t plane = shape->height * shape->width, at = n * shape->channels * plane + y * shape->width + x;
    for (int64_t c = 0; c < shape->channels; c++) channel[c] = clamp(tensor_number(image, at + c * plane));
    if (shape->channels == 1) return (Colour){channel[0], channel[0], channel[0]};
    Colour colour = {channel[0], channel[1], channel[2]};
    return shape->channels == 3 ? colour : colour_mix((Colour){1, 1, 1}, colour, channel[3]);
}

Tensor *image_grid(const Tensor *image, int64_t columns, Fault *fault) {
    ImageShape shape;
    if (!image_shape(image, &shape, fault)) return NULL;
    int64_t across = columns > 0 ? columns : (int64_t)ceil(sqrt((double)shape.count));
    if (across > shape.count) across = shape.count;
    int64_t down = (shape.count + across - 1) / across;
    int64_t width = across * (shape.width + 1) - 1, height = down * (shape.height + 1) - 1, channels = shape.channels == 1 ? 1 : 3;
    Tensor *grid = tensor_new(DTYPE_F32, shape_of(3, (int64_t[]){channels, height, width}), fault);
    if (!grid) return NULL;
    for (int64_t i = 0; i < channels * height * width; i++) tensor_f32(grid)[i] = 1;
    for (int64_t n = 0; n < shape.count; n++)
        for (int64_t y = 0; y < shape.height; y++)
            for (int64_t x = 0; x < shape.width; x++) {
                Colour pixel = image_pixel(image, &shape, n, y, x);
                double parts[] = {pixel.red, pixel.green, pixel.blue};
                int64_t at = (n / across * (shape.height + 1) + y) * width + n % across * (shape.width + 1) + x;
                for (int64_t c = 0; c < channels; c++) tensor_f32(grid)[c * height * width + at] = (float)parts[c];
            }
    return grid;
}

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length >= tail && strcasecmp(path + length - tail, ending) == 0;
}

bool image_write(const Tensor *image, const char *path, Fault *fault) {
    bool is_png = ends_in(path, ".png"), is_pnm = ends_in(path, ".pgm") || ends_in(path, ".ppm");
    if (!is_png && !is_pnm) {
        fault_set(fault, "cannot write a picture to '%s': unknown ending", path);
        return fault_help(fault, "pictures are written as .png, .pgm or .ppm");
    }
    Tensor *grid = image_grid(image, 0, fault);
    if (!grid) return false;
    bool is_written = is_png ? png_write(path, grid, fault) : pnm_write(path, grid, fault);
    tensor_release(grid);
    return is_written;
}

/* Mean of a box of pixels: box (i, j) of `across` x `down` over a grid. */
static Colour box_mean(const Tensor *grid, const ImageShape *shape, int64_t across, int64_t down, int64_t i, int64_t j) {
    int64_t x0 = i * shape->width / across, x1 = (i + 1) * shape->width / across;
    int64_t y0 = j * shape->height / down, y1 = (j + 1) * shape->height / down;
    Colour sum = {0, 0, 0};
    double count = 0;
    for (int64_t y = y0; y < y1 || y == y0; y++)
        for (int64_t x = x0; x < x1 || x == x0; x++) {
            Colour pixel = image_pixel(grid, shape, 0, y, x);
            sum = (Colour){sum.red + pixel.red, sum.green + pixel.green, sum.blue + pixel.blue};
            count++;
        }
    return (Colour){sum.red / count, sum.green / count, sum.blue / count};
}

static void add_half_block(Text *out, Colour top, Colour bottom) {
    text_addf(out, "\033[38;2;%d;%d;%d;48;2;%d;%d;%dm▀", (int)(255 * top.red + 0.5), (int)(255 * top.green + 0.5),
              (int)(255 * top.blue + 0.5), (int)(255 * bottom.red + 0.5), (int)(255 * bottom.green + 0.5), (int)(255 * bottom.blue + 0.5));
}

static void add_shade(Text *out, Colour top, Colour bottom) {
    static const char *const shades[] = {" ", "░", "▒", "▓", "█"};
    double light = (colour_lightness(top) + colour_lightness(bottom)) / 2;
    text_add(out, shades[(int)fmin(4, light * 5)]);
}

bool image_terminal(const Tensor *image, int columns, bool has_colour, Text *out, Fault *fault) {
    Tensor *grid = image_grid(image, 0, fault);
    if (!grid) return false;
    ImageShape shape = {1, grid->shape.dims[0], grid->shape.dims[1], grid->shape.dims[2]};
    int64_t across = columns > 0 ? columns : TERMINAL_COLUMNS;
    if (across > shape.width) across = shape.width;
    int64_t down = (int64_t)ceil((double)shape.height * (double)across / (double)shape.width);
    if (down > shape.height) down = shape.height;
    for (int64_t j = 0; j < down; j += 2) {
        for (int64_t i = 0; i < across; i++) {
            Colour top = box_mean(grid, &shape, across, down, i, j);
            Colour bottom = j + 1 < down ? box_mean(grid, &shape, across, down, i, j + 1) : (Colour){0, 0, 0};
            if (has_colour) add_half_block(out, top, bottom);
            else add_shade(out, top, bottom);
        }
        text_add(out, has_colour ? "\033[0m\n" : "\n");
    }
    tensor_release(grid);
    return true;
}
