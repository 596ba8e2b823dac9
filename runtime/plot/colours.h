/* Colours that stay apart for colour-blind readers: a palette for series and classes, maps for matrices. */
#ifndef REG_PLOT_COLOURS_H
#define REG_PLOT_COLOURS_H

#include <stdbool.h>

typedef struct Colour {
    double red, green, blue; /* 0 to 1 */
} Colour;

/* Okabe and Ito's (2008) without yellow, then Tol's muted scheme (2021); repeats after 12. Negative: grey. */
Colour colour_of_style(int style);
/* `place` 0 to 1: viridis, or blue-white-red when diverging. NaN is light grey. */
Colour colour_of_place(double place, bool is_diverging);
Colour colour_mix(Colour a, Colour b, double share_of_b);
double colour_lightness(Colour colour); /* 0 black to 1 white, as perceived (Rec. 709 luma) */

#endif
