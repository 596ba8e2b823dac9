/* The bar layers of a plot as lying bars, one line each. Private to runtime/plot. */
#ifndef REG_PLOT_TERMINAL_BARS_H
#define REG_PLOT_TERMINAL_BARS_H

#include "runtime/plot/plot.h"

void terminal_bars(const Plot *plot, int columns, Text *out);

#endif
