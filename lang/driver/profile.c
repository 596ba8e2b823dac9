#include "lang/driver/profile.h"

#include "runtime/base/memory.h"
#include "runtime/base/width.h"
#include "runtime/exec/profile.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_COLUMNS = 60 };
static const double SHOWN_SHARE = 0.001; /* lines below it share one row */
static const double SHOWN_KIND = 0.01;

/* Lines ----------------------------------------------------------------------------------------------------------------- */

/* All that was computed for one line. */
typedef struct LineCost {
    uint32_t file;
    int line;
    int64_t runs;
    double seconds, flops, bytes;
    double least_seconds; /* that the same work could take here */
} LineCost;

typedef LIST(LineCost) LineCosts;

/* The line that a text is known by: where its last word stands or, when it ends in a bracket, where that bracket opens. So a stage of a
 * pipe is on its own line, and a block on the line that begins it. */
static uint32_t telling_offset(const Source *source, const StepOrigin *origin) {
    int depth = 0;
    uint32_t end = origin->end < source->length ? origin->end : (uint32_t)source->length;
    for (uint32_t at = end; at > origin->start; at--) {
        char c = source->text[at - 1];
        if (strchr(")]}", c)) depth++;
        else if (strchr("([{", c)) depth--;
        bool is_blank = c == ' ' || c == '\n' || c == '\t';
        if (depth == 0 && !is_blank) return at - 1;
    }
    return origin->start;
}

static LineCost *line_cost(LineCosts *lines, uint32_t file, int line) {
    for (size_t k = 0; k < lines->count; k++)
        if (lines->items[k].file == file && lines->items[k].line == line) return &lines->items[k];
    list_push(lines, ((LineCost){.file = file, .line = line}));
    return &lines->items[lines->count - 1];
}

static void add_entry(LineCost *cost, const ProfileEntry *entry, const Peaks *peaks) {
    double runs = (double)entry->runs;
    cost->runs += entry->runs;
    cost->seconds += entry->seconds;
    cost->flops += runs * entry->origin.flops;
    cost->bytes += runs * entry->bytes;
    cost->least_seconds += runs * peaks_seconds(peaks, entry);
}

static void add_cost(LineCost *sum, const LineCost *cost) {
    sum->runs += cost->runs;
    sum->seconds += cost->seconds;
    sum->flops += cost->flops;
    sum->bytes += cost->bytes;
    sum->least_seconds += cost->least_seconds;
}

static LineCosts by_line(const Session *session, const Profile *profile, const Peaks *peaks) {
    LineCosts lines = {0};
    for (size_t k = 0; k < profile->count; k++) {
        const ProfileEntry *entry = &profile->items[k];
        const Source *source = &session->sources.items[entry->origin.file];
        int line = 0, column;
        if (entry->origin.file) source_position(source, telling_offset(source, &entry->origin), &line, &column);
        add_entry(line_cost(&lines, entry->origin.file, line), entry, peaks);
    }
    return lines;
}

static int slower_first(const void *a, const void *b) {
    const LineCost *first = a, *second = b;
    if (first->seconds != second->seconds) return first->seconds < second->seconds ? 1 : -1;
    return first->line - second->line;
}

/* Kinds of steps -------------------------------------------------------------------------------------------------------- */

typedef struct KindCost {
    const char *step;
    double seconds;
} KindCost;

typedef LIST(KindCost) KindCosts;

static void add_kind(KindCosts *kinds, const ProfileEntry *entry) {
    for (size_t k = 0; k < kinds->count; k++)
        if (!strcmp(kinds->items[k].step, entry->step)) {
            kinds->items[k].seconds += entry->seconds;
            return;
        }
    list_push(kinds, ((KindCost){entry->step, entry->seconds}));
}

static int kind_slower_first(const void *a, const void *b) {
    const KindCost *first = a, *second = b;
    return first->seconds < second->seconds ? 1 : first->seconds > second->seconds ? -1 : strcmp(first->step, second->step);
}

/* "by step: matmul 61 %, fused 20 %": a line of a script may hold a whole network. */
static void add_kinds(Text *out, const Profile *profile) {
    KindCosts kinds = {0};
    double all = 0;
    for (size_t k = 0; k < profile->count; k++) add_kind(&kinds, &profile->items[k]), all += profile->items[k].seconds;
    qsort(kinds.items, kinds.count, sizeof *kinds.items, kind_slower_first);
    text_add(out, "by kind of step:");
    for (size_t k = 0; k < kinds.count && (k == 0 || kinds.items[k].seconds > SHOWN_KIND * all); k++)
        text_addf(out, "%s %s %.0f %%", k ? "," : "", kinds.items[k].step, all > 0 ? 100 * kinds.items[k].seconds / all : 0);
    text_add(out, "\n");
    list_free(&kinds);
}

/* Text ------------------------------------------------------------------------------------------------------------------ */

