/* A run written to disk so that it can go on where it was: tensors, place, seed, records, in one safetensors file.
 *
 * The file can be opened by any reader of safetensors. What makes it a checkpoint stands in its metadata; a checksum over the
 * tensors tells a damaged file from a whole one. Writing is atomic: a crash leaves the checkpoint before. */
#ifndef REG_TRAIN_CHECKPOINT_H
#define REG_TRAIN_CHECKPOINT_H

#include "runtime/base/tensor.h"
#include "runtime/data/safetensors.h"
#include "runtime/train/runlog.h"

#include <stdint.h>

typedef struct Checkpoint {
    TensorTable tensors; /* weights, optimizer state, state tables, by path name */
    int64_t step, epoch;
    uint64_t seed;
    RunLog *log;       /* NULL: none */
    Metadata metadata; /* the caller's own entries; keys that begin with "reg." are taken */
} Checkpoint;

bool checkpoint_save(const char *path, const Checkpoint *checkpoint, Fault *fault);
/* False with a fault for a missing, truncated, damaged or foreign file; `out` is then empty. */
bool checkpoint_load(const char *path, Checkpoint *out, Fault *fault);
/* Whether the checkpoint has exactly the expected names, types and shapes; the fault names the first that differs. */
bool checkpoint_fits(const Checkpoint *checkpoint, const TensorTable *expected, Fault *fault);
void checkpoint_free(Checkpoint *checkpoint); /* tensors, log and metadata; not the struct */

#endif
