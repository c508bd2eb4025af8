#define _GNU_SOURCE
#include "stressor/virtualtime.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/time.h>

#include "stressor/clock.h"
#include "stressor/turnstile.h"

/* A reading takes time too: a loop that waits for a moment must come to its end. */
enum { READING_NS = 100 };

#define SECOND UINT64_C(1000000000)
/* Far beyond any trial, and far from overflow. */
#define FAR (SECOND * 3600 * 24 * 365)

static const clockid_t clocks[] = {CLOCK_REALTIME,         CLOCK_MONOTONIC,
                                   CLOCK_MONOTONIC_RAW,    CLOCK_REALTIME_COARSE,
                                   CLOCK_MONOTONIC_COARSE, CLOCK_BOOTTIME};
enum { CLOCKS = sizeof(clocks) / sizeof(clocks[0]) };
enum { MONOTONIC = 1 }; /* in `clocks` */
static uint64_t opened[CLOCKS];
static uint64_t ahead; /* how far the others' clocks are put forward; only grows */

void
stressor_time_open(void)
{
    for (size_t i = 0; i < CLOCKS; i++) {
        opened[i] = stressor_clock_ns(clocks[i]);
    }
    stressor_record->control.now = 0;
    ahead = 0;
}

static uint64_t
nanoseconds(const struct timespec *time)
{
    if (time->tv_sec < 0) {
        return 0;
    }
    uint64_t seconds = (uint64_t)time->tv_sec;
    return seconds > FAR / SECOND * 100 ? FAR * 100 : seconds * SECOND + (uint64_t)time->tv_nsec;
}

/* What the others' clocks show, since control was opened. */
static uint64_t
shown(void)
{
    return stressor_clock_ns(CLOCK_MONOTONIC) - opened[MONOTONIC] +
           __atomic_load_n(&ahead, __ATOMIC_RELAXED);
}

void
stressor_time_begin_round(void)
{
    uint64_t others = shown();
    if (others > stressor_record->control.now) {
        stressor_record->control.now = others;
    }
}

void
stressor_time_catch_up(void)
{
    uint64_t now = __atomic_load_n(&stressor_record->control.now, __ATOMIC_RELAXED);
    uint64_t others = shown();
    if (now > others) {
        __atomic_fetch_add(&ahead, now - others, __ATOMIC_RELAXED);
    }
}

void
stressor_time_reach(uint64_t moment)
{
    uint64_t *now = &stressor_record->control.now;
    if (moment > __atomic_load_n(now, __ATOMIC_RELAXED)) {
        __atomic_store_n(now, moment, __ATOMIC_RELAXED);
        stressor_time_catch_up();
    }
}

const struct timespec *
stressor_time_real(const struct timespec *moment, struct timespec *room)
{
    uint64_t back = stressor_controlled ? __atomic_load_n(&ahead, __ATOMIC_RELAXED) : 0;
    if (moment == NULL || back == 0) {
        return moment;
    }
    uint64_t at = nanoseconds(moment);
    at = at > back ? at - back : 0;
    *room = (struct timespec){(time_t)(at / SECOND), (long)(at % SECOND)};
    return room;
}

static int
clock_index(clockid_t clock)
{
    for (int i = 0; i < (int)CLOCKS; i++) {
        if (clocks[i] == clock) {
            return i;
        }
    }
    return -1;
}

static uint64_t
read_now(void)
{
    return __atomic_add_fetch(&stressor_record->control.now, READING_NS, __ATOMIC_RELAXED);
}

uint64_t
stressor_time_at(clockid_t clock, const struct timespec *moment)
{
    int index = clock_index(clock);
    uint64_t at = nanoseconds(moment), start = index < 0 ? 0 : opened[index];
    return at > start ? at - start : 0;
}

uint64_t
stressor_time_after(const struct timespec *span)
{
    return __atomic_load_n(&stressor_record->control.now, __ATOMIC_RELAXED) + nanoseconds(span);
}

/* ---- what stands in for the C library's ------------------------------------------------------------ */

/* Nanoseconds on the clock of that index, as the calling thread shall see it. */
static uint64_t
seen_now(int index)
{
    if (stressor_turn_self() != NULL) {
        return opened[index] + read_now();
    }
    return stressor_clock_ns(clocks[index]) + __atomic_load_n(&ahead, __ATOMIC_RELAXED);
}

static int
wrap_clock_gettime(clockid_t clock, struct timespec *time)
{
    int index = stressor_controlled ? clock_index(clock) : -1;
    if (index < 0) {
        return clock_gettime(clock, time);
    }
    uint64_t now = seen_now(index);
    time->tv_sec = (time_t)(now / SECOND);
    time->tv_nsec = (long)(now % SECOND);
    return 0;
}

static int
wrap_gettimeofday(struct timeval *time, void *zone)
{
    if (!stressor_controlled || time == NULL) {
        return gettimeofday(time, zone);
    }
    uint64_t now = seen_now(0);
    time->tv_sec = (time_t)(now / SECOND);
    time->tv_usec = (suseconds_t)(now % SECOND / 1000);
    return 0;
}

static time_t
wrap_time(time_t *result)
{
    if (!stressor_controlled) {
        return time(result);
    }
    time_t now = (time_t)(seen_now(0) / SECOND);
    if (result != NULL) {
        *result = now;
    }
    return now;
}

void *
stressor_time_wrapper(const char *name)
{
    if (strcmp(name, "clock_gettime") == 0) {
        return (void *)wrap_clock_gettime;
    }
    if (strcmp(name, "gettimeofday") == 0) {
        return (void *)wrap_gettimeofday;
    }
    return strcmp(name, "time") == 0 ? (void *)wrap_time : NULL;
}
