/* The turnstile: controlled mode, in which exactly one logical thread runs between two visits.
 *
 * A thread has the turn, or waits for it, or waits for something that another thread will do. Who
 * has the turn asks the scheduler at every visit and hands over directly. Only threads of the trial
 * take part; a stranger passes freely, and may wake a waiter.
 *
 * What blocks is modelled by trying: the blocking call is made in its non-blocking form, and a thread
 * that would have blocked waits here, for the object, until somebody wakes that object's waiters;
 * then it tries again. So the turnstile knows who waits for what, and needs to know nothing else of
 * locks, and a wake that was not meant for a thread does no harm. Time is virtual: it advances with
 * every choice, and jumps to the next deadline when all threads wait.
 *
 * Lock: a spinning one of our own, held for a few hundred instructions and never across a system call
 * other than a futex wake. Who waits for its turn sleeps on a futex of its own, attached or not:
 * whoever stops the world is itself modelled as a waiter, so the ones that it waits for get the turn
 * and run to their next safe point.
 */
#ifndef STRESSOR_TURNSTILE_H
#define STRESSOR_TURNSTILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stressor/gate.h"
#include "stressor/scheduler.h"

#pragma GCC visibility push(hidden)

enum { STRESSOR_MAX_SWITCHES = 1 << 14, STRESSOR_SWITCH_FIELDS = 6 };
#define STRESSOR_NEVER_NS UINT64_MAX

/* One switch of the plan; see stressor.model.plan.Switch. */
struct stressor_switch {
    uint64_t site; /* key hash */
    int64_t step;  /* -1: any */
    uint32_t visit;
    int16_t thread;
    int16_t to;
    uint8_t phase;
    bool taken;
};

/* Owner of the child, no worker running, before arming. `numbers` has the scheduler's. The switches
 * are in stressor_switches, `count` of them: those with a step first, in the order of their steps. */
extern struct stressor_switch stressor_switches[STRESSOR_MAX_SWITCHES];
void stressor_turnstile_open(const struct stressor_scheduler *scheduler, const int64_t *numbers,
                             size_t count);
void stressor_turnstile_begin_round(uint64_t seed, uint32_t threads);

/* Worker: takes part in the round; returns when all have come and it has the turn. */
void stressor_turn_enter(void);
/* Worker: takes no part any more, if it did. Before it blocks in anything of ours. */
void stressor_turn_leave(void);

/* The calling thread if it takes part and is not in our own code, else NULL. */
struct stressor_thread *stressor_turn_self(void);

/* At a side of a visit, or at a yield: returns when the thread has the turn (again). `at` has site,
 * visit, phase, object and thread. */
void stressor_turn_visit(struct stressor_thread *self, enum stressor_why why,
                         const struct stressor_step *at, uint8_t category);

/* By who has the turn, in a blocking call that looks again and again: the others go first. */
void stressor_turn_yield(struct stressor_thread *self);

/* Blocking, by who has the turn: enlist for a wake of `object`, at most until the virtual time
 * `deadline`, for something that it can try to take or not; try once more, since a stranger may have woken nobody in between; then delist or park.
 * Park is true when woken, which proves nothing (try again), and false when the time came. */
void stressor_turn_enlist(struct stressor_thread *self, const void *object, uint64_t deadline,
                          bool tries);
void stressor_turn_delist(struct stressor_thread *self);
bool stressor_turn_park(struct stressor_thread *self);

/* Anybody: up to `count` waiters of `object`, longest waiting first, may try again. */
void stressor_turn_wake(const void *object, uint32_t count);

/* Whether anybody else could go on now. */
bool stressor_turn_others_ready(const struct stressor_thread *self);

#pragma GCC visibility pop

#endif
