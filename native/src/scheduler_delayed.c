/* Delay-bounded: the non-preemptive schedule with a few delays at random steps.
 *
 * Emmi, Qadeer, Rakamaric: Delay-Bounded Scheduling, POPL 2011, with the delays drawn instead of
 * enumerated. A delay passes over the thread whose turn it would be, to the next ready one; several
 * may come at one step. A given schedule of D delays among k steps has the chance k**-D or more,
 * whatever the number of threads.
 */
#include "stressor/scheduler.h"

enum { DELAYS = 64 };

struct delayed {
    uint64_t delay[DELAYS]; /* the step; STEP_PASSED when it is behind us */
    uint32_t delays;
};
_Static_assert(sizeof(struct delayed) <= STRESSOR_SCHEDULER_BYTES, "the state has no more");
#define STEP_PASSED UINT64_MAX

static void
delayed_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
              const int64_t *numbers)
{
    (void)threads;
    struct delayed *self = (struct delayed *)state;
    struct stressor_draws draws = {seed};
    self->delays = (uint32_t)numbers[0];
    for (uint32_t i = 0; i < self->delays; i++) {
        self->delay[i] = stressor_draw_below(&draws, (uint64_t)numbers[1]);
    }
}

static int
delayed_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    struct delayed *self = (struct delayed *)state;
    int thread = stressor_go_on(point);
    for (uint32_t i = 0; i < self->delays; i++) {
        if (self->delay[i] <= point->step) {
            thread = stressor_next_of(point->ready, thread + 1);
            self->delay[i] = STEP_PASSED;
        }
    }
    return thread;
}

static const struct stressor_number numbers[] = {
    {"delays", 2, 0, DELAYS},
    {"steps", 1000, 1, INT64_C(1) << 40},
    {NULL, 0, 0, 0},
};

const struct stressor_scheduler stressor_scheduler_delayed = {
    .name = "delayed",
    .numbers = numbers,
    .begin = delayed_begin,
    .choose = delayed_choose,
};
