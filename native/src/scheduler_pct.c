/* PCT: strict random priorities, lowered at a few random steps.
 *
 * Burckhardt, Kothari, Musuvathi, Nagarakatte: A Randomized Scheduler with Probabilistic Guarantees
 * of Finding Bugs, ASPLOS 2010. A bug of depth d (d ordering constraints suffice) in a program of n
 * threads and at most k steps shows with probability 1 / (n * k**(d - 1)) or more
 * (`stressor.strategies.bounds.pct_bound`).
 *
 * Priorities as in the paper: the threads start with a permutation of d .. d+n-1, and whoever makes
 * the step of change point i gets i, one of 1 .. d-1. A thread that yields falls below all others,
 * or a spinning one would keep the turn from whoever it spins for; the bound is that of programs
 * that do not yield.
 */
#include "stressor/scheduler.h"

enum { CHANGES = 64 };

struct pct {
    int64_t priority[STRESSOR_MAX_THREADS];
    uint64_t change[CHANGES]; /* the step; 0: none, or behind us */
    int64_t lowest;           /* of all priorities given so far */
    uint32_t changes;
};
_Static_assert(sizeof(struct pct) <= STRESSOR_SCHEDULER_BYTES, "the state has no more");

static void
pct_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
          const int64_t *numbers)
{
    struct pct *self = (struct pct *)state;
    struct stressor_draws draws = {seed};
    int64_t depth = numbers[0], steps = numbers[1];
    for (uint32_t i = 0; i < threads; i++) { /* Fisher and Yates, inside out */
        uint32_t j = (uint32_t)stressor_draw_below(&draws, i + 1);
        self->priority[i] = self->priority[j];
        self->priority[j] = depth + i;
    }
    self->changes = (uint32_t)(depth - 1);
    for (uint32_t i = 0; i < self->changes; i++) {
        self->change[i] = 1 + stressor_draw_below(&draws, (uint64_t)steps);
    }
}

static int
pct_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    struct pct *self = (struct pct *)state;
    /* Not only equal: choices that a plan's switches made were not asked of us. */
    for (uint32_t i = 0; i < self->changes; i++) {
        if (self->change[i] != 0 && self->change[i] <= point->step && point->current >= 0) {
            self->priority[point->current] = i + 1;
            self->change[i] = 0;
        }
    }
    if (point->why == STRESSOR_WHY_YIELD && point->current >= 0) {
        self->priority[point->current] = --self->lowest;
    }
    int best = __builtin_ctzll(point->ready);
    for (uint64_t left = point->ready & (point->ready - 1); left != 0; left &= left - 1) {
        int thread = __builtin_ctzll(left);
        if (self->priority[thread] > self->priority[best]) {
            best = thread;
        }
    }
    return best;
}

static const struct stressor_number numbers[] = {
    {"depth", 3, 1, CHANGES + 1},
    {"steps", 1000, 1, INT64_C(1) << 40},
    {NULL, 0, 0, 0},
};

const struct stressor_scheduler stressor_scheduler_pct = {
    .name = "pct",
    .numbers = numbers,
    .begin = pct_begin,
    .choose = pct_choose,
};
