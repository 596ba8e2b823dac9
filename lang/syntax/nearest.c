#include "lang/syntax/diagnostics.h"

#include <ctype.h>
#include <string.h>

enum { NAME_MAX_LENGTH = 64 };

static int minimum(int a, int b) { return a < b ? a : b; }

/* Edits (insert, remove, replace, swap neighbours) that turn one name into the other; upper and lower case are one. */
static int edit_distance(const char *a, int a_length, const char *b, int b_length) {
    int rows[3][NAME_MAX_LENGTH + 1];
    int *before = rows[0], *above = rows[1], *row = rows[2];
    for (int k = 0; k <= b_length; k++) above[k] = before[k] = k;
    for (int i = 1; i <= a_length; i++) {
        row[0] = i;
        for (int k = 1; k <= b_length; k++) {
            int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[k - 1]);
            row[k] = minimum(minimum(above[k], row[k - 1]) + 1, above[k - 1] + (x != y));
            bool swapped = i > 1 && k > 1 && x == tolower((unsigned char)b[k - 2]) && y == tolower((unsigned char)a[i - 2]);
            if (swapped) row[k] = minimum(row[k], before[k - 2] + 1);
        }
        int *free_row = before;
        before = above;
        above = row;
        row = free_row;
    }
    return above[b_length];
}

const char *nearest_name(const char *name, const char *const *candidates, size_t count) {
    int length = (int)strlen(name);
    if (length == 0 || length > NAME_MAX_LENGTH) return NULL;
    int best_distance = length < 3 ? 1 : length < 6 ? 2 : length / 3 + 1; /* of two letters one is not enough to guess by */
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        int other = (int)strlen(candidates[i]);
        if (other == 0 || other > NAME_MAX_LENGTH) continue;
        int distance = edit_distance(name, length, candidates[i], other);
        if (distance >= best_distance) continue;
        best_distance = distance;
        best = candidates[i];
    }
    return best;
}
