#include "runtime/exec/kernel_cache.h"

#include "runtime/base/file.h"
#include "runtime/base/memory.h"
#include "runtime/base/text.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILES_MAX = 500 }; /* some ten MiB; beyond it the oldest half goes */

static bool folder_path(Text *out) {
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache != NULL && cache[0] == '/') text_addf(out, "%s/reg", cache);
    else if (home != NULL && home[0] == '/') text_addf(out, "%s/.cache/reg", home);
    return out->length > 0;
}

static bool file_path(Hash key, Text *out) {
    char name[HASH_TEXT];
    if (!folder_path(out)) return false;
    text_addf(out, "/%s.so", hash_text(key, name));
    return true;
}

/* A file ends in the hash of what stands before it. */
static bool is_whole(const char *bytes, size_t length) {
    Hash found, expected = hash_add(hash_start(), bytes, length);
    memcpy(&found, bytes + length, sizeof found);
    return found.low == expected.low && found.high == expected.high;
}

static bool is_own(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && status.st_uid == geteuid() && !(status.st_mode & (S_IWGRP | S_IWOTH));
}

char *kernel_cache_read(Hash key, size_t *length) {
    Text path = {0};
    char *bytes = file_path(key, &path) && is_own(text_string(&path)) ? file_read(text_string(&path), length, NULL) : NULL;
    text_free(&path);
    if (bytes != NULL && *length > sizeof(Hash) && is_whole(bytes, *length - sizeof(Hash))) {
        *length -= sizeof(Hash);
        return bytes;
    }
    free(bytes);
    return NULL;
}

static void make_folders(const char *path) {
    char *partial = copy_string(path);
    for (char *at = strchr(partial + 1, '/'); at != NULL; at = strchr(at + 1, '/')) {
        *at = '\0';
        mkdir(partial, 0755);
        *at = '/';
    }
    mkdir(path, 0700);
    free(partial);
}

typedef struct Entry {
    char *path;
    struct timespec changed;
} Entry;

static int older_first(const void *a, const void *b) {
    const struct timespec *x = &((const Entry *)a)->changed, *y = &((const Entry *)b)->changed;
    if (x->tv_sec != y->tv_sec) return x->tv_sec < y->tv_sec ? -1 : 1;
    return (x->tv_nsec > y->tv_nsec) - (x->tv_nsec < y->tv_nsec);
}

static void add_entry(const char *folder, const char *name, Entry *entries, int *count) {
    Text path = {0};
    struct stat status;
    text_addf(&path, "%s/%s", folder, name);
    size_t length = strlen(name);
    if (length > 3 && strcmp(name + length - 3, ".so") == 0 && stat(text_string(&path), &status) == 0)
        entries[(*count)++] = (Entry){copy_string(text_string(&path)), status.st_mtim};
    text_free(&path);
}

static void drop_oldest(const char *folder) {
    struct dirent **names;
    int found = scandir(folder, &names, NULL, NULL), count = 0;
    if (found < 0) return;
    Entry *entries = allocate((size_t)found * sizeof *entries);
    for (int k = 0; k < found; k++) {
        if (found > FILES_MAX) add_entry(folder, names[k]->d_name, entries, &count);
        free(names[k]);
    }
    free(names);
    qsort(entries, (size_t)count, sizeof *entries, older_first);
    for (int k = 0; k < count; k++) {
        if (k < count / 2) unlink(entries[k].path);
        free(entries[k].path);
    }
    free(entries);
}

void kernel_cache_write(Hash key, const char *bytes, size_t length) {
    Text folder = {0}, path = {0}, content = {0};
    if (folder_path(&folder) && file_path(key, &path)) {
        make_folders(text_string(&folder));
        Hash hash = hash_add(hash_start(), bytes, length);
        text_add_bytes(&content, bytes, length);
        text_add_bytes(&content, (const char *)&hash, sizeof hash);
        file_write(text_string(&path), content.bytes, content.length, NULL);
        drop_oldest(text_string(&folder));
    }
    text_free(&folder);
    text_free(&path);
    text_free(&content);
}
