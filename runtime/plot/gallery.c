#include "runtime/plot/figure.h"

#include "runtime/plot/image.h"

#include <math.h>

typedef struct Picture {
    const Tensor *images;
    const ImageShape *shape;
    int64_t number;
} Picture;

static Colour picture_colour(const void *context, long row, long column) {
    const Picture *picture = context;
    return image_pixel(picture->images, picture->shape, picture->number, row, column);
}

/* The number of columns that makes the pictures largest. */
static long choose_columns(const ImageShape *shape, Box box, double caption) {
    long best = 1;
    double best_scale = 0;
    for (long columns = 1; columns <= shape->count; columns++) {
        long rows = (shape->count + columns - 1) / columns;
        double width = (box.right - box.left) / (double)columns - 4, height = (box.bottom - box.top) / (double)rows - 4 - caption;
        double scale = fmin(width / (double)shape->width, height / (double)shape->height);
        if (scale <= best_scale * 1.0001) continue;
        best_scale = scale;
        best = columns;
    }
    return best;
}

void gallery_draw(cairo_t *cr, const Layer *layer, Box box) {
    ImageShape shape;
    if (!image_shape(layer->images, &shape, NULL)) return;
    double caption = layer->names ? 13 : 0;
    long columns = choose_columns(&shape, box, caption), rows = (shape.count + columns - 1) / columns;
    double scale = fmin(((box.right - box.left) / (double)columns - 4) / (double)shape.width,
                        ((box.bottom - box.top) / (double)rows - 4 - caption) / (double)shape.height);
    if (scale <= 0) return;
    double width = scale * (double)shape.width, height = scale * (double)shape.height;
    double left = (box.left + box.right - (double)columns * (width + 4)) / 2;
    double top = (box.top + box.bottom - (double)rows * (height + 4 + caption)) / 2;
    for (int64_t n = 0; n < shape.count; n++) {
        double x = left + (double)(n % columns) * (width + 4) + 2, y = top + (double)(n / columns) * (height + 4 + caption) + 2;
        Picture picture = {layer->images, &shape, n};
        brush_cells(cr, (Box){x, y, x + width, y + height}, (long)shape.height, (long)shape.width, picture_colour, &picture);
        cairo_set_line_width(cr, 0.5);
        brush_grey(cr, 0.8);
        cairo_rectangle(cr, x, y, width, height);
        cairo_stroke(cr);
        if ((size_t)n >= layer->name_count) continue;
        brush_font(cr, 8.5, false);
        brush_grey(cr, 0.2);
        brush_text(cr, x + width / 2, y + height + 3, 0.5, 0, layer->names[n]);
    }
}
