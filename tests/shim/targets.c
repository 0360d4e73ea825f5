/* Which calls count: by the file or socket that they hit. */
#define _GNU_SOURCE
#include "faultshim.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The path behind a descriptor, or behind the working directory; empty when there is none. */
static void path_of(int fd, char path[PATH_MAX])
{
    char link[64] = "/proc/self/cwd";
    int before = errno;
    if (fd != AT_FDCWD) snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t size = syscall(SYS_readlinkat, AT_FDCWD, link, path, PATH_MAX - 1);
    path[size > 0 ? size : 0] = '\0';
    errno = before;
}

static bool is_watched(const char *path)
{
    if (path[0] != '/' || !strstr(path, settings.path_part)) return false;
    if (!strncmp(path, "/dev/", 5)) return !strncmp(path, "/dev/shm/", 9);
    return strncmp(path, "/proc/", 6) != 0;
}

__attribute__((noinline)) static bool is_watched_at(int directory, const char *name)
{
    char path[2 * PATH_MAX];
    size_t used = 0;
    if (name[0] != '/') {
        path_of(directory, path);
        used = strlen(path);
        path[used++] = '/';
    }
    snprintf(path + used, sizeof path - used, "%s", name);
    return is_watched(path);
}

__attribute__((noinline)) static struct op on_open_file(enum kind kind, int fd)
{
    char path[PATH_MAX];
    struct op op = {.kind = kind};
    path_of(fd, path);
    if (!strncmp(path, "socket:", 7)) {
        int before = errno, domain = 0;
        socklen_t size = sizeof domain;
        getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &size);
        op.kind = SEND;
        op.counted = domain == AF_INET || domain == AF_INET6;
        errno = before;
    } else {
        op.counted = kind != SEND && is_watched(path);
    }
    op.counted = op.counted && settings.kinds & BIT(op.kind);
    return op;
}

struct op on_fd(enum kind kind, int fd)
{
    bool never = !settings.kinds || fd == STDOUT_FILENO || fd == STDERR_FILENO;
    return never ? (struct op){.kind = kind} : on_open_file(kind, fd);
}

struct op on_name(enum kind kind, int directory, const char *name)
{
    bool counted = settings.kinds & BIT(kind) && is_watched_at(directory, name);
    return (struct op){.kind = kind, .counted = counted};
}

struct op on_names(enum kind kind, int from_dir, const char *from, int to_dir, const char *to)
{
    struct op op = on_name(kind, from_dir, from);
    return op.counted ? op : on_name(kind, to_dir, to);
}

__attribute__((noinline)) bool is_lockless(int fd)
{
    char path[PATH_MAX];
    if (!settings.no_locks) return false;
    path_of(fd, path);
    if (!is_watched(path)) return false;
    errno = ENOLCK;
    return true;
}
