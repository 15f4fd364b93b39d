/* A disk that is full, for one program and below some folders: loaded into it (ld.so(8), LD_PRELOAD), this
 * makes every call that would take space fail with ENOSPC, from the FULL_FROM-th such call on, or FULL_FOR
 * of them. FULL_UNDER names the folders, with colons between; FULL_COUNT the file that is told how many calls
 * there were. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static atomic_long changes;
static long first, last;
static const char *under;

static void report(void) {
    const char *path = getenv("FULL_COUNT");
    char text[32];
    if (!path) return;
    int length = snprintf(text, sizeof text, "%ld\n", (long)changes);
    int file = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (file >= 0) {
        if (syscall(SYS_write, file, text, length) < 0) abort();
        syscall(SYS_close, file);
    }
}

__attribute__((constructor)) static void begin(void) {
    char program[PATH_MAX] = "";
    const char *from = getenv("FULL_FROM"), *count = getenv("FULL_FOR");
    under = getenv("FULL_UNDER");
    /* What it starts is not meant. */
    unsetenv("LD_PRELOAD");
    if (readlink("/proc/self/exe", program, sizeof program - 1) < 0 || !strstr(program, "polyarch"))
        under = NULL;
    first = from ? atol(from) : LONG_MAX;
    last = count ? first + atol(count) : LONG_MAX;
    if (under) atexit(report);
}

static int is_under(const char *path) {
    char whole[2 * PATH_MAX];
    if (path[0] != '/') {
        if (!getcwd(whole, PATH_MAX)) return 0;
        strcat(whole, "/");
        strncat(whole, path, PATH_MAX - 1);
        path = whole;
    }
    for (const char *part = under; part && *part;) {
        size_t length = strcspn(part, ":");
        if (strncmp(path, part, length) == 0 && (path[length] == '/' || path[length] == 0)) return 1;
        part += length + (part[length] == ':');
    }
    return 0;
}

static int full(void) {
    long number = ++changes;
    if (number < first || number >= last) return 0;
    errno = ENOSPC;
    return 1;
}

static int full_path(int folder, const char *path) {
    char base[PATH_MAX], link[64];
    if (!under || !path) return 0;
    if (path[0] != '/' && folder != AT_FDCWD) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
        ssize_t length = readlink(link, base, sizeof base - 1);
        if (length < 0) return 0;
        base[length] = 0;
        return is_under(base) && full();
    }
    return is_under(path) && full();
}

static int full_file(int file) {
    struct stat facts;
    if (!under || fstat(file, &facts) || !S_ISREG(facts.st_mode)) return 0;
    char base[PATH_MAX], link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, base, sizeof base - 1);
    if (length < 0) return 0;
    base[length] = 0;
    return is_under(base) && full();
}

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int created(int folder, const char *path, int flags) {
    struct stat facts;
    return (flags & O_CREAT) && fstatat(folder, path, &facts, AT_SYMLINK_NOFOLLOW) != 0
        && full_path(folder, path);
}

#define MODE(flags) mode_t mode = 0; if ((flags) & (O_CREAT | __O_TMPFILE)) { \
    va_list list; va_start(list, flags); mode = va_arg(list, mode_t); va_end(list); }

int open(const char *path, int flags, ...) {
    MODE(flags)
    return created(AT_FDCWD, path, flags) ? -1 : REAL(open)(path, flags, mode);
}
int open64(const char *path, int flags, ...) {
    MODE(flags)
    return created(AT_FDCWD, path, flags) ? -1 : REAL(open64)(path, flags, mode);
}
int openat(int folder, const char *path, int flags, ...) {
    MODE(flags)
    return created(folder, path, flags) ? -1 : REAL(openat)(folder, path, flags, mode);
}
int openat64(int folder, const char *path, int flags, ...) {
    MODE(flags)
    return created(folder, path, flags) ? -1 : REAL(openat64)(folder, path, flags, mode);
}

#define OF_FILE(type, name, parameters, arguments) \
    type name parameters { return full_file(file) ? -1 : REAL(name) arguments; }
OF_FILE(ssize_t, write, (int file, const void *bytes, size_t length), (file, bytes, length))
OF_FILE(ssize_t, writev, (int file, const struct iovec *parts, int count), (file, parts, count))
OF_FILE(ssize_t, pwrite, (int file, const void *bytes, size_t length, off_t at), (file, bytes, length, at))
OF_FILE(ssize_t, pwrite64, (int file, const void *bytes, size_t length, off64_t at), (file, bytes, length, at))
OF_FILE(int, ftruncate64, (int file, off64_t length), (file, length))
OF_FILE(int, fallocate64, (int file, int mode, off64_t at, off64_t length), (file, mode, at, length))
OF_FILE(int, fsync, (int file), (file))
OF_FILE(int, fdatasync, (int file), (file))
ssize_t copy_file_range(int from, off64_t *at, int file, off64_t *to, size_t length, unsigned flags) {
    return full_file(file) ? -1 : REAL(copy_file_range)(from, at, file, to, length, flags);
}
ssize_t sendfile64(int file, int from, off64_t *at, size_t length) {
    extern ssize_t sendfile64(int, int, off64_t *, size_t);
    return full_file(file) ? -1 : REAL(sendfile64)(file, from, at, length);
}

int mkdir(const char *path, mode_t mode) {
    struct stat facts;
    return lstat(path, &facts) && full_path(AT_FDCWD, path) ? -1 : REAL(mkdir)(path, mode);
}
int rename(const char *from, const char *path) {
    return full_path(AT_FDCWD, path) ? -1 : REAL(rename)(from, path);
}
int link(const char *from, const char *path) {
    return full_path(AT_FDCWD, path) ? -1 : REAL(link)(from, path);
}
int linkat(int at, const char *from, int folder, const char *path, int flags) {
    return full_path(folder, path) ? -1 : REAL(linkat)(at, from, folder, path, flags);
}
int symlink(const char *from, const char *path) {
    return full_path(AT_FDCWD, path) ? -1 : REAL(symlink)(from, path);
}
