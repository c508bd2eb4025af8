/* Virtual time: what threads that take turns read from the clocks.
 *
 * A clock is its real value when control was opened plus the virtual time since (record.h, `now`),
 * which passes with choices, with every reading, and with the deadlines of timed waits. Otherwise the
 * wall clock would leak into the schedule: PyMutex hands over after a millisecond of waiting, and who
 * stops the world tries again every millisecond. Other threads, and clocks that count processor time,
 * get the real one.
 */
#ifndef STRESSOR_VIRTUALTIME_H
#define STRESSOR_VIRTUALTIME_H

#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/* Owner of the child, no worker running. */
void stressor_time_open(void);

/* The virtual time of a moment on `clock`, and of a span from now; both clamped to what is left. */
uint64_t stressor_time_at(clockid_t clock, const struct timespec *moment);
uint64_t stressor_time_after(const struct timespec *span);

/* What stands in for the C library's function of that name, or NULL. */
void *stressor_time_wrapper(const char *name);

#pragma GCC visibility pop

#endif
