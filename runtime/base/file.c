#include "runtime/base/file.h"

#include "runtime/base/memory.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* A pipe or a device has no size to check beforehand; an endless one (/dev/zero) must not eat the machine. */
enum { STREAM_MAX = 1 << 30 };

static bool fault_errno(Fault *fault, const char *verb, const char *path, int error) {
    char buffer[128];
    const char *reason = error == ENOENT ? "no such file" : error == EISDIR ? "it is a directory" : NULL;
    if (!reason) {
        char *text = strerror_r(error, buffer, sizeof buffer);
        if (text != buffer) snprintf(buffer, sizeof buffer, "%s", text);
        buffer[0] = (char)tolower((unsigned char)buffer[0]);
        reason = buffer;
    }
    return fault_set(fault, "cannot %s '%s': %s", verb, path, reason);
}

/* Reads up to `capacity` bytes; the count, or -1 with errno set. */
static ssize_t read_fully(int descriptor, char *bytes, size_t capacity) {
    size_t count = 0;
    while (count < capacity) {
        ssize_t got = read(descriptor, bytes + count, capacity - count);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return -1;
        if (got == 0) break;
        count += (size_t)got;
    }
    return (ssize_t)count;
}

static char *read_regular(int descriptor, const char *path, size_t size, size_t *length, Fault *fault) {
    char *bytes = malloc(size + 1);
    if (!bytes) {
        fault_set(fault, "cannot read '%s': its %zu bytes do not fit in memory", path, size);
        return NULL;
    }
    ssize_t count = read_fully(descriptor, bytes, size);
    if (count < 0) {
        fault_errno(fault, "read", path, errno);
        free(bytes);
        return NULL;
    }
    bytes[count] = '\0';
    *length = (size_t)count;
    return bytes;
}

static char *read_stream(int descriptor, const char *path, size_t *length, Fault *fault) {
    char *bytes = NULL;
    size_t count = 0, capacity = 0;
    for (;;) {
        list_reserve((void **)&bytes, 1, count + 65536 + 1, &capacity);
        ssize_t got = read_fully(descriptor, bytes + count, capacity - count - 1);
        if (got < 0) fault_errno(fault, "read", path, errno);
        else if (count + (size_t)got > STREAM_MAX)
            fault_set(fault, "cannot read '%s': more than 1 GiB comes out of it and it is not a regular file", path), got = -1;
        if (got < 0) {
            free(bytes);
            return NULL;
        }
        count += (size_t)got;
        if (count < capacity - 1) break;
    }
    bytes[count] = '\0';
    *length = count;
    return bytes;
}

char *file_read(const char *path, size_t *length, Fault *fault) {
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        fault_errno(fault, "read", path, errno);
        return NULL;
    }
    struct stat status;
    char *bytes = NULL;
    if (fstat(descriptor, &status) != 0) fault_errno(fault, "read", path, errno);
    else if (S_ISDIR(status.st_mode)) fault_errno(fault, "read", path, EISDIR);
    else if (S_ISREG(status.st_mode) && status.st_size > 0) bytes = read_regular(descriptor, path, (size_t)status.st_size, length, fault);
    else /* pipes and devices, but also files of /proc, which say they are empty */ bytes = read_stream(descriptor, path, length, fault);
    close(descriptor);
    return bytes;
}

/* 0, or the errno of what went wrong. */
static int write_fully(int descriptor, const char *bytes, size_t length) {
    while (length > 0) {
        ssize_t written = write(descriptor, bytes, length);
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return errno;
        bytes += written;
        length -= (size_t)written;
    }
    return 0;
}

/* ".NAME.tmp" beside the target, so that rename stays within one file system. One name per target: what a killed process left
 * behind is taken over by the next write. */
static int temporary_name(const char *target, char *name, size_t name_bytes) {
    const char *slash = strrchr(target, '/');
    int folder = slash ? (int)(slash - target) + 1 : 0;
    int length = snprintf(name, name_bytes, "%.*s.%s.tmp", folder, target, target + folder);
    return length < 0 || (size_t)length >= name_bytes ? ENAMETOOLONG : 0;
}

static bool is_still_named(int descriptor, const char *name) {
    struct stat opened, named;
    return fstat(descriptor, &opened) == 0 && lstat(name, &named) == 0 && opened.st_ino == named.st_ino && opened.st_dev == named.st_dev;
}

/* The temporary file, empty and locked against other writers of the same target. A writer that waited for the lock finds the
 * file renamed by the one before it, and makes another. Created with open rather than mkstemp, so that the mode follows the
 * umask. A file system without locks goes without. */
static int open_temporary(const char *name) {
    for (;;) {
        int descriptor = open(name, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0666);
        if (descriptor < 0) return -1;
        while (flock(descriptor, LOCK_EX) != 0 && errno == EINTR)
            ;
        if (is_still_named(descriptor, name)) {
            if (ftruncate(descriptor, 0) == 0) return descriptor;
            int error = errno;
            close(descriptor);
            errno = error;
            return -1;
        }
        close(descriptor);
    }
}

/* Renamed before it is closed: the lock ends with the name. `mode` 0: as the umask says. */
static int replace_file(const char *target, mode_t mode, const void *bytes, size_t length) {
    char temporary[PATH_MAX + 32];
    int error = temporary_name(target, temporary, sizeof temporary);
    if (error) return error;
    int descriptor = open_temporary(temporary);
    if (descriptor < 0) return errno;
    error = write_fully(descriptor, bytes, length);
    if (!error && mode && fchmod(descriptor, mode & 07777) != 0) error = errno;
    if (!error && fsync(descriptor) != 0) error = errno;
    if (!error && rename(temporary, target) != 0) error = errno;
    if (error) unlink(temporary);
    if (close(descriptor) != 0 && !error) error = errno;
    return error;
}

/* A device or a pipe cannot be replaced by renaming. */
static int write_through(const char *path, const void *bytes, size_t length) {
    int descriptor = open(path, O_WRONLY | O_CLOEXEC);
    if (descriptor < 0) return errno;
    int error = write_fully(descriptor, bytes, length);
    if (close(descriptor) != 0 && !error) error = errno;
    return error;
}

static bool write_file(const char *path, mode_t mode, const void *bytes, size_t length, Fault *fault) {
    struct stat old;
    bool exists = stat(path, &old) == 0;
    int error;
    if (exists && S_ISDIR(old.st_mode)) {
        error = EISDIR;
    } else if (exists && !S_ISREG(old.st_mode)) {
        error = write_through(path, bytes, length);
    } else if (exists && access(path, W_OK) != 0) {
        error = errno; /* renaming would get around the protection of a read-only file */
    } else {
        /* A symbolic link stays one: what it points to is replaced. */
        char *resolved = exists ? realpath(path, NULL) : NULL;
        error = replace_file(resolved ? resolved : path, mode ? mode : exists ? old.st_mode : 0, bytes, length);
        free(resolved);
    }
    if (error == ENOENT) return fault_set(fault, "cannot write '%s': its directory does not exist", path);
    return error ? fault_errno(fault, "write", path, error) : true;
}

bool file_write(const char *path, const void *bytes, size_t length, Fault *fault) { return write_file(path, 0, bytes, length, fault); }

bool file_write_executable(const char *path, const void *bytes, size_t length, Fault *fault) {
    return write_file(path, 0755, bytes, length, fault);
}
