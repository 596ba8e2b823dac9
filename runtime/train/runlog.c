#include "runtime/train/runlog.h"

#include "runtime/base/escape.h"
#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct RunLog {
    LIST(RunSeries) series;
};

RunLog *runlog_new(void) { return allocate(sizeof(RunLog)); }

void runlog_free(RunLog *log) {
    if (!log) return;
    for (size_t i = 0; i < log->series.count; i++) {
        free(log->series.items[i].name);
        free(log->series.items[i].steps);
        free(log->series.items[i].values);
    }
    list_free(&log->series);
    free(log);
}

static RunSeries *find(const RunLog *log, const char *name) {
    for (size_t i = 0; i < log->series.count; i++)
        if (strcmp(log->series.items[i].name, name) == 0) return &log->series.items[i];
    return NULL;
}

static void rewind_series(RunSeries *series, int64_t step) {
    while (series->count && series->steps[series->count - 1] >= (double)step) series->count--;
}

void runlog_add(RunLog *log, int64_t step, const char *name, double value) {
    RunSeries *series = find(log, name);
    if (!series) {
        RunSeries fresh = {.name = copy_string(name)};
        list_push(&log->series, fresh);
        series = &log->series.items[log->series.count - 1];
    }
    rewind_series(series, step);
    if (series->count == series->capacity) {
        series->capacity = series->capacity ? 2 * series->capacity : 64;
        series->steps = reallocate(series->steps, series->capacity * sizeof *series->steps);
        series->values = reallocate(series->values, series->capacity * sizeof *series->values);
    }
    series->steps[series->count] = (double)step;
    series->values[series->count++] = value;
}

size_t runlog_count(const RunLog *log) { return log->series.count; }

const RunSeries *runlog_series(const RunLog *log, size_t index) { return &log->series.items[index]; }

const RunSeries *runlog_find(const RunLog *log, const char *name) { return find(log, name); }

bool runlog_last(const RunLog *log, const char *name, double *value) {
    const RunSeries *series = find(log, name);
    if (!series || series->count == 0) return false;
    *value = series->values[series->count - 1];
    return true;
}

void runlog_rewind(RunLog *log, int64_t step) {
    for (size_t i = 0; i < log->series.count; i++) rewind_series(&log->series.items[i], step);
}

void runlog_csv(const RunLog *log, Text *out) {
    size_t count = log->series.count;
    size_t *next = allocate((count + 1) * sizeof *next);
    text_add(out, "step");
    for (size_t i = 0; i < count; i++) {
        text_add_char(out, ',');
        text_add_csv(out, log->series.items[i].name);
    }
    text_add_char(out, '\n');
    for (;;) {
        double step = INFINITY; /* the earliest step not written yet */
        for (size_t i = 0; i < count; i++) {
            const RunSeries *series = &log->series.items[i];
            if (next[i] < series->count && series->steps[next[i]] < step) step = series->steps[next[i]];
        }
        if (isinf(step)) break;
        text_addf(out, "%.0f", step);
        for (size_t i = 0; i < count; i++) {
            const RunSeries *series = &log->series.items[i];
            text_add_char(out, ',');
            if (next[i] < series->count && series->steps[next[i]] <= step) text_addf(out, "%.9g", series->values[next[i]++]);
        }
        text_add_char(out, '\n');
    }
    free(next);
}

bool runlog_write(const RunLog *log, const char *path, Fault *fault) {
    Text text = {0};
    runlog_csv(log, &text);
    bool is_written = file_write(path, text_string(&text), text.length, fault);
    text_free(&text);
    return is_written;
}