/* Three digits with a prefix: "1.23 M", "456 k". */
static void add_amount(Text *out, double amount) {
    static const char *const prefixes[] = {"", "k", "M", "G", "T", "P"};
    int prefix = 0;
    for (; amount >= 999.5 && prefix < 5; prefix++) amount /= 1000;
    Text text = {0};
    text_addf(&text, "%.*f %s", prefix == 0 || amount >= 99.95 ? 0 : amount >= 9.995 ? 1 : 2, amount, prefixes[prefix]);
    text_add_right(out, text_string(&text), 8);
    text_free(&text);
}

static void add_seconds(Text *out, double seconds) {
    Text text = {0};
    if (seconds >= 1) text_addf(&text, "%.2f s ", seconds);
    else if (seconds >= 1e-3) text_addf(&text, "%.2f ms", seconds * 1e3);
    else text_addf(&text, "%.1f us", seconds * 1e6);
    text_add_right(out, text_string(&text), 10);
    text_free(&text);
}

static void add_share(Text *out, double part, double whole) { text_addf(out, "%6.1f %%", whole > 0 ? 100 * part / whole : 0); }

static void add_row(Text *out, const LineCost *cost, double wall) {
    add_seconds(out, cost->seconds);
    add_share(out, cost->seconds, wall);
    text_addf(out, "%10lld", (long long)cost->runs);
    add_amount(out, cost->flops);
    add_amount(out, cost->bytes);
    add_share(out, cost->least_seconds, cost->seconds);
    text_add(out, "  ");
}

/* The line's text without its indentation, cut where it is long. */
static void add_line_text(Text *out, const Source *source, int line) {
    const char *at = source->text;
    for (int k = 1; k < line && at; k++) at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    if (!at) return;
    at += strspn(at, " \t");
    char *text = copy_bytes(at, strcspn(at, "\n"));
    Text cut = {0};
    text_add_left(&cut, text, text_columns(text) < TEXT_COLUMNS ? text_columns(text) : TEXT_COLUMNS);
    text_addf(out, "  %s", text_string(&cut));
    text_free(&cut);
    free(text);
}

static void add_line(Text *out, const Session *session, const LineCost *cost, double wall) {
    const Source *source = &session->sources.items[cost->file];
    add_row(out, cost, wall);
    if (cost->file) text_addf(out, "%s:%d", source->path, cost->line);
    else text_add(out, "no line");
    if (cost->file) add_line_text(out, source, cost->line);
    text_add(out, "\n");
}

static void add_rest(Text *out, const char *what, double seconds, double wall) {
    add_seconds(out, seconds);
    add_share(out, seconds, wall);
    text_add_repeat(out, " ", 34);
    text_addf(out, "  %s\n", what);
}

static void add_peaks(Text *out, const Peaks *peaks, int threads) {
    text_addf(out, "peaks measured here with %d thread%s: %.0f GFLOP/s in f32, %.0f in f64; %.0f GB/s in the cache, %.0f in memory\n",
              threads, threads == 1 ? "" : "s", peaks->flops[DTYPE_F32] * 1e-9, peaks->flops[DTYPE_F64] * 1e-9,
              peaks->memory[0].speed * 1e-9, peaks->memory[PEAK_SIZES - 1].speed * 1e-9);
}

static void add_table(Text *out, const Session *session, const LineCosts *lines, double wall) {
    LineCost all = {0}, small = {0};
    int small_count = 0;
    text_addf(out, "%10s%8s%10s%8s%8s%8s    line\n", "time", "share", "calls", "flop", "bytes", "of peak");
    for (size_t k = 0; k < lines->count; k++) {
        const LineCost *cost = &lines->items[k];
        add_cost(&all, cost);
        bool is_small = cost->seconds < SHOWN_SHARE * wall;
        if (is_small) add_cost(&small, cost), small_count++;
        else add_line(out, session, cost, wall);
    }
    if (small_count) {
        add_row(out, &small, wall);
        text_addf(out, "%d line%s below %.1f %%\n", small_count, small_count == 1 ? "" : "s", 100 * SHOWN_SHARE);
    }
    add_row(out, &all, wall);
    text_add(out, "total\n");
    add_rest(out, "compiling", session->profile->compile, wall);
    if (session->profile->files > 0) add_rest(out, "writing files: checkpoints, save", session->profile->files, wall);
    double rest = wall - all.seconds - session->profile->compile - session->profile->files;
    add_rest(out, "outside plans: start, data, elaboration, memory, output", rest, wall);
}

void profile_report(Session *session) {
    double wall = profile_now() - session->profile->started;
    if (session->profile->count == 0) {
        session_write(session, "\nprofile: no plan ran (%.3f s in all)\n", wall);
        return;
    }
    Peaks peaks;
    Fault fault = {0};
    if (!peaks_measure(&peaks, session->threads, &fault)) {
        session_note(session, "reg: %s\n", fault.message);
        return;
    }
    LineCosts lines = by_line(session, session->profile, &peaks);
    qsort(lines.items, lines.count, sizeof *lines.items, slower_first);
    Text out = {0};
    text_addf(&out, "\nprofile: %.3f s in all\n", wall);
    add_peaks(&out, &peaks, threads_count(session->threads));
    add_table(&out, session, &lines, wall);
    add_kinds(&out, session->profile);
    session_write_text(session, &out);
    text_free(&out);
    list_free(&lines);
}
