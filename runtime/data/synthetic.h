/* Generated data: 2-D toys, curves, regression problems, exact solutions of differential equations, tables of modular
 * arithmetic, pictures. Every one is a pure function of its settings and the seed. */
#ifndef REG_DATA_SYNTHETIC_H
#define REG_DATA_SYNTHETIC_H

#include "runtime/data/dataset.h"

enum { SYNTHETIC_SETTINGS_MAX = 8 };

typedef struct Setting {
    const char *name;
    double value;
} Setting;

typedef struct SettingInfo {
    const char *name;
    double value;     /* the default */
    double low, high; /* allowed, both included */
    bool is_whole;
} SettingInfo;

typedef struct SyntheticInfo {
    const char *name;                             /* "moons" */
    const char *summary;                          /* one line with its fields */
    int64_t count;                                /* number of samples when the caller gives 0; 0 when the size follows from the settings */
    SettingInfo settings[SYNTHETIC_SETTINGS_MAX]; /* up to the first NULL name */
} SyntheticInfo;

size_t synthetic_count(void);
const SyntheticInfo *synthetic_info(size_t index);
const SyntheticInfo *synthetic_find(const char *name); /* NULL when there is none */

/* `count` samples (0: the default). Settings not given keep their defaults. NULL with a fault that lists the generators
 * or the settings when a name is unknown, or says which value is out of range. */
DataSet *synthetic_make(const char *name, int64_t count, uint64_t seed, const Setting *settings, size_t setting_count, DType float_type,
                        Fault *fault);

#endif
