/* Schedulers: which thread goes next, one file and one line of the registry each.
 *
 * A scheduler is a pure function of its seed, its numbers and what it was asked before: no clock, no
 * address, no other state, so that the same seed gives the same schedule. It runs below a site: no
 * allocation, no lock, no Python. The turnstile asks one at native sites; Python-level models drive
 * the same code through the binding (schedulerobject.c).
 */
#ifndef STRESSOR_SCHEDULER_H
#define STRESSOR_SCHEDULER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stressor/record.h"

#pragma GCC visibility push(hidden)

enum { STRESSOR_MAX_NUMBERS = 72, STRESSOR_SCHEDULER_BYTES = 8192 };

/* What a thread that could go on is about to do, or has just done (phase). The site's key hash, not
 * its index: indexes depend on which thread came first. The object is 0 when the call has none. */
struct stressor_pending {
    uint64_t site;
    uint64_t object;
    uint32_t visit;
    uint8_t phase;
    uint8_t category; /* enum stressor_category */
};

/* One choice to make. */
struct stressor_point {
    uint64_t ready;                         /* bit per thread that can be chosen; never 0 */
    uint64_t step;                          /* choices made in this round so far */
    const struct stressor_pending *pending; /* by thread; of a thread that has not begun all zero */
    int32_t current;                        /* who had the turn, -1 at the beginning */
    uint8_t why; /* enum stressor_why; only at VISIT and YIELD can `current` be in `ready` */
};

/* A scheduler's memory between choices, zeroed before `begin`; each file defines its own view. */
struct stressor_scheduler_state {
    _Alignas(16) unsigned char bytes[STRESSOR_SCHEDULER_BYTES];
};

struct stressor_number {
    const char *name;
    int64_t usual; /* when the plan does not say */
    int64_t least; /* what the plan may say; `begin` trusts it */
    int64_t most;
};

struct stressor_scheduler {
    const char *name;
    const struct stressor_number *numbers; /* ends with a NULL name */
    void (*begin)(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
                  const int64_t *numbers);
    /* A thread of `point->ready`. */
    int (*choose)(struct stressor_scheduler_state *state, const struct stressor_point *point);
};

extern const struct stressor_scheduler *const stressor_schedulers[]; /* ends with NULL */

/* By name, or NULL. */
const struct stressor_scheduler *stressor_scheduler_named(const char *name);

/* How many numbers a scheduler takes, at most STRESSOR_MAX_NUMBERS. */
size_t stressor_number_count(const struct stressor_scheduler *scheduler);

/* SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators, OOPSLA 2014): the
 * schedulers' one source of chance, kept in their state. */
struct stressor_draws {
    uint64_t at;
};

static inline uint64_t
stressor_draw(struct stressor_draws *draws)
{
    uint64_t x = draws->at += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

/* 0 to `count` - 1, each as likely but for `count` in 2**64. `count` is not 0. */
static inline uint64_t
stressor_draw_below(struct stressor_draws *draws, uint64_t count)
{
    return (uint64_t)(((unsigned __int128)stressor_draw(draws) * count) >> 64);
}

/* A thread of the set, each as likely. `set` is not 0. */
static inline int
stressor_draw_of(struct stressor_draws *draws, uint64_t set)
{
    for (uint64_t skip = stressor_draw_below(draws, (uint64_t)__builtin_popcountll(set)); skip > 0;
         skip--) {
        set &= set - 1;
    }
    return __builtin_ctzll(set);
}

/* Whether `thread` has made its event of the last choice, `seen`. Visits only grow, so an event that
 * was made does not come back; a thread that waits in one has not made it. */
static inline bool
stressor_has_made(const struct stressor_point *point, int thread,
                  const struct stressor_pending *seen)
{
    const struct stressor_pending *now = &point->pending[thread];
    return now->site != seen->site || now->visit != seen->visit || now->phase != seen->phase ||
           (point->why == STRESSOR_WHY_ENDED && point->current == thread);
}

/* Lowest thread of the set at or after `from`, going round: the order all schedulers fall back to.
 * `set` is not 0. */
static inline int
stressor_next_of(uint64_t set, int from)
{
    uint64_t later = from > 0 ? set & ~((UINT64_C(1) << (from & 63)) - 1) : set;
    return __builtin_ctzll(later != 0 ? later : set);
}

/* The non-preemptive choice: who has the turn keeps it while it can and wants to, else the next ready
 * one, going round. */
static inline int
stressor_go_on(const struct stressor_point *point)
{
    bool gives_way = point->why == STRESSOR_WHY_YIELD;
    return stressor_next_of(point->ready, gives_way ? point->current + 1 : point->current);
}

#pragma GCC visibility pop

#endif
