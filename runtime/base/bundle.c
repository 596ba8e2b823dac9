#include "runtime/base/bundle.h"

#include "runtime/base/file.h"
#include "runtime/base/memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <unistd.h>

static const char SELF[] = "/proc/self/exe";

typedef struct Trailer {
    char magic[16];
    uint64_t start; /* of the files: the length of the bare executable */
    uint64_t count;
} Trailer;

static const char MAGIC[16] = "reg program 1\r\n";

/* Written over in a copy that carries files, so that such a copy never takes itself for `reg` when they are lost. Volatile: the
 * compiler must not believe what it says. */
static const volatile char KIND[] = "reg executable that carries: nothing";
enum { KIND_WORD = sizeof "reg executable that carries: " - 1 };

static void mark(Text *executable) {
    char words[KIND_WORD];
    for (int k = 0; k < KIND_WORD; k++) words[k] = KIND[k];
    char *place = memmem(executable->bytes, executable->length, words, sizeof words);
    if (place) memcpy(place + KIND_WORD, "files  ", 7);
}

bool bundle_is_due(void) { return KIND[KIND_WORD] != 'n'; }

void bundle_append(Text *out, const BundleFile *files, int count) {
    Trailer trailer = {.start = out->length, .count = (uint64_t)count};
    mark(out);
    memcpy(trailer.magic, MAGIC, sizeof MAGIC);
    for (int k = 0; k < count; k++) {
        uint64_t lengths[2] = {strlen(files[k].name) + 1, files[k].length};
        text_add_bytes(out, (const char *)lengths, sizeof lengths);
        text_add_bytes(out, files[k].name, lengths[0]);
        text_add_bytes(out, files[k].bytes, lengths[1]);
    }
    text_add_bytes(out, (const char *)&trailer, sizeof trailer);
}

static bool read_at(int descriptor, void *bytes, size_t length, size_t offset) {
    for (size_t done = 0; done < length;) {
        ssize_t got = pread(descriptor, (char *)bytes + done, length - done, (off_t)(offset + done));
        if (got <= 0) return false;
        done += (size_t)got;
    }
    return true;
}

/* The trailer and the size of the file it ends; false when there is none. */
static bool read_trailer(int descriptor, Trailer *trailer, size_t *size) {
    struct stat status;
    if (fstat(descriptor, &status) != 0 || (size_t)status.st_size < sizeof *trailer) return false;
    *size = (size_t)status.st_size - sizeof *trailer;
    return read_at(descriptor, trailer, sizeof *trailer, *size) && memcmp(trailer->magic, MAGIC, sizeof MAGIC) == 0 &&
           trailer->start <= *size;
}

static bool read_files(Bundle *bundle, uint64_t count, size_t length) {
    const char *at = bundle->memory, *end = bundle->memory + length;
    bundle->files = allocate((size_t)count * sizeof *bundle->files);
    for (; bundle->count < (int)count; bundle->count++) {
        uint64_t lengths[2];
        if ((size_t)(end - at) < sizeof lengths) return false;
        memcpy(lengths, at, sizeof lengths);
        at += sizeof lengths;
        if (lengths[0] == 0 || lengths[0] > (size_t)(end - at) || lengths[1] > (size_t)(end - at) - lengths[0]) return false;
        bundle->files[bundle->count] = (BundleFile){at, at + lengths[0], lengths[1]};
        at += lengths[0] + lengths[1];
    }
    return true;
}

bool bundle_open(Bundle *bundle) {
    *bundle = (Bundle){0};
    if (!bundle_is_due()) return false;
    int descriptor = open(SELF, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) descriptor = open((const char *)getauxval(AT_EXECFN), O_RDONLY | O_CLOEXEC); /* without /proc: as it was called */
    Trailer trailer;
    size_t size;
    bool ok = descriptor >= 0 && read_trailer(descriptor, &trailer, &size);
    if (ok) {
        size_t length = size - trailer.start;
        bundle->memory = allocate(length + 1);
        ok = trailer.count <= length / 16 && read_at(descriptor, bundle->memory, length, trailer.start) &&
             read_files(bundle, trailer.count, length);
        if (!ok) bundle_close(bundle);
    }
    if (descriptor >= 0) close(descriptor);
    return ok;
}

const BundleFile *bundle_find(const Bundle *bundle, const char *name) {
    for (int k = 0; bundle != NULL && k < bundle->count; k++)
        if (strcmp(bundle->files[k].name, name) == 0) return &bundle->files[k];
    return NULL;
}

void bundle_close(Bundle *bundle) {
    free(bundle->files);
    free(bundle->memory);
    *bundle = (Bundle){0};
}

char *bundle_executable(size_t *length, Fault *fault) { return file_read(SELF, length, fault); }
