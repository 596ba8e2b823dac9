#include "runtime/train/progress.h"

#include "runtime/base/memory.h"
#include "runtime/base/print.h"
#include "runtime/base/width.h"

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { DEFAULT_COLUMNS = 100, BAR_MOST = 24, BAR_LEAST = 8, EPOCH_LINES_MOST = 20, VALUE_COLUMNS = 6 };
static const double REDRAW_SECONDS = 0.1;
static const double SPEED_SECONDS = 3; /* the speed shown is an average over about that long */

typedef struct ShownValue {
    char *name;
    double value;
    int columns; /* of the widest text so far: what stands after it does not jump */
} ShownValue;

struct Progress {
    ProgressSettings settings;
    char *title;
    LIST(ShownValue) values;
    double start_seconds, drawn_seconds, speed_seconds, speed_mean;
    int64_t speed_step, next_line_step;
    double speed; /* steps per second, 0: not known yet */
    bool is_drawn, is_finished;
};

static double clock_seconds(const Progress *progress) {
    if (progress->settings.seconds) return progress->settings.seconds(progress->settings.context);
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Plain lines: the first step after `step` that ends an epoch or a tenth of the run. */
static int64_t line_step_after(const ProgressSettings *settings, int64_t step) {
    int64_t total = settings->total_steps, per_epoch = settings->steps_per_epoch;
    bool by_epoch = per_epoch > 0 && (total <= 0 || total <= per_epoch * EPOCH_LINES_MOST);
    if (by_epoch) return (step / per_epoch + 1) * per_epoch;
    if (total <= 0) return step < 1000 ? 1000 : 2 * step;
    int64_t tenth = (int64_t)(10.0 * (double)step / (double)total) + 1;
    int64_t next = (int64_t)ceil((double)total * (double)tenth / 10);
    return next > step ? next : step + 1;
}

Progress *progress_new(const ProgressSettings *settings) {
    Progress *progress = allocate(sizeof *progress);
    progress->settings = *settings;
    progress->settings.title = NULL;
    if (settings->columns <= 0) progress->settings.columns = DEFAULT_COLUMNS;
    progress->title = copy_string(settings->title ? settings->title : "");
    progress->start_seconds = progress->speed_seconds = clock_seconds(progress);
    progress->drawn_seconds = -INFINITY;
    progress->speed_step = settings->first_step;
    progress->next_line_step = line_step_after(settings, settings->first_step);
    return progress;
}

void progress_free(Progress *progress) {
    if (!progress) return;
    for (size_t i = 0; i < progress->values.count; i++) free(progress->values.items[i].name);
    list_free(&progress->values);
    free(progress->title);
    free(progress);
}

void progress_value(Progress *progress, const char *name, double value) {
    for (size_t i = 0; i < progress->values.count; i++) {
        if (strcmp(progress->values.items[i].name, name) != 0) continue;
        progress->values.items[i].value = value;
        return;
    }
    ShownValue shown = {.name = copy_string(name), .value = value, .columns = VALUE_COLUMNS};
    list_push(&progress->values, shown);
}

bool progress_is_due(Progress *progress, int64_t step) {
    if (!progress->settings.write || progress->is_finished) return false;
    if (!progress->settings.is_terminal) return step >= progress->next_line_step || step == progress->settings.total_steps;
    return clock_seconds(progress) - progress->drawn_seconds >= REDRAW_SECONDS;
}

/* ---- the parts of a line ---- */

static void add_thousands(Text *out, double number) {
    char digits[32];
    int length = snprintf(digits, sizeof digits, "%.0f", number);
    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) text_add_char(out, ',');
        text_add_char(out, digits[i]);
    }
}

static void add_duration(Text *out, double seconds) {
    long whole = seconds < 0 ? 0 : seconds > 3e8 ? 300000000 : lround(seconds);
    if (whole >= 3600) text_addf(out, "%ld:%02ld:%02ld", whole / 3600, whole / 60 % 60, whole % 60);
    else text_addf(out, "%ld:%02ld", whole / 60, whole % 60);
}

