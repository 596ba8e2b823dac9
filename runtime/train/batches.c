#include "runtime/train/batches.h"

#include "runtime/base/memory.h"
#include "runtime/base/rng.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

struct Batches {
    BatchSettings settings; /* batch_size is resolved, site is not kept */
    uint64_t key;
    int64_t steps_per_epoch;
    int64_t epoch; /* whose order `samples` holds, -1: none yet */
    int64_t *samples;
};

static uint64_t stream_key(const BatchSettings *settings) {
    return rng_key(settings->seed, rng_mix(rng_hash("batches"), rng_hash(settings->site ? settings->site : "")));
}

static void permute(uint64_t key, int64_t epoch, int64_t count, int64_t *samples) {
    for (int64_t i = 0; i < count; i++) samples[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        int64_t other = (int64_t)rng_below(key, (uint64_t)epoch, (uint64_t)i, (uint64_t)i + 1);
        int64_t held = samples[i];
        samples[i] = samples[other];
        samples[other] = held;
    }
}

void batches_permutation(const BatchSettings *settings, int64_t epoch, int64_t *samples) {
    permute(stream_key(settings), epoch, settings->sample_count, samples);
}

static bool check(const BatchSettings *settings, Fault *fault) {
    if (settings->sample_count <= 0) return fault_set(fault, "the data set has no samples to draw batches from");
    if (settings->batch_size < 0) return fault_set(fault, "a batch must have at least 1 sample, not %" PRId64, settings->batch_size);
    bool may_be_short = settings->order == BATCH_WITH_REPLACEMENT || settings->last == LAST_BATCH_KEEP;
    if (!may_be_short && settings->batch_size > settings->sample_count) {
        fault_set(fault, "a batch of %" PRId64 " samples cannot be filled from %" PRId64, settings->batch_size, settings->sample_count);
        return fault_help(fault, "write `batch all` or a batch of at most %" PRId64, settings->sample_count);
    }
    return true;
}

Batches *batches_new(const BatchSettings *settings, Fault *fault) {
    if (!check(settings, fault)) return NULL;
    Batches *batches = allocate(sizeof *batches);
    batches->settings = *settings;
    batches->settings.site = NULL;
    batches->key = stream_key(settings);
    batches->epoch = -1;
    if (settings->batch_size == 0) {
        batches->settings.batch_size = settings->sample_count;
        if (settings->order == BATCH_SHUFFLED) batches->settings.order = BATCH_IN_ORDER;
    }
    int64_t count = settings->sample_count, size = batches->settings.batch_size;
    batches->steps_per_epoch = count / size + (settings->last == LAST_BATCH_KEEP && count % size != 0);
    if (batches->steps_per_epoch == 0) batches->steps_per_epoch = 1;
    return batches;
}

void batches_free(Batches *batches) {
    if (!batches) return;
    free(batches->samples);
    free(batches);
}

int64_t batches_size(const Batches *batches) { return batches->settings.batch_size; }

int64_t batches_steps_per_epoch(const Batches *batches) { return batches->steps_per_epoch; }

int64_t batches_epoch(const Batches *batches, int64_t step) { return step / batches->steps_per_epoch; }

int64_t batches_count_at(const Batches *batches, int64_t step) {
    const BatchSettings *settings = &batches->settings;
    if (settings->order == BATCH_WITH_REPLACEMENT) return settings->batch_size;
    int64_t left = settings->sample_count - step % batches->steps_per_epoch * settings->batch_size;
    return left < settings->batch_size ? left : settings->batch_size;
}

int64_t batches_at(Batches *batches, int64_t step, int64_t *samples) {
    const BatchSettings *settings = &batches->settings;
    int64_t count = batches_count_at(batches, step);
    int64_t first = step % batches->steps_per_epoch * settings->batch_size, epoch = batches_epoch(batches, step);
    switch (settings->order) {
    case BATCH_WITH_REPLACEMENT:
        for (int64_t i = 0; i < count; i++)
            samples[i] = (int64_t)rng_below(batches->key, (uint64_t)step, (uint64_t)i, (uint64_t)settings->sample_count);
        break;
    case BATCH_IN_ORDER:
        for (int64_t i = 0; i < count; i++) samples[i] = first + i;
        break;
    case BATCH_SHUFFLED:
        if (!batches->samples) batches->samples = allocate((size_t)settings->sample_count * sizeof *batches->samples);
        if (batches->epoch != epoch) {
            permute(batches->key, epoch, settings->sample_count, batches->samples);
            batches->epoch = epoch;
        }
        memcpy(samples, batches->samples + first, (size_t)count * sizeof *samples);
        break;
    }
    return count;
}
