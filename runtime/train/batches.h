/* Which samples a training step sees: a pure function of (seed, name of the data set, step).
 *
 * No hidden state: asking for the batches of any step, in any order, after a resume or not, gives the same numbers. Only
 * numbers; fetching the samples is the plan's business. */
#ifndef REG_TRAIN_BATCHES_H
#define REG_TRAIN_BATCHES_H

#include "runtime/base/fault.h"

#include <stdbool.h>
#include <stdint.h>

typedef enum BatchOrder {
    BATCH_SHUFFLED,         /* a fresh permutation per epoch (Fisher-Yates) */
    BATCH_IN_ORDER,         /* 0, 1, 2, … in every epoch */
    BATCH_WITH_REPLACEMENT, /* independent uniform draws; every batch is full */
} BatchOrder;

typedef enum LastBatch {
    LAST_BATCH_DROP, /* samples that do not fill a batch wait for another epoch (another permutation) */
    LAST_BATCH_KEEP, /* the last batch of an epoch may be shorter */
} LastBatch;

typedef struct BatchSettings {
    int64_t sample_count;
    int64_t batch_size; /* 0: all samples, in order */
    BatchOrder order;
    LastBatch last;
    uint64_t seed;
    const char *site; /* name of the stream, so that two streams of one block differ; NULL as "" */
} BatchSettings;

typedef struct Batches Batches;

/* NULL with a fault: no samples, a negative size, or a batch larger than the set when short batches are dropped. */
Batches *batches_new(const BatchSettings *settings, Fault *fault);
void batches_free(Batches *batches); /* NULL allowed */

int64_t batches_size(const Batches *batches); /* of a full batch */
int64_t batches_steps_per_epoch(const Batches *batches);
int64_t batches_epoch(const Batches *batches, int64_t step);    /* counted from 0 */
int64_t batches_count_at(const Batches *batches, int64_t step); /* samples in the batch of that step */
/* Writes the sample numbers of a step (at most batches_size of them), returns how many. O(batch), and O(samples) when the
 * epoch differs from that of the call before. */
int64_t batches_at(Batches *batches, int64_t step, int64_t *samples);
/* The whole order of one epoch, `sample_count` numbers. */
void batches_permutation(const BatchSettings *settings, int64_t epoch, int64_t *samples);

#endif
