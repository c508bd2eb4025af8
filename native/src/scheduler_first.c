/* Non-preemptive: a thread goes on while it can, then the next ready one in the order of numbers.
 *
 * No chance in it, so it is what a list of switches is laid over: each switch is a preemption, and
 * without any the threads run one after the other. The zero-delay scheduler of Emmi, Qadeer,
 * Rakamaric: Delay-Bounded Scheduling, POPL 2011.
 */
#include "stressor/scheduler.h"

static void
first_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
            const int64_t *numbers)
{
    (void)state, (void)seed, (void)threads, (void)numbers;
}

static int
first_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    (void)state;
    return stressor_go_on(point);
}

static const struct stressor_number numbers[] = {{NULL, 0, 0, 0}};

const struct stressor_scheduler stressor_scheduler_first = {
    .name = "first",
    .numbers = numbers,
    .begin = first_begin,
    .choose = first_choose,
};
