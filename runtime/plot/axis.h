/* One axis: the range it covers, where its ticks are and what they say. Shared by pictures and terminal plots. */
#ifndef REG_PLOT_AXIS_H
#define REG_PLOT_AXIS_H

#include <stdbool.h>
#include <stddef.h>

enum { AXIS_TICKS = 16, AXIS_LABEL = 24 };

typedef struct Axis {
    bool is_log;
    double low, high; /* low < high, finite, both positive when is_log */
} Axis;

typedef struct Ticks {
    int count;
    double at[AXIS_TICKS];
    char label[AXIS_TICKS][AXIS_LABEL];
} Ticks;

/* The range of data, grown value by value; values that cannot be shown are passed over. */
typedef struct Range {
    double low, high; /* low > high: empty */
} Range;

Range range_empty(void);
void range_add(Range *range, double value, bool is_log);
bool axis_can_show(double value, bool is_log);

/* An axis over the data with a margin (a fraction of the range) at each end; one value or none still gives a proper range.
 * `from` and `to` override the ends where they are not NaN. */
Axis axis_over(Range range, bool is_log, double margin, double from, double to);
/* 0 at the low end, 1 at the high end. */
double axis_place(const Axis *axis, double value);
double axis_value(const Axis *axis, double place); /* the inverse */
/* About `most` ticks at round numbers. */
void axis_ticks(const Axis *axis, int most, Ticks *ticks);
/* "0.25", "20k", "1.5M", "2e-7"; as short as the step between neighbouring labels allows. */
void axis_label(double value, double step, char label[AXIS_LABEL]);

#endif