static void add_place(const Progress *progress, int64_t step, Text *out) {
    int64_t total = progress->settings.total_steps, per_epoch = progress->settings.steps_per_epoch;
    int64_t at = step, of = total;
    if (per_epoch > 0) {
        at = step > 0 ? (step - 1) / per_epoch + 1 : 1;
        of = (total + per_epoch - 1) / per_epoch;
    }
    char numbers[48], most[48];
    snprintf(most, sizeof most, "%" PRId64, of > at ? of : at);
    if (of > 0) snprintf(numbers, sizeof numbers, "%*" PRId64 "/%" PRId64, (int)strlen(most), at, of);
    else snprintf(numbers, sizeof numbers, "%" PRId64, at);
    if (*progress->title) text_addf(out, "%s  ", progress->title);
    text_addf(out, "%s %s", per_epoch > 0 ? "epoch" : "step", numbers);
}

/* Half-character resolution: ━ full, ╸ half, ─ what is left. */
static void add_bar(double fraction, int columns, bool has_colour, Text *out) {
    int halves = (int)(fraction * columns * 2), full = halves / 2, half = halves % 2;
    if (has_colour) text_add(out, "\033[36m");
    text_add_repeat(out, "━", full);
    text_add_repeat(out, "╸", half);
    if (has_colour) text_add(out, "\033[90m");
    text_add_repeat(out, "─", columns - full - half);
    if (has_colour) text_add(out, "\033[0m");
}

static void add_value(ShownValue *shown, bool is_last, Text *out) {
    Text number = {0};
    number_print_digits(shown->value, 4, &number);
    text_addf(out, "  %s ", shown->name);
    if ((int)number.length > shown->columns) shown->columns = (int)number.length;
    text_add_left(out, text_string(&number), is_last ? (int)number.length : shown->columns);
    text_free(&number);
}

/* As many values as fit in `columns`. */
static void add_values(const Progress *progress, int columns, bool pads_last, Text *out) {
    for (size_t i = 0; i < progress->values.count; i++) {
        Text value = {0};
        add_value(&progress->values.items[i], i + 1 == progress->values.count && !pads_last, &value);
        columns -= text_columns(text_string(&value));
        if (columns >= 0) text_add(out, text_string(&value));
        text_free(&value);
        if (columns < 0) break;
    }
}

/* Three digits, whole from 100 on. */
static void add_speed(double steps_per_second, Text *out) {
    if (steps_per_second >= 100) add_thousands(out, steps_per_second);
    else number_print_digits(steps_per_second, 3, out);
    text_add(out, " steps/s");
}

static void measure_speed(Progress *progress, int64_t step) {
    double now = clock_seconds(progress), elapsed = now - progress->speed_seconds;
    if (elapsed <= 0 || step <= progress->speed_step) return;
    double recent = (double)(step - progress->speed_step) / elapsed;
    progress->speed_mean += (1 - exp(-elapsed / SPEED_SECONDS)) * (recent - progress->speed_mean);
    /* The running mean started at 0: its weights so far do not yet sum to 1. */
    progress->speed = progress->speed_mean / (1 - exp(-(now - progress->start_seconds) / SPEED_SECONDS));
    progress->speed_seconds = now;
    progress->speed_step = step;
}

static void add_time(const Progress *progress, int64_t step, Text *out) {
    if (progress->settings.hides_time || progress->speed <= 0) return;
    text_add(out, "  ");
    add_speed(progress->speed, out);
    int64_t left = progress->settings.total_steps - step;
    if (left <= 0) return;
    text_add(out, "  ");
    add_duration(out, (double)left / progress->speed);
    text_add(out, " left");
}

static void send(const Progress *progress, Text *line) {
    progress->settings.write(progress->settings.context, text_string(line), line->length);
    text_free(line);
}

