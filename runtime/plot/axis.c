#include "runtime/plot/axis.h"

#include "runtime/base/print.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* Beyond this the differences that ticks need would overflow. */
static const double VALUE_MOST = 1e300;

Range range_empty(void) { return (Range){INFINITY, -INFINITY}; }

bool axis_can_show(double value, bool is_log) { return isfinite(value) && (!is_log || value > 0); }

void range_add(Range *range, double value, bool is_log) {
    if (!axis_can_show(value, is_log)) return;
    value = fmax(-VALUE_MOST, fmin(VALUE_MOST, value));
    if (is_log) value = fmax(value, 1 / VALUE_MOST);
    range->low = fmin(range->low, value);
    range->high = fmax(range->high, value);
}

static double forward(const Axis *axis, double value) { return axis->is_log ? log10(value) : value; }

static double backward(const Axis *axis, double value) { return axis->is_log ? pow(10, value) : value; }

/* A range without extent is opened around its value. */
static void open_range(Axis *axis) {
    double low = forward(axis, axis->low), high = forward(axis, axis->high);
    double least = 1e-12 * fmax(fabs(low), fabs(high));
    if (high - low > least) return;
    double half = axis->is_log ? 0.5 : low == 0 ? 1 : fabs(low) / 10;
    axis->low = backward(axis, low - half);
    axis->high = backward(axis, high + half);
}

Axis axis_over(Range range, bool is_log, double margin, double from, double to) {
    Axis axis = {.is_log = is_log, .low = range.low, .high = range.high};
    if (range.low > range.high) axis = (Axis){.is_log = is_log, .low = is_log ? 1 : 0, .high = is_log ? 10 : 1};
    bool has_from = axis_can_show(from, is_log), has_to = axis_can_show(to, is_log);
    if (has_from) axis.low = from;
    if (has_to) axis.high = to;
    if (axis.low > axis.high) {
        double held = axis.low;
        axis.low = axis.high;
        axis.high = held;
    }
    open_range(&axis);
    double low = forward(&axis, axis.low), high = forward(&axis, axis.high), pad = margin * (high - low);
    if (!has_from) axis.low = backward(&axis, low - pad);
    if (!has_to) axis.high = backward(&axis, high + pad);
    return axis;
}

double axis_place(const Axis *axis, double value) {
    double low = forward(axis, axis->low), high = forward(axis, axis->high);
    return (forward(axis, value) - low) / (high - low);
}

double axis_value(const Axis *axis, double place) {
    double low = forward(axis, axis->low), high = forward(axis, axis->high);
    return backward(axis, low + place * (high - low));
}

/* 1, 2 or 5 times a power of ten, near `step` or above. */
static double nice_step(double step) {
    double power = pow(10, floor(log10(step))), lead = step / power;
    return (lead <= 1.2 ? 1 : lead <= 2.4 ? 2 : lead <= 6 ? 5 : 10) * power;
}

/* The unit follows from the step, so that all labels of an axis share it. */
void axis_label(double value, double step, char label[AXIS_LABEL]) {
    static const struct {
        double least_step, size;
        const char *suffix;
    } units[] = {
        {5e8, 1e9, "G"},
        {5e5, 1e6, "M"},
        {5e3, 1e3, "k"},
        {0, 1, ""},
    };
    if (fabs(value) < step * 1e-6) {
        snprintf(label, AXIS_LABEL, "0");
        return;
    }
    if (step >= 5e11 || step < 1e-5 || fabs(value) >= 1e15) {
        Text text = {0};
        int digits = (int)ceil(log10(fabs(value) / step) - 1e-9) + 1;
        number_print_digits(value, digits < 1 ? 1 : digits > 6 ? 6 : digits, &text);
        snprintf(label, AXIS_LABEL, "%s", text_string(&text));
        text_free(&text);
        return;
    }
    int unit = 0;
    while (step < units[unit].least_step) unit++;
    step /= units[unit].size;
    int decimals = step >= 0.9999 ? 0 : (int)ceil(-log10(step) - 1e-9);
    snprintf(label, AXIS_LABEL, "%.*f%s", decimals, value / units[unit].size, units[unit].suffix);
}

static void linear_ticks(const Axis *axis, int most, Ticks *ticks) {
    double step = nice_step((axis->high - axis->low) / most);
    double first = ceil(axis->low / step - 1e-9);
    ticks->count = 0;
    for (int i = 0; i < AXIS_TICKS; i++) {
        double at = (first + i) * step;
        if (at > axis->high + 1e-9 * step) break;
        ticks->at[ticks->count] = at;
        axis_label(at, step, ticks->label[ticks->count++]);
    }
}

static void power_label(int power, char label[AXIS_LABEL]) {
    static const char *const digits[] = {"⁰", "¹", "²", "³", "⁴", "⁵", "⁶", "⁷", "⁸", "⁹"};
    char number[8];
    snprintf(number, sizeof number, "%d", power < -999 ? -999 : power > 999 ? 999 : power);
    strcpy(label, "10");
    for (const char *at = number; *at; at++) strcat(label, *at == '-' ? "⁻" : digits[*at - '0']);
}

/* Powers of ten, every k-th when there are many; with few decades also 2 and 5 times them. */
static void log_ticks(const Axis *axis, int most, Ticks *ticks) {
    static const double leads[] = {1, 2, 5};
    double low = log10(axis->low), high = log10(axis->high);
    int first = (int)floor(low + 1e-9), last = (int)floor(high + 1e-9);
    int stride = (int)ceil((high - low) / most), lead_count = high - low < 2 ? 3 : 1;
    bool is_plain = low > -4.01 && high < 4.01;
    if (stride < 1) stride = 1;
    if (stride > 1) first = (int)(ceil((double)first / stride) * stride);
    ticks->count = 0;
    for (int power = first; power <= last; power += stride)
        for (int lead = 0; lead < lead_count; lead++) {
            double at = leads[lead] * pow(10, power);
            if (at < axis->low * (1 - 1e-9) || at > axis->high * (1 + 1e-9) || ticks->count == AXIS_TICKS) continue;
            ticks->at[ticks->count] = at;
            if (is_plain || lead_count > 1) snprintf(ticks->label[ticks->count++], AXIS_LABEL, "%g", at);
            else power_label(power, ticks->label[ticks->count++]);
        }
}

void axis_ticks(const Axis *axis, int most, Ticks *ticks) {
    if (most > AXIS_TICKS - 2) most = AXIS_TICKS - 2;
    if (most < 1) most = 1;
    if (axis->is_log) {
        log_ticks(axis, most, ticks);
        if (ticks->count >= 2) return;
    }
    linear_ticks(axis, most, ticks);
}
