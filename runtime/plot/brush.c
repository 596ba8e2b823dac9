#include "runtime/plot/brush.h"

#include <math.h>
#include <stdint.h>

enum { PIXELS_MOST = 4096 };

void brush_colour(cairo_t *cr, Colour colour, double alpha) { cairo_set_source_rgba(cr, colour.red, colour.green, colour.blue, alpha); }

void brush_grey(cairo_t *cr, double lightness) { cairo_set_source_rgb(cr, lightness, lightness, lightness); }

void brush_font(cairo_t *cr, double size, bool is_bold) {
    cairo_select_font_face(cr, "sans-serif", CAIRO_FONT_SLANT_NORMAL, is_bold ? CAIRO_FONT_WEIGHT_BOLD : CAIRO_FONT_WEIGHT_NORMAL);
    cairo_set_font_size(cr, size);
}

double brush_text_width(cairo_t *cr, const char *text) {
    cairo_text_extents_t extents;
    cairo_text_extents(cr, text, &extents);
    return extents.x_advance;
}

/* Heights come from the digits, so that all labels of a row share a baseline. */
void brush_text(cairo_t *cr, double x, double y, double align_x, double align_y, const char *text) {
    cairo_text_extents_t digits;
    cairo_text_extents(cr, "0", &digits);
    cairo_move_to(cr, x - align_x * brush_text_width(cr, text), y + (1 - align_y) * digits.height);
    cairo_show_text(cr, text);
    cairo_new_path(cr);
}

void brush_turned_text(cairo_t *cr, double x, double y, double angle, double align_x, double align_y, const char *text) {
    cairo_save(cr);
    cairo_translate(cr, x, y);
    cairo_rotate(cr, angle);
    brush_text(cr, 0, 0, align_x, align_y, text);
    cairo_restore(cr);
}

static void add_polygon(cairo_t *cr, double x, double y, double radius, int corners, double turn) {
    for (int i = 0; i < corners; i++) {
        double angle = turn + 2 * M_PI * i / corners;
        cairo_line_to(cr, x + radius * cos(angle), y + radius * sin(angle));
    }
    cairo_close_path(cr);
}

void brush_mark(cairo_t *cr, int shape, double x, double y, double radius) {
    cairo_new_path(cr);
    switch (shape % MARK_SHAPES) {
    case 0: cairo_arc(cr, x, y, radius, 0, 2 * M_PI); break;
    case 1: add_polygon(cr, x, y, 1.35 * radius, 3, -M_PI / 2); break;
    case 2: add_polygon(cr, x, y, 1.25 * radius, 4, M_PI / 4); break;
    case 3: add_polygon(cr, x, y, 1.35 * radius, 4, 0); break;
    case 4: add_polygon(cr, x, y, 1.35 * radius, 3, M_PI / 2); break;
    case 5: add_polygon(cr, x, y, 1.2 * radius, 5, -M_PI / 2); break;
    }
    cairo_fill(cr);
}

void brush_line(cairo_t *cr, double x0, double y0, double x1, double y1) {
    cairo_move_to(cr, x0, y0);
    cairo_line_to(cr, x1, y1);
    cairo_stroke(cr);
}

/* Every cell becomes a square of several pixels: viewers smooth stretched pictures, and this keeps the edges sharp. */
static cairo_surface_t *cell_pixels(long rows, long columns, long scale, CellColour colour, const void *context) {
    cairo_surface_t *surface = cairo_image_surface_create(CAIRO_FORMAT_RGB24, (int)(columns * scale), (int)(rows * scale));
    if (cairo_surface_status(surface) != CAIRO_STATUS_SUCCESS) return surface;
    unsigned char *data = cairo_image_surface_get_data(surface);
    long stride = cairo_image_surface_get_stride(surface);
    for (long row = 0; row < rows * scale; row++)
        for (long column = 0; column < columns; column++) {
            uint32_t *pixel = (uint32_t *)(void *)(data + row * stride) + column * scale;
            if (row % scale != 0) {
                for (long i = 0; i < scale; i++) pixel[i] = ((uint32_t *)(void *)((unsigned char *)pixel - stride))[i];
                continue;
            }
            Colour cell = colour(context, row / scale, column);
            uint32_t value = (uint32_t)(255 * cell.red + 0.5) << 16 | (uint32_t)(255 * cell.green + 0.5) << 8 |
                             (uint32_t)(255 * cell.blue + 0.5);
            for (long i = 0; i < scale; i++) pixel[i] = value;
        }
    cairo_surface_mark_dirty(surface);
    return surface;
}

typedef struct Sampled {
    CellColour colour;
    const void *context;
    long every_row, every_column;
} Sampled;

static Colour sampled_colour(const void *context, long row, long column) {
    const Sampled *sampled = context;
    return sampled->colour(sampled->context, row * sampled->every_row, column * sampled->every_column);
}

void brush_cells(cairo_t *cr, Box box, long rows, long columns, CellColour colour, const void *context) {
    if (rows <= 0 || columns <= 0) return;
    Sampled sampled = {colour, context, (rows + PIXELS_MOST - 1) / PIXELS_MOST, (columns + PIXELS_MOST - 1) / PIXELS_MOST};
    rows = (rows + sampled.every_row - 1) / sampled.every_row;
    columns = (columns + sampled.every_column - 1) / sampled.every_column;
    double wanted = 2 * fmax((box.right - box.left) / (double)columns, (box.bottom - box.top) / (double)rows);
    long scale = wanted < 1 ? 1 : wanted > 64 ? 64 : (long)ceil(wanted);
    while (scale > 1 && (rows * scale > PIXELS_MOST || columns * scale > PIXELS_MOST)) scale--;
    cairo_surface_t *surface = cell_pixels(rows, columns, scale, sampled_colour, &sampled);
    cairo_save(cr);
    cairo_translate(cr, box.left, box.top);
    cairo_scale(cr, (box.right - box.left) / (double)(columns * scale), (box.bottom - box.top) / (double)(rows * scale));
    cairo_set_source_surface(cr, surface, 0, 0);
    cairo_pattern_set_filter(cairo_get_source(cr), CAIRO_FILTER_BILINEAR);
    cairo_pattern_set_extend(cairo_get_source(cr), CAIRO_EXTEND_PAD);
    cairo_rectangle(cr, 0, 0, (double)(columns * scale), (double)(rows * scale));
    cairo_fill(cr);
    cairo_restore(cr);
    cairo_surface_destroy(surface);
}
