#include "runtime/exec/profile.h"

#include "runtime/base/memory.h"

#include <stdlib.h>
#include <time.h>

double profile_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

Profile *profile_new(void) {
    Profile *profile = allocate(sizeof *profile);
    profile->started = profile_now();
    return profile;
}

void profile_free(Profile *profile) {
    if (profile == NULL) return;
    free(profile->items);
    free(profile);
}

ProfileMark profile_enter(Profile *profile) {
    ProfileMark mark = {.nested = profile->nested};
    profile->nested = 0;
    mark.start = profile_now();
    return mark;
}

double profile_leave(Profile *profile, ProfileMark mark) {
    double whole = profile_now() - mark.start, own = whole - profile->nested;
    profile->nested = mark.nested + whole;
    return own;
}

static const char *kind_of(const PlanStep *step) {
    if (step->kernel != NULL) return step->kernel->name;
    return step->fused != NULL ? "fused" : step->loop != NULL ? "loop" : "rows";
}

void profile_add(Profile *profile, const PlanStep *step, DType dtype, int64_t runs, double seconds) {
    for (int k = 0; k < step->origin_count && runs > 0; k++) {
        const StepOrigin *origin = &step->origins[k];
        ProfileEntry entry = {.origin = *origin,
                              .step = kind_of(step),
                              .bytes = step->bytes * origin->share,
                              .dtype = dtype,
                              .runs = runs,
                              .seconds = seconds * origin->share};
        list_push(profile, entry);
    }
}
