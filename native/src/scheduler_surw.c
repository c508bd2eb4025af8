/* SURW: uniform over the orders of the interesting events, a random walk over all others.
 *
 * Zhao, Wolff, Mathur, Roychoudhury: Selectively Uniform Concurrency Testing, ASPLOS 2025. Which
 * thread makes the next interesting event is drawn with the number of interesting events that each
 * has left as its weight: then every order of them is as likely. All threads walk at random, but one
 * that comes to an interesting event before it was meant to is held back there.
 *
 * Numbers: `count0` .. `count63` are the interesting events of each thread, from an earlier run of
 * the same program. An event is interesting when it fits all of `object` (an address; those made
 * by setup() stay where they are from trial to trial), `category`, `phase` (-1 fits all) and one of
 * the sites `site0` .. `site3` that are not 0: the low 52 bits of a key's hash, which a JSON number
 * holds. With nothing selected all events are: URW, uniform over schedules.
 *
 * Counts are estimates. A thread with more events than it was said to have weighs as if one was
 * left; one that ended early may be meant and never come, which is seen when all others wait for it;
 * without any left (or any given) this is the random walk.
 */
#include "stressor/scheduler.h"

enum { SITES = 4 };
enum { OBJECT = STRESSOR_MAX_THREADS, CATEGORY, PHASE, SITE };
#define SITE_BITS ((UINT64_C(1) << 52) - 1)
enum { NOBODY = -1 };

struct surw {
    struct stressor_draws draws;
    uint64_t left[STRESSOR_MAX_THREADS]; /* interesting events to come */
    uint64_t total;                      /* of `left` */
    uint64_t held;                       /* bit per thread that waits for the intended one */
    int32_t intended;                    /* makes the next interesting event */
    uint32_t threads;
    uint64_t object;
    int64_t category;
    int64_t phase;
    uint64_t sites[SITES];
    uint64_t any_site; /* 0: sites do not matter */
    struct stressor_pending seen[STRESSOR_MAX_THREADS];
};
_Static_assert(sizeof(struct surw) <= STRESSOR_SCHEDULER_BYTES, "the state has no more");

static void
surw_begin(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
           const int64_t *numbers)
{
    struct surw *self = (struct surw *)state;
    self->draws.at = seed;
    self->threads = threads;
    self->intended = NOBODY;
    for (uint32_t i = 0; i < threads; i++) {
        self->left[i] = (uint64_t)numbers[i];
        self->total += self->left[i];
    }
    self->object = (uint64_t)numbers[OBJECT];
    self->category = numbers[CATEGORY];
    self->phase = numbers[PHASE];
    for (int i = 0; i < SITES; i++) {
        self->sites[i] = (uint64_t)numbers[SITE + i];
        self->any_site |= self->sites[i];
    }
}

static bool
is_interesting(const struct surw *self, const struct stressor_pending *event)
{
    if (event->site == 0 || /* has not begun */
        (self->object != 0 && self->object != event->object) ||
        (self->category >= 0 && self->category != event->category) ||
        (self->phase >= 0 && self->phase != event->phase)) {
        return false;
    }
    uint64_t site = event->site & SITE_BITS;
    bool listed = self->any_site == 0;
    for (int i = 0; i < SITES; i++) {
        listed |= self->sites[i] != 0 && self->sites[i] == site;
    }
    return listed;
}

static void
set_left(struct surw *self, int thread, uint64_t left)
{
    self->total += left - self->left[thread];
    self->left[thread] = left;
}

/* What happened since the last choice. */
static void
account(struct surw *self, const struct stressor_point *point)
{
    for (int i = 0; i < (int)self->threads; i++) {
        if (!stressor_has_made(point, i, &self->seen[i])) {
            continue;
        }
        if (is_interesting(self, &self->seen[i])) {
            set_left(self, i, self->left[i] > 0 ? self->left[i] - 1 : 0);
            self->intended = NOBODY;
            self->held = 0;
        }
        self->seen[i] = point->pending[i];
    }
}

/* One of the set, by weight; at least one of them has a weight. */
static int
draw_intended(struct surw *self, uint64_t set)
{
    uint64_t total = 0;
    for (uint64_t rest = set; rest != 0; rest &= rest - 1) {
        total += self->left[__builtin_ctzll(rest)];
    }
    uint64_t drawn = stressor_draw_below(&self->draws, total);
    for (;; set &= set - 1) {
        int thread = __builtin_ctzll(set);
        if (drawn < self->left[thread]) {
            return thread;
        }
        drawn -= self->left[thread];
    }
}

static int
surw_choose(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    struct surw *self = (struct surw *)state;
    account(self, point);
    for (;;) {
        uint64_t free = point->ready & ~self->held;
        if (free == 0) {
            /* The intended one has ended, or waits for those that wait for it: let one of them be
             * meant. All have a weight, or they would not be held. */
            self->intended = draw_intended(self, point->ready);
            self->held = point->ready & ~(UINT64_C(1) << self->intended);
            return self->intended;
        }
        int thread = stressor_draw_of(&self->draws, free);
        if (self->total == 0 || !is_interesting(self, &point->pending[thread])) {
            return thread;
        }
        if (self->left[thread] == 0) {
            set_left(self, thread, 1);
        }
        if (self->intended == NOBODY) {
            self->intended = draw_intended(self, ~UINT64_C(0));
        }
        if (thread == self->intended) {
            return thread;
        }
        self->held |= UINT64_C(1) << thread;
    }
}

#define COUNT(n) {"count" #n, 0, 0, INT64_C(1) << 40}
#define COUNTS(t)                                                                                  \
    COUNT(t##0), COUNT(t##1), COUNT(t##2), COUNT(t##3), COUNT(t##4), COUNT(t##5), COUNT(t##6),     \
        COUNT(t##7), COUNT(t##8), COUNT(t##9)

static const struct stressor_number numbers[] = {
    COUNTS(),
    COUNTS(1),
    COUNTS(2),
    COUNTS(3),
    COUNTS(4),
    COUNTS(5),
    COUNT(60),
    COUNT(61),
    COUNT(62),
    COUNT(63),
    {"object", 0, 0, INT64_MAX},
    {"category", -1, -1, UINT8_MAX},
    {"phase", -1, -1, 1},
    {"site0", 0, 0, SITE_BITS},
    {"site1", 0, 0, SITE_BITS},
    {"site2", 0, 0, SITE_BITS},
    {"site3", 0, 0, SITE_BITS},
    {NULL, 0, 0, 0},
};
_Static_assert(sizeof(numbers) / sizeof(*numbers) == SITE + SITES + 1, "in the order of the enum");
_Static_assert(SITE + SITES <= STRESSOR_MAX_NUMBERS, "a plan can say them all");

const struct stressor_scheduler stressor_scheduler_surw = {
    .name = "surw",
    .numbers = numbers,
    .begin = surw_begin,
    .choose = surw_choose,
};
