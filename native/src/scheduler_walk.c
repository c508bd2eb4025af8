/* Uniform random walk: any ready thread, each as likely, at every choice.
 *
 * The baseline of the literature, e.g. Thomson, Donaldson, Betts: Concurrency Testing Using
 * Controlled Schedulers: An Empirical Study, ACM TOPC 2016. Uniform over choices, hence not over
 * schedules: an order that keeps one thread waiting for n choices has the chance 2**-n.
 */
#include "stressor/scheduler.h"

struct walk {
    struct stressor_draws draws;
};
_Static_assert(sizeof(struct walk) <= STRESSOR_SCHEDULER_BYTES, "the state has no more");

static void
walk_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
           const int64_t *numbers)
{
    (void)threads, (void)numbers;
    ((struct walk *)state)->draws.at = seed;
}

static int
walk_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    return stressor_draw_of(&((struct walk *)state)->draws, point->ready);
}

static const struct stressor_number numbers[] = {{NULL, 0, 0, 0}};

const struct stressor_scheduler stressor_scheduler_walk = {
    .name = "walk",
    .numbers = numbers,
    .begin = walk_begin,
    .choose = walk_choose,
};
