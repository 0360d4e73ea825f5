/*
 * faultshim: an LD_PRELOAD library that makes storage, network and clock fail on command.
 *
 * It stands in front of the C library's calls that change files or send over the network. A call
 * counts when it hits a file whose path contains FAULT_PATH, or an internet socket; standard
 * output, standard error, pipes, devices and local sockets never count. The environment says what
 * happens to the calls that count:
 *
 *   FAULT_PATH=text        count only files whose absolute path contains the text (default: all)
 *                          (a name's as given, behind its folder; an open file's as resolved)
 *   FAULT_KINDS=a,b        count only these kinds of calls (default: all)
 *   FAULT_KILL=n           SIGKILL this process just before its n-th counted call
 *   FAULT_KILL_AFTER=n     the same, just after it
 *   FAULT_ERRNO=rules      fail; value: an errno, or HANG   write:17-40:ENOSPC,fsync:3:EIO
 *   FAULT_SHORT=rules      take at most so many bytes       write:5:10
 *   FAULT_DELAY=rules      sleep so many seconds before     write:5-:0.5
 *   FAULT_CONTROL=file     words that hold for as long as the file has them: rules as in
 *                          FAULT_ERRNO, and clock:SECONDS; read anew at each call, so replace the
 *                          file, never write into it
 *   FAULT_COUNT_FILE=file  the counts so far, as struct counts; outlives any death of the process.
 *                          Taken by the first process; every other one writes to file.PID
 *   FAULT_CLOCK=seconds    added to the wall clock; monotonic clocks stay
 *   FAULT_NOLOCK=1         every lock on a file that FAULT_PATH selects fails with ENOLCK
 *
 * A rule is kind:range:value. Ranges count the calls of one kind from 1: 17, 17-40, 17-; left out
 * they hold for all. "disk" means the kinds that a full disk refuses (also when a rule names no
 * kind), "files" all but send. HANG: the call does not return while the rule holds. A setting that
 * makes no sense ends the process with status 97.
 *
 * Counters are atomic. A forked child goes on from its parent's counts with its own; a new program
 * starts at zero. Calls go straight to the kernel: no allocation, no lock, fit for signal handlers.
 */
#ifndef FAULTSHIM_H
#define FAULTSHIM_H

#include <limits.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

_Static_assert(sizeof(long) == 8, "64-bit systems only: off_t and off64_t are one type");

enum kind { WRITE, FSYNC, RENAME, LINK, UNLINK, OPEN, TRUNCATE, MKDIR, SEND, KINDS };

/* What a count file holds: the process, its counted calls, and those of each kind. */
struct counts { uint64_t pid; _Atomic uint64_t total, of[KINDS]; };

/* An intercepted call: whether it counts; then its number among all and among its kind. */
struct op { bool counted; enum kind kind; uint64_t total, nth; };

enum action { REFUSE, SHORTEN, DELAY };
/* What befalls the first to last call of these kinds. Value: an errno or HANG, bytes, seconds. */
struct rule { enum action action; unsigned kinds; uint64_t first, last; double value; };
enum { HANG = -1, MAX_RULES = 32, CONTROL_SIZE = 512 };

#define BIT(kind) (1u << (kind))
#define ALL (BIT(KINDS) - 1)

#pragma GCC visibility push(hidden)

extern struct settings {
    unsigned kinds; /* 0 until the settings are read: nothing counts before that */
    uint64_t kill_before, kill_after;
    const char *path_part, *control, *count_file;
    double clock;
    bool no_locks;
    struct rule rules[MAX_RULES];
    int rule_count;
} settings;

/* Ends the process: this text of the settings or the control file makes no sense. */
_Noreturn void reject(const char *text);
double number(const char *text);
struct rule parse_rule(char *text, enum action action);

/* Moves the counters to a page shared with the count file, where they outlive the process. */
void share_counts(void);
/* The control file's words, now; empty without one. */
void read_control(char text[CONTROL_SIZE]);

/* The call on a descriptor; WRITE and SEND become what the descriptor is. */
struct op on_fd(enum kind kind, int fd);
/* The call on a name relative to a directory's descriptor, or on two of which either counts. */
struct op on_name(enum kind kind, int directory, const char *name);
struct op on_names(enum kind kind, int from_dir, const char *from, int to_dir, const char *to);

/* Counts a call and does to it what was asked. True: it fails with errno set. May lower *size. */
bool refused(struct op *op, size_t *size);
/* Passes on the result of a call that is over. */
long leave(const struct op *op, long result);

/* Whether locks on this file fail; errno says so. */
bool is_lockless(int fd);

#pragma GCC visibility pop
#endif
