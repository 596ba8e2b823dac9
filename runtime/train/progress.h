/* How a run shows that it is alive. On a terminal one line redrawn in place, at most ten times a second:
 *
 *     epoch 3/10  ━━━━━━━━╸───────────   42%  loss 0.4312  l2 0.02    1,234 steps/s  0:12 left
 *
 * Elsewhere plain lines, one per epoch (at most 20 epochs) or per tenth of the run. A last line sums up. Text goes through
 * the caller's `write`; nothing is printed here. */
#ifndef REG_TRAIN_PROGRESS_H
#define REG_TRAIN_PROGRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct ProgressSettings {
    int64_t total_steps;     /* of the whole run, 0: not known (a run `until` something) */
    int64_t first_step;      /* where a resumed run starts */
    int64_t steps_per_epoch; /* 0: the run counts steps, not epochs */
    const char *title;       /* put before everything else, NULL or "": nothing; copied */
    bool is_terminal;        /* redraw in place; otherwise plain lines */
    bool has_colour;         /* ANSI colours; only on a terminal */
    bool hides_time;         /* no speed and no time left: the text depends on the numbers alone, as golden tests need */
    int columns;             /* width of the terminal, 0: 100 */
    void (*write)(void *context, const char *bytes, size_t length); /* NULL: silent */
    double (*seconds)(void *context);                               /* NULL: the monotonic clock */
    void *context;
} ProgressSettings;

typedef struct Progress Progress;

Progress *progress_new(const ProgressSettings *settings);
void progress_free(Progress *progress); /* NULL allowed */

/* Whether the line would be drawn after `step` steps: values need to be read only then. Cheap. */
bool progress_is_due(Progress *progress, int64_t step);
/* Sets a term or metric shown from now on, in order of first mention; `loss`, `l2`, `accuracy`. */
void progress_value(Progress *progress, const char *name, double value);
/* Draws when due; `step` steps are done. */
void progress_update(Progress *progress, int64_t step);
/* A line of its own above the bar ("saved 'net.safetensors'"). */
void progress_note(Progress *progress, const char *note);
/* The summary line, once: `reason` says why a run ended early ("stopped: loss is not a number"), NULL otherwise. */
void progress_finish(Progress *progress, int64_t step, const char *reason);

#endif
