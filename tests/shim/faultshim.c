/* The counters, and what happens to a call that counts. */
#define _GNU_SOURCE
#include "faultshim.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct counts own_counts, *counts = &own_counts;

void share_counts(void)
{
    char name[PATH_MAX];
    const char *file = settings.count_file;
    int flags = O_RDWR | O_CLOEXEC;
    uint64_t owner = 0, self = syscall(SYS_getpid);
    int fd = syscall(SYS_openat, AT_FDCWD, file, flags | O_CREAT | O_EXCL, 0644);
    if (fd < 0) {
        fd = syscall(SYS_openat, AT_FDCWD, file, flags);
        if (fd < 0 || pread(fd, &owner, sizeof owner, 0) < 0) reject("FAULT_COUNT_FILE");
        if (owner != self) {
            close(fd);
            snprintf(name, sizeof name, "%s.%d", file, (int)self);
            fd = syscall(SYS_openat, AT_FDCWD, name, flags | O_CREAT, 0644);
        }
    }
    if (fd < 0 || syscall(SYS_ftruncate, fd, sizeof *counts)) reject("FAULT_COUNT_FILE");
    void *page = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (page == MAP_FAILED) reject("FAULT_COUNT_FILE");
    own_counts = *counts;
    own_counts.pid = self;
    *(struct counts *)page = own_counts;
    counts = page;
}

static void doze(double seconds)
{
    struct timespec left = {(time_t)seconds, (long)((seconds - (time_t)seconds) * 1e9)};
    while (syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, &left, &left) && errno == EINTR) {}
}

static _Noreturn void die(void)
{
    for (;;) syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
}

void read_control(char text[CONTROL_SIZE])
{
    int before = errno, fd = -1;
    ssize_t size = 0;
    if (settings.control)
        fd = syscall(SYS_openat, AT_FDCWD, settings.control, O_RDONLY | O_CLOEXEC);
    if (fd >= 0) {
        size = syscall(SYS_read, fd, text, CONTROL_SIZE - 1);
        syscall(SYS_close, fd);
    }
    text[size > 0 ? size : 0] = '\0';
    errno = before;
}

static void obey(const struct rule *rule, const struct op *op, size_t *size, int *error)
{
    if (!(rule->kinds & BIT(op->kind)) || op->nth < rule->first || op->nth > rule->last) return;
    if (rule->action == DELAY) doze(rule->value);
    else if (rule->action == REFUSE) *error = (int)rule->value;
    else if (*size > rule->value) *size = (size_t)rule->value;
}

bool refused(struct op *op, size_t *size)
{
    if (!op->counted) return false;
    int before = errno, error;
    op->nth = 1 + atomic_fetch_add(&counts->of[op->kind], 1);
    op->total = 1 + atomic_fetch_add(&counts->total, 1);
    if (op->total == settings.kill_before) die();
    do {
        char text[CONTROL_SIZE], *rest;
        error = 0;
        for (int i = 0; i < settings.rule_count; i++) obey(&settings.rules[i], op, size, &error);
        read_control(text);
        for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest)) {
            if (!strncmp(word, "clock:", 6)) continue;
            struct rule rule = parse_rule(word, REFUSE);
            obey(&rule, op, size, &error);
        }
        if (error == HANG) doze(0.005);
    } while (error == HANG);
    errno = error ? error : before;
    return error != 0;
}

long leave(const struct op *op, long result)
{
    if (op->counted && op->total == settings.kill_after) die();
    return result;
}
