/* What the steps of plans took, for `reg run --profile`, and what this machine could do in the same time.
 *
 * A plan with a profile times each of its steps; when it is freed, it leaves one entry for each place in the source that its steps
 * computed for. Entries outlive plans. A plan without one pays a test of a pointer for each step. */
#ifndef REG_EXEC_PROFILE_H
#define REG_EXEC_PROFILE_H

#include "runtime/exec/plan.h"

typedef struct ProfileEntry {
    StepOrigin origin; /* flops: of one run */
    const char *step;  /* what kind of step: a kernel's name, "fused", "loop", "rows" */
    double bytes;      /* of one run, the origin's share */
    DType dtype;       /* of what the step writes */
    int64_t runs;
    double seconds; /* of all runs, the origin's share */
} ProfileEntry;

typedef struct Profile {
    ProfileEntry *items;
    size_t count, capacity;
    double nested;  /* seconds of steps that ended inside the step being timed: the body of a loop */
    double compile; /* seconds from graphs to plans; the owner adds to it */
    double files;   /* seconds of writing files, likewise */
    double started;
} Profile;

Profile *profile_new(void); /* its clock starts */
void profile_free(Profile *profile);
double profile_now(void); /* seconds of a clock that only runs forward */

/* Around one run of a step: gives back what profile_leave needs. */
typedef struct ProfileMark {
    double start, nested;
} ProfileMark;
ProfileMark profile_enter(Profile *profile);
double profile_leave(Profile *profile, ProfileMark mark); /* seconds of the step itself, without steps inside it */
void profile_add(Profile *profile, const PlanStep *step, DType dtype, int64_t runs, double seconds);

enum { PEAK_SIZES = 3 };

/* Rates that this machine reaches with these threads, the best of a few tries of a millisecond or so each. */
typedef struct Peaks {
    double flops[DTYPE_COUNT]; /* per second, of matrix products in the cache; the same for all but f64 */
    struct {
        double bytes;     /* moved by one copy */
        double speed;     /* bytes read and written per second */
    } memory[PEAK_SIZES]; /* in the first caches, in the last one, beyond all */
} Peaks;

bool peaks_measure(Peaks *peaks, Threads *threads, Fault *fault);
/* The least time that one run of the entry could take here: its arithmetic or its bytes, whichever needs longer. */
double peaks_seconds(const Peaks *peaks, const ProfileEntry *entry);

#endif