/* Carriage return and "erase line": what was there before goes away whatever its length. */
static void draw_terminal(Progress *progress, int64_t step) {
    const ProgressSettings *settings = &progress->settings;
    Text place = {0}, values = {0}, when = {0}, line = {0};
    add_place(progress, step, &place);
    add_time(progress, step, &when);
    int room = settings->columns - 1 - text_columns(text_string(&place)) - text_columns(text_string(&when));
    bool has_bar = settings->total_steps > 0 && room >= BAR_LEAST + 8;
    add_values(progress, room - (has_bar ? BAR_LEAST + 8 : 0), true, &values);
    room -= text_columns(text_string(&values));
    text_addf(&line, "\r\033[2K%s", text_string(&place));
    if (has_bar) {
        double fraction = fmin(1, (double)step / (double)settings->total_steps);
        text_add(&line, "  ");
        add_bar(fraction, room - 8 > BAR_MOST ? BAR_MOST : room - 8, settings->has_colour, &line);
        text_addf(&line, "  %3d%%", (int)(100 * fraction));
    }
    text_add(&line, text_string(&values));
    text_add(&line, text_string(&when));
    send(progress, &line);
    text_free(&place);
    text_free(&values);
    text_free(&when);
    progress->is_drawn = true;
}

static void draw_line(Progress *progress, int64_t step) {
    Text line = {0};
    add_place(progress, step, &line);
    add_values(progress, 1 << 20, !progress->settings.hides_time && progress->speed > 0, &line);
    add_time(progress, step, &line);
    text_add_char(&line, '\n');
    send(progress, &line);
    progress->next_line_step = line_step_after(&progress->settings, step);
}

void progress_update(Progress *progress, int64_t step) {
    if (!progress_is_due(progress, step)) return;
    measure_speed(progress, step);
    if (progress->settings.is_terminal) draw_terminal(progress, step);
    else draw_line(progress, step);
    progress->drawn_seconds = clock_seconds(progress);
}

void progress_note(Progress *progress, const char *note) {
    if (!progress->settings.write) return;
    Text line = {0};
    text_addf(&line, "%s%s\n", progress->is_drawn ? "\r\033[2K" : "", note);
    send(progress, &line);
    progress->is_drawn = false;
    progress->drawn_seconds = -INFINITY;
}

/* "10 epochs in 0:12", "1,234 steps" */
static void add_extent(const Progress *progress, int64_t step, double elapsed, Text *out) {
    int64_t per_epoch = progress->settings.steps_per_epoch;
    if (per_epoch > 0 && step % per_epoch == 0 && step > 0) {
        text_addf(out, "%" PRId64 " epoch%s", step / per_epoch, step == per_epoch ? "" : "s");
    } else {
        add_thousands(out, (double)step);
        text_addf(out, " step%s", step == 1 ? "" : "s");
    }
    if (progress->settings.hides_time) return;
    text_add(out, " in ");
    if (elapsed < 10) text_addf(out, "%.2g s", fmax(elapsed, 0.001));
    else add_duration(out, elapsed);
}

void progress_finish(Progress *progress, int64_t step, const char *reason) {
    if (!progress->settings.write || progress->is_finished) return;
    progress->is_finished = true;
    int64_t done = step - progress->settings.first_step;
    double elapsed = clock_seconds(progress) - progress->start_seconds;
    bool has_speed = !progress->settings.hides_time && done > 0 && elapsed > 0;
    Text line = {0};
    if (progress->is_drawn) text_add(&line, "\r\033[2K");
    if (*progress->title) text_addf(&line, "%s  ", progress->title);
    if (reason) text_addf(&line, "%s after ", reason);
    add_extent(progress, step, elapsed, &line);
    add_values(progress, 1 << 20, has_speed, &line);
    if (has_speed) {
        text_add(&line, "  ");
        add_speed((double)done / elapsed, &line);
    }
    text_add_char(&line, '\n');
    send(progress, &line);
}
