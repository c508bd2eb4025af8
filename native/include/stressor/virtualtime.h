/* Virtual time: what threads that take turns read from the clocks.
 *
 * A clock is its real value when control was opened plus the virtual time since (record.h, `now`),
 * which passes with choices, with every reading, and with the deadlines of timed waits. At the start of
 * a round it is what the others' clocks show; when it gets ahead of them, by a deadline that was jumped
 * to, theirs are put forward as much. So time never runs backwards between setup, operations and check.
 * Otherwise the
 * wall clock would leak into the schedule: PyMutex hands over after a millisecond of waiting, and who
 * stops the world tries again every millisecond. Other threads get
 * the real clock, put forward; clocks that count processor time are left alone.
 */
#ifndef STRESSOR_VIRTUALTIME_H
#define STRESSOR_VIRTUALTIME_H

#include <stdint.h>
#include <time.h>

#pragma GCC visibility push(hidden)

/* Owner of the child, no worker running. */
void stressor_time_open(void);

/* Owner of the child, between rounds: at the start, and at the end of a round. */
void stressor_time_begin_round(void);
void stressor_time_catch_up(void);

/* Virtual time is `moment` now, if it was before it. Under the turnstile's lock. */
void stressor_time_reach(uint64_t moment);

/* A moment of the put forward clock as the real one has it; `room` is where it may be put. NULL for
 * NULL. */
const struct timespec *stressor_time_real(const struct timespec *moment, struct timespec *room);

/* The virtual time of a moment on `clock`, and of a span from now; both clamped to what is left. */
uint64_t stressor_time_at(clockid_t clock, const struct timespec *moment);
uint64_t stressor_time_after(const struct timespec *span);

/* What stands in for the C library's function of that name, or NULL. */
void *stressor_time_wrapper(const char *name);

#pragma GCC visibility pop

#endif
