/* The intercepted calls on files and sockets: each goes straight to the kernel, or fails. */
#define _GNU_SOURCE
#include "faultshim.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* The first `limit` bytes of a vector; returns how many parts of `to` that takes. */
static int clip(const struct iovec *from, int count, struct iovec to[IOV_MAX], size_t limit)
{
    int n = 0;
    for (; n < count && n < IOV_MAX && limit; n++) {
        to[n] = from[n];
        if (to[n].iov_len > limit) to[n].iov_len = limit;
        limit -= to[n].iov_len;
    }
    return n;
}

/* `call` unless it is to fail; `size` as in refused(). */
#define GUARD(op, size, call) return leave(&(op), refused(&(op), &(size)) ? -1 : (call))
#define GUARD_WHOLE(op, call) size_t whole_ = SIZE_MAX; GUARD(op, whole_, call)
#define ALIAS(name, of) extern __typeof__(of) name __attribute__((alias(#of)))

ssize_t write(int fd, const void *data, size_t size)
{
    struct op op = on_fd(WRITE, fd);
    GUARD(op, size, syscall(SYS_write, fd, data, size));
}

ssize_t pwrite(int fd, const void *data, size_t size, off_t offset)
{
    struct op op = on_fd(WRITE, fd);
    GUARD(op, size, syscall(SYS_pwrite64, fd, data, size, offset));
}
ALIAS(pwrite64, pwrite);

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    struct op op = on_fd(WRITE, fd);
    struct iovec clipped[IOV_MAX];
    size_t size = SIZE_MAX;
    if (!op.counted || count > IOV_MAX) return syscall(SYS_writev, fd, parts, count);
    GUARD(op, size, syscall(SYS_writev, fd, clipped, clip(parts, count, clipped, size)));
}

ssize_t sendfile(int to, int from, off_t *offset, size_t size)
{
    struct op op = on_fd(WRITE, to);
    GUARD(op, size, syscall(SYS_sendfile, to, from, offset, size));
}
ALIAS(sendfile64, sendfile);

ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to,
               socklen_t length)
{
    struct op op = on_fd(SEND, fd);
    GUARD(op, size, syscall(SYS_sendto, fd, data, size, flags, to, length));
}

ssize_t send(int fd, const void *data, size_t size, int flags)
{
    return sendto(fd, data, size, flags, NULL, 0);
}

ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct op op = on_fd(SEND, fd);
    struct iovec clipped[IOV_MAX];
    struct msghdr copy = *message;
    size_t size = SIZE_MAX;
    if (!op.counted || copy.msg_iovlen > IOV_MAX) return syscall(SYS_sendmsg, fd, message, flags);
    copy.msg_iov = clipped;
    GUARD(op, size, (copy.msg_iovlen = clip(message->msg_iov, message->msg_iovlen, clipped, size),
                     syscall(SYS_sendmsg, fd, &copy, flags)));
}

int fsync(int fd)
{
    struct op op = on_fd(FSYNC, fd);
    GUARD_WHOLE(op, syscall(SYS_fsync, fd));
}

int fdatasync(int fd)
{
    struct op op = on_fd(FSYNC, fd);
    GUARD_WHOLE(op, syscall(SYS_fdatasync, fd));
}

int ftruncate(int fd, off_t size)
{
    struct op op = on_fd(TRUNCATE, fd);
    GUARD_WHOLE(op, syscall(SYS_ftruncate, fd, size));
}
ALIAS(ftruncate64, ftruncate);

int openat(int directory, const char *name, int flags, ...)
{
    va_list rest;
    mode_t mode = 0;
    struct op op = {.kind = OPEN};
    if (flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE) {
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
        op = on_name(OPEN, directory, name);
    }
    GUARD_WHOLE(op, syscall(SYS_openat, directory, name, flags, mode));
}
ALIAS(openat64, openat);

int open(const char *name, int flags, ...)
{
    va_list rest;
    va_start(rest, flags);
    mode_t mode = flags & O_CREAT || (flags & O_TMPFILE) == O_TMPFILE ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    return openat(AT_FDCWD, name, flags, mode);
}
ALIAS(open64, open);

int renameat2(int from_dir, const char *from, int to_dir, const char *to, unsigned flags)
{
    struct op op = on_names(RENAME, from_dir, from, to_dir, to);
    GUARD_WHOLE(op, syscall(SYS_renameat2, from_dir, from, to_dir, to, flags));
}

int linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
    struct op op = on_names(LINK, from_dir, from, to_dir, to);
    GUARD_WHOLE(op, syscall(SYS_linkat, from_dir, from, to_dir, to, flags));
}

int unlinkat(int directory, const char *name, int flags)
{
    struct op op = on_name(UNLINK, directory, name);
    GUARD_WHOLE(op, syscall(SYS_unlinkat, directory, name, flags));
}

int mkdirat(int directory, const char *name, mode_t mode)
{
    struct op op = on_name(MKDIR, directory, name);
    GUARD_WHOLE(op, syscall(SYS_mkdirat, directory, name, mode));
}

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    return renameat2(from_dir, from, to_dir, to, 0);
}
int rename(const char *from, const char *to) { return renameat2(AT_FDCWD, from, AT_FDCWD, to, 0); }
int link(const char *from, const char *to) { return linkat(AT_FDCWD, from, AT_FDCWD, to, 0); }
int unlink(const char *name) { return unlinkat(AT_FDCWD, name, 0); }
int rmdir(const char *name) { return unlinkat(AT_FDCWD, name, AT_REMOVEDIR); }
int mkdir(const char *name, mode_t mode) { return mkdirat(AT_FDCWD, name, mode); }

int fcntl(int fd, int command, ...)
{
    va_list rest;
    va_start(rest, command);
    void *argument = va_arg(rest, void *);
    va_end(rest);
    switch (command) {
    case F_GETLK:
    case F_SETLK:
    case F_SETLKW:
    case F_OFD_GETLK:
    case F_OFD_SETLK:
    case F_OFD_SETLKW:
        if (is_lockless(fd)) return -1;
    }
    return syscall(SYS_fcntl, fd, command, argument);
}
ALIAS(fcntl64, fcntl);

int flock(int fd, int operation)
{
    return is_lockless(fd) ? -1 : syscall(SYS_flock, fd, operation);
}
