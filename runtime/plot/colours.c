#include "runtime/plot/colours.h"

#include <math.h>
#include <stdint.h>

static Colour from_hex(uint32_t hex) { return (Colour){(hex >> 16 & 255) / 255.0, (hex >> 8 & 255) / 255.0, (hex & 255) / 255.0}; }

Colour colour_of_style(int style) {
    static const uint32_t palette[] = {
        0x0072B2, 0xD55E00, 0x009E73, 0xCC79A7, 0xE69F00, 0x56B4E9, 0x882255, 0x999933, 0x332288, 0x44AA99, 0x7F5539, 0x555555,
    };
    if (style < 0) return from_hex(0xAAAAAA);
    return from_hex(palette[style % (int)(sizeof palette / sizeof *palette)]);
}

Colour colour_mix(Colour a, Colour b, double share_of_b) {
    double share = 1 - share_of_b;
    return (Colour){share * a.red + share_of_b * b.red, share * a.green + share_of_b * b.green, share * a.blue + share_of_b * b.blue};
}

Colour colour_of_place(double place, bool is_diverging) {
    static const uint32_t viridis[] = {
        0x440154, 0x482475, 0x414487, 0x355F8D, 0x2A788E, 0x21918C, 0x22A884, 0x44BF70, 0x7AD151, 0xBDDF26, 0xFDE725,
    };
    static const uint32_t blue_red[] = {
        0x2166AC, 0x4393C3, 0x92C5DE, 0xD1E5F0, 0xF7F7F7, 0xFDDBC7, 0xF4A582, 0xD6604D, 0xB2182B,
    };
    if (isnan(place)) return from_hex(0xE4E4E4);
    const uint32_t *map = is_diverging ? blue_red : viridis;
    int last = is_diverging ? (int)(sizeof blue_red / sizeof *blue_red) - 1 : (int)(sizeof viridis / sizeof *viridis) - 1;
    double at = fmax(0, fmin(1, place)) * last;
    int index = at >= last ? last - 1 : (int)at;
    return colour_mix(from_hex(map[index]), from_hex(map[index + 1]), at - index);
}

double colour_lightness(Colour colour) { return 0.2126 * colour.red + 0.7152 * colour.green + 0.0722 * colour.blue; }
