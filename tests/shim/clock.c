/* The wall clock, moved by what the settings say; monotonic clocks stay. */
#define _GNU_SOURCE
#include "faultshim.h"

#include <string.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static double clock_shift(void)
{
    char text[CONTROL_SIZE], *rest;
    double seconds = settings.clock;
    read_control(text);
    for (char *word = strtok_r(text, " \n", &rest); word; word = strtok_r(NULL, " \n", &rest))
        if (!strncmp(word, "clock:", 6)) seconds += number(word + 6);
    return seconds;
}

static struct timespec shifted(struct timespec time)
{
    int64_t ns = time.tv_nsec + (int64_t)(clock_shift() * 1e9);
    int64_t carry = ns / 1000000000 - (ns % 1000000000 < 0);
    return (struct timespec){time.tv_sec + carry, ns - carry * 1000000000};
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = syscall(SYS_clock_gettime, clock, now);
    bool wall = clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE;
    if (!failed && wall) *now = shifted(*now);
    return failed;
}

int gettimeofday(struct timeval *now, void *zone)
{
    struct timespec time;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &time);
    *now = (struct timeval){time.tv_sec, time.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *now)
{
    struct timespec time;
    clock_gettime(CLOCK_REALTIME, &time);
    return now ? (*now = time.tv_sec) : time.tv_sec;
}
