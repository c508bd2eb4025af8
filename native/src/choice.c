#include "stressor/choice.h"

#include <string.h>

#include "stressor/course.h"
#include "stressor/seats.h"
#include "stressor/turnstile.h"

/* Virtual time that one choice takes. A thousand of them reach PyMutex's fairness limit: long runs
 * see its hand-offs, short ones do not. */
enum { STEP_NS = 1000 };

/* After so many choices in a row a thread is taken for one that looks again and again for what others
 * do, and lets them go first. */
enum { MOST_IN_A_ROW = 10000 };

static struct stressor_pending pending[STRESSOR_MAX_THREADS];
static const struct stressor_scheduler *scheduler;
static const int64_t *scheduler_numbers;
static struct stressor_scheduler_state scheduler_state;

void
stressor_choice_open(const struct stressor_scheduler *wanted, const int64_t *numbers)
{
    scheduler = wanted;
    scheduler_numbers = numbers;
}

void
stressor_choice_begin_round(uint64_t seed, uint32_t threads)
{
    memset(pending, 0, sizeof(pending));
    memset(&scheduler_state, 0, sizeof(scheduler_state));
    scheduler->begin(&scheduler_state, seed, threads, scheduler_numbers);
}

void
stressor_choice_tell(int thread, const struct stressor_step *at, uint8_t category)
{
    pending[thread] = (struct stressor_pending){.site = stressor_record->sites[at->site].hash,
                                                .object = at->object,
                                                .visit = at->visit,
                                                .phase = at->phase,
                                                .category = category};
}

void
stressor_turns_place(int thread, enum stressor_place place)
{
    /* Atomic: its thread looks without the lock whether it takes part. */
    __atomic_store_n(&stressor_turns.seats[thread].place, (uint8_t)place, __ATOMIC_RELAXED);
    stressor_turns.ready &= ~stressor_bit(thread);
    stressor_turns.ready |= place == STRESSOR_READY ? stressor_bit(thread) : 0;
    stressor_turns.changes++;
    stressor_record->control.waits[thread].waiting = place == STRESSOR_WAITING;
}

/* Who may be chosen: after a yield only once everybody who was ready then has had a turn or is not
 * ready any more, so that a spinning thread starves nobody (fair scheduling as in Musuvathi and
 * Qadeer, Fair Stateless Model Checking, PLDI 2008). */
static uint64_t
fair_set(void)
{
    if (STRESSOR_LIKELY(!stressor_turns.fairness)) {
        return stressor_turns.ready;
    }
    uint64_t fair = 0;
    stressor_turns.fairness = false;
    for (int i = 0; i < (int)stressor_turns.parties; i++) {
        struct stressor_seat *seat = &stressor_turns.seats[i];
        seat->owed &= stressor_turns.ready;
        stressor_turns.fairness |= seat->owed != 0;
        fair |= seat->owed == 0 ? stressor_turns.ready & stressor_bit(i) : 0;
    }
    return fair != 0 ? fair : stressor_turns.ready;
}

void
stressor_owe(int thread)
{
    stressor_turns.seats[thread].owed = stressor_turns.ready & ~stressor_bit(thread);
    stressor_turns.fairness = true;
}

static void
repay(int thread)
{
    for (uint32_t i = 0; stressor_turns.fairness && i < stressor_turns.parties; i++) {
        stressor_turns.seats[i].owed &= ~stressor_bit(thread);
    }
}

/* Deadlines that virtual time has passed while others ran. */
static void
expire_passed(uint64_t now)
{
    stressor_turns.soonest = STRESSOR_NEVER_NS;
    for (int i = 0; i < (int)stressor_turns.parties; i++) {
        struct stressor_seat *seat = &stressor_turns.seats[i];
        if (seat->place != STRESSOR_WAITING) {
            continue;
        }
        if (seat->deadline <= now) {
            seat->timed_out = true;
            stressor_turns_place(i, STRESSOR_READY);
        } else if (seat->deadline < stressor_turns.soonest) {
            stressor_turns.soonest = seat->deadline;
        }
    }
}

int
stressor_choose(int current, enum stressor_why why, const struct stressor_step *at)
{
    uint64_t now = __atomic_add_fetch(&stressor_record->control.now, STEP_NS, __ATOMIC_RELAXED);
    if (STRESSOR_UNLIKELY(now >= stressor_turns.soonest)) {
        expire_passed(now);
    }
    struct stressor_point point = {.ready = fair_set(),
                                   .step = stressor_record->control.count,
                                   .pending = pending,
                                   .current = current,
                                   .why = (uint8_t)why};
    int to = stressor_course_next(&point, at);
    if (to < 0) {
        to = scheduler->choose(&scheduler_state, &point);
    }
    stressor_course_log(&point, at, to);
    repay(to);
    stressor_turns.in_a_row = to == current ? stressor_turns.in_a_row + 1 : 0;
    if (STRESSOR_UNLIKELY(stressor_turns.in_a_row > MOST_IN_A_ROW)) {
        stressor_turns.in_a_row = 0;
        stressor_owe(to);
    }
    return to;
}

int
stressor_choose_anew(int current, enum stressor_why why)
{
    struct stressor_step nowhere = {.site = UINT32_MAX, .thread = (int16_t)current};
    return stressor_choose(current, why, &nowhere);
}
