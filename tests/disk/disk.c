/* Fills the disk of a process: from some write below a folder on, each one finds no room, the first after half of it. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char folder[PATH_MAX];
static char first[PATH_MAX];
static atomic_long room = -1;
static atomic_long written = 0;

/* Let `writes` more succeed below `below`; a negative number lets all of them. */
void disk_room(const char *below, long writes) {
  snprintf(folder, sizeof folder, "%s", below);
  first[0] = 0;
  atomic_store(&written, 0);
  atomic_store(&room, writes);
}

long disk_written(void) { return atomic_load(&written); }

const char *disk_first(void) { return first; }

#define REAL(name) \
  static __typeof__(&name) real; \
  if (!real) real = (__typeof__(&name))dlsym(RTLD_NEXT, #name)

/* Whether a write finds no room: 2 for the first one that does not. */
static int full(const char *path) {
  size_t length = strlen(folder);
  if (!length || strncmp(path, folder, length)) return 0;
  long number = atomic_fetch_add(&written, 1), most = atomic_load(&room);
  if (most < 0 || number < most) return 0;
  if (number == most) snprintf(first, sizeof first, "%s", path);
  errno = ENOSPC;
  return number == most ? 2 : 1;
}

static int full_file(int file) {
  char link[64], path[PATH_MAX];
  int kept = errno;
  if (!folder[0]) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = kept;
  if (length < 0) return 0;
  path[length] = 0;
  return full(path);
}

static int full_name(int at, const char *path) {
  char whole[PATH_MAX];
  if (path[0] == '/') return full(path);
  if (at != AT_FDCWD || !getcwd(whole, sizeof whole)) return 0;
  size_t length = strlen(whole);
  snprintf(whole + length, sizeof whole - length, "/%s", path);
  return full(whole);
}

static int there(int at, const char *path) {
  struct stat found;
  int kept = errno, failed = fstatat(at, path, &found, AT_SYMLINK_NOFOLLOW);
  errno = kept;
  return !failed;
}

ssize_t write(int file, const void *bytes, size_t size) {
  REAL(write);
  int state = full_file(file);
  if (state == 1 || (state == 2 && size < 2)) return -1;
  return real(file, bytes, state ? size / 2 : size);
}

ssize_t pwrite(int file, const void *bytes, size_t size, off_t place) {
  REAL(pwrite);
  int state = full_file(file);
  if (state == 1 || (state == 2 && size < 2)) return -1;
  return real(file, bytes, state ? size / 2 : size, place);
}

ssize_t pwrite64(int file, const void *bytes, size_t size, off64_t place) { return pwrite(file, bytes, size, place); }

ssize_t writev(int file, const struct iovec *parts, int count) {
  REAL(writev);
  return full_file(file) ? -1 : real(file, parts, count);
}

ssize_t sendfile(int to, int from, off_t *place, size_t size) {
  static ssize_t (*real)(int, int, off_t *, size_t);
  if (!real) real = (ssize_t (*)(int, int, off_t *, size_t))dlsym(RTLD_NEXT, "sendfile");
  return full_file(to) ? -1 : real(to, from, place, size);
}

ssize_t sendfile64(int to, int from, off_t *place, size_t size) { return sendfile(to, from, place, size); }

int fallocate(int file, int mode, off_t place, off_t size) {
  REAL(fallocate);
  return full_file(file) ? -1 : real(file, mode, place, size);
}

int fallocate64(int file, int mode, off64_t place, off64_t size) { return fallocate(file, mode, place, size); }

int posix_fallocate(int file, off_t place, off_t size) {
  REAL(posix_fallocate);
  return full_file(file) ? ENOSPC : real(file, place, size);
}

int posix_fallocate64(int file, off64_t place, off64_t size) { return posix_fallocate(file, place, size); }

int mkdir(const char *path, mode_t mode) {
  REAL(mkdir);
  return !there(AT_FDCWD, path) && full_name(AT_FDCWD, path) ? -1 : real(path, mode);
}

int symlink(const char *to, const char *path) {
  REAL(symlink);
  return full_name(AT_FDCWD, path) ? -1 : real(to, path);
}

int link(const char *from, const char *path) {
  REAL(link);
  return full_name(AT_FDCWD, path) ? -1 : real(from, path);
}

static int made(int at, const char *path, int flags) {
  return (flags & O_CREAT) && !there(at, path) && full_name(at, path);
}

int openat(int at, const char *path, int flags, ...) {
  REAL(openat);
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return made(at, path, flags) ? -1 : real(at, path, flags, mode);
}

int open(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return openat(AT_FDCWD, path, flags, mode);
}

int open64(const char *path, int flags, ...) {
  va_list rest;
  va_start(rest, flags);
  mode_t mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(rest, mode_t) : 0;
  va_end(rest);
  return openat(AT_FDCWD, path, flags | O_LARGEFILE, mode);
}
