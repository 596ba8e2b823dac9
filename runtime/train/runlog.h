/* What a run recorded: for every named quantity (loss, accuracy, rate) its values over the steps, in memory. */
#ifndef REG_TRAIN_RUNLOG_H
#define REG_TRAIN_RUNLOG_H

#include "runtime/base/fault.h"
#include "runtime/base/text.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One quantity. The two arrays have `count` entries each and can be handed to plot_line as they are. */
typedef struct RunSeries {
    char *name;
    double *steps; /* ascending */
    double *values;
    size_t count;
    size_t capacity;
} RunSeries;

typedef struct RunLog RunLog;

RunLog *runlog_new(void);
void runlog_free(RunLog *log); /* NULL allowed */

/* Appends a record; one for the series' last step replaces that value, one for an earlier step (a resumed run) drops what
 * came from that step on. */
void runlog_add(RunLog *log, int64_t step, const char *name, double value);
size_t runlog_count(const RunLog *log);                               /* number of series, in order of first record */
const RunSeries *runlog_series(const RunLog *log, size_t index);      /* borrowed, until the next runlog_add */
const RunSeries *runlog_find(const RunLog *log, const char *name);    /* NULL when absent */
bool runlog_last(const RunLog *log, const char *name, double *value); /* false when there is none */
void runlog_rewind(RunLog *log, int64_t step);                        /* forgets every record at or after `step` */

/* One line per step, one column per series, empty where a series has no record: `step,loss,accuracy`. */
void runlog_csv(const RunLog *log, Text *out);
bool runlog_write(const RunLog *log, const char *path, Fault *fault);

#endif
