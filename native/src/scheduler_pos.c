/* POS: a random priority for each pending event, drawn anew when it raced with what was just done.
 *
 * Yuan, Yang, Gu: Partial Order Aware Concurrency Sampling, CAV 2018. The ready thread with the highest
 * priority goes. An event keeps its priority until it is made, so the order of two events that race is
 * decided by two draws and hardly by how many others lie between them; the new draw for those that
 * raced makes the order of each next pair a new coin.
 *
 * Two events race here when they are of different threads and name the same object: what a site's call
 * does to the object is not known, so reads race too. An event of no object (0) races with none.
 */
#include "stressor/scheduler.h"

struct pos {
    struct stressor_draws draws;
    uint32_t threads;
    uint64_t priority[STRESSOR_MAX_THREADS];
    struct stressor_pending seen[STRESSOR_MAX_THREADS]; /* whose priorities these are */
};
_Static_assert(sizeof(struct pos) <= STRESSOR_SCHEDULER_BYTES, "the state has no more");

static void
pos_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
          const int64_t *numbers)
{
    (void)numbers;
    struct pos *self = (struct pos *)state;
    self->draws.at = seed;
    self->threads = threads;
    for (uint32_t i = 0; i < threads; i++) {
        self->priority[i] = stressor_draw(&self->draws);
    }
}

static void
redraw_racing(struct pos *self, uint32_t made)
{
    uint64_t object = self->seen[made].object;
    for (uint32_t i = 0; object != 0 && i < self->threads; i++) {
        if (i != made && self->seen[i].object == object) {
            self->priority[i] = stressor_draw(&self->draws);
        }
    }
}

static int
pos_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    struct pos *self = (struct pos *)state;
    for (uint32_t i = 0; i < self->threads; i++) {
        bool made = stressor_has_made(point, (int)i, &self->seen[i]);
        if (made) {
            redraw_racing(self, i);
            self->seen[i] = point->pending[i];
        }
        /* A spinning thread that kept a high priority would keep its turn. */
        if (made || (point->why == STRESSOR_WHY_YIELD && point->current == (int)i)) {
            self->priority[i] = stressor_draw(&self->draws);
        }
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

static const struct stressor_number numbers[] = {{NULL, 0, 0, 0}};

const struct stressor_scheduler stressor_scheduler_pos = {
    .name = "pos",
    .numbers = numbers,
    .begin = pos_begin,
    .choose = pos_choose,
};
