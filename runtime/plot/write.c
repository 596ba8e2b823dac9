/* plot_write and plot_svg: a figure on a cairo surface in memory, then the whole file at once. */
#include "runtime/plot/plot.h"

#include "runtime/base/file.h"
#include "runtime/plot/figure.h"

#include <cairo/cairo-svg.h>
#include <math.h>
#include <string.h>
#include <strings.h>

enum { SIZE_LEAST = 40, SIZE_MOST = 8000 };
static const double PNG_SCALE = 2; /* pixels per point: sharp on screens of today */

static cairo_status_t append(void *context, const unsigned char *bytes, unsigned int length) {
    text_add_bytes(context, (const char *)bytes, length);
    return CAIRO_STATUS_SUCCESS;
}

static bool check_size(const Plot *plot, Fault *fault) {
    bool is_valid = plot->width >= SIZE_LEAST && plot->width <= SIZE_MOST && plot->height >= SIZE_LEAST && plot->height <= SIZE_MOST;
    if (is_valid) return true;
    return fault_set(fault, "a plot of %g by %g points cannot be drawn: each side must be %d to %d", plot->width, plot->height, SIZE_LEAST,
                     SIZE_MOST);
}

static bool draw_on(cairo_surface_t *surface, const Plot *plot, double scale, Fault *fault) {
    cairo_t *cr = cairo_create(surface);
    cairo_scale(cr, scale, scale);
    figure_draw(cr, plot);
    cairo_status_t status = cairo_status(cr);
    cairo_destroy(cr);
    if (status == CAIRO_STATUS_SUCCESS) return true;
    return fault_set(fault, "cannot draw the plot: %s", cairo_status_to_string(status));
}

bool plot_svg(const Plot *plot, Text *out, Fault *fault) {
    if (!check_size(plot, fault)) return false;
    cairo_surface_t *surface = cairo_svg_surface_create_for_stream(append, out, plot->width, plot->height);
    bool is_drawn = draw_on(surface, plot, 1, fault);
    cairo_surface_finish(surface);
    cairo_surface_destroy(surface);
    return is_drawn;
}

static bool plot_png(const Plot *plot, Text *out, Fault *fault) {
    if (!check_size(plot, fault)) return false;
    int width = (int)lround(plot->width * PNG_SCALE), height = (int)lround(plot->height * PNG_SCALE);
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, width, height);
    bool is_drawn = draw_on(surface, plot, PNG_SCALE, fault);
    cairo_status_t status = is_drawn ? cairo_surface_write_to_png_stream(surface, append, out) : CAIRO_STATUS_SUCCESS;
    cairo_surface_destroy(surface);
    if (status == CAIRO_STATUS_SUCCESS) return is_drawn;
    return fault_set(fault, "cannot encode the plot: %s", cairo_status_to_string(status));
}

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcasecmp(path + length - tail, ending) == 0;
}

bool plot_write(const Plot *plot, const char *path, Fault *fault) {
    Text bytes = {0};
    bool is_drawn = false;
    if (ends_in(path, ".svg")) is_drawn = plot_svg(plot, &bytes, fault);
    else if (ends_in(path, ".png")) is_drawn = plot_png(plot, &bytes, fault);
    else {
        fault_set(fault, "cannot write a plot to '%s': unknown ending", path);
        fault_help(fault, "plots are written as .svg or .png");
    }
    bool is_written = is_drawn && file_write(path, bytes.bytes, bytes.length, fault);
    text_free(&bytes);
    return is_written;
}
