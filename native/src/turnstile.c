#define _GNU_SOURCE
#include "stressor/turnstile.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "stressor/choice.h"
#include "stressor/course.h"
#include "stressor/seats.h"
#include "stressor/standstill.h"
#include "stressor/virtualtime.h"

bool stressor_controlled;
struct stressor_turns stressor_turns;

void
stressor_turns_acquire(void)
{
    while (__atomic_exchange_n(&stressor_turns.lock, 1, __ATOMIC_ACQUIRE) != 0) {
        (void)syscall(SYS_sched_yield); /* its owner may need our processor */
    }
}

void
stressor_turns_release(void)
{
    __atomic_store_n(&stressor_turns.lock, 0, __ATOMIC_RELEASE);
}

/* ---- handing over: gives the lock back ------------------------------------------------------------ */

/* Atomic, because who is about to wait looks at it without the lock. */
static void
set_holder(int to)
{
    __atomic_store_n(&stressor_turns.holder, to, __ATOMIC_RELAXED);
}

static void
hand_over(int to)
{
    set_holder(to);
    if (to < 0) {
        stressor_turns_release();
        return;
    }
    uint32_t *gate = &stressor_turns.seats[to].gate;
    stressor_turns_release();
    __atomic_store_n(gate, 1, __ATOMIC_RELEASE);
    (void)syscall(SYS_futex, gate, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

static void
await_turn(int thread)
{
    uint32_t *gate = &stressor_turns.seats[thread].gate;
    if (__atomic_load_n(&stressor_turns.holder, __ATOMIC_RELAXED) < 0) {
        stressor_standstill_look(); /* at once: mostly it is only a deadline that is due */
    }
    /* Acquire: what others did in their turns is visible in ours. No time-out: a timer for every
     * hand-over would cost more than the hand-over. */
    while (__atomic_exchange_n(gate, 0, __ATOMIC_ACQUIRE) == 0) {
        (void)syscall(SYS_futex, gate, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
    }
}

/* Returns when the calling thread has the turn. */
static void
pass_on(int thread, int to)
{
    if (to == thread) {
        set_holder(to);
        stressor_turns_release();
        return;
    }
    hand_over(to);
    await_turn(thread);
}

/* A thread that lost the turn outside wants it back; returns when it has it. */
static void
come_back(int thread)
{
    stressor_turns_place(thread, STRESSOR_READY);
    if (stressor_turns.holder < 0) {
        pass_on(thread, stressor_choose_anew(-1, STRESSOR_WHY_WOKEN));
    } else {
        stressor_turns_release();
        await_turn(thread);
    }
}

void
stressor_turns_revoke(void)
{
    int late = stressor_turns.holder;
    stressor_turns_place(late, STRESSOR_OUTSIDE);
    stressor_record->control.revoked++;
    hand_over(stressor_turns.ready != 0 ? stressor_choose_anew(late, STRESSOR_WHY_REVOKED) : -1);
}

void
stressor_turns_resume(enum stressor_why why)
{
    hand_over(stressor_choose_anew(-1, why));
}

/* ---- the round ------------------------------------------------------------------------------------ */

void
stressor_turnstile_open(const struct stressor_scheduler *wanted, const int64_t *numbers,
                        size_t switches)
{
    stressor_choice_open(wanted, numbers);
    stressor_course_open(switches);
    stressor_time_open();
    stressor_standstill_open();
    /* One processor for all: nobody runs beside another anyway, and handing over costs half. */
    int processor = sched_getcpu();
    if (processor >= 0 && processor < CPU_SETSIZE) {
        cpu_set_t here;
        CPU_ZERO(&here);
        CPU_SET(processor, &here);
        (void)sched_setaffinity(0, sizeof(here), &here);
    }
    stressor_record->control.controlled = 1;
    stressor_controlled = true;
}

void
stressor_turnstile_begin_round(uint64_t seed, uint32_t threads)
{
    stressor_turns = (struct stressor_turns){
        .holder = -1, .parties = threads, .soonest = STRESSOR_NEVER_NS, .idle_visits = UINT64_MAX};
    stressor_time_begin_round();
    stressor_course_begin_round();
    stressor_choice_begin_round(seed, threads);
}

void
stressor_turn_enter(void)
{
    int me = stressor_self->id;
    stressor_turns_acquire();
    stressor_turns.seats[me].tid = (int32_t)syscall(SYS_gettid);
    stressor_turns_place(me, STRESSOR_READY);
    stressor_turns.present++;
    if (stressor_turns.present < stressor_turns.parties) {
        stressor_turns_release();
        await_turn(me);
        return;
    }
    stressor_turns.begun = true;
    pass_on(me, stressor_choose_anew(-1, STRESSOR_WHY_BEGIN));
}

void
stressor_turn_leave(void)
{
    int me = stressor_self->id;
    stressor_turns_acquire();
    if (stressor_turns.seats[me].place == STRESSOR_ABSENT) {
        stressor_turns_release();
        return;
    }
    stressor_turns_place(me, STRESSOR_ABSENT);
    stressor_turns.present--;
    if (stressor_turns.present == 0) {
        stressor_turns.begun = false;
        stressor_course_end_round();
        stressor_time_catch_up();
    }
    if (stressor_turns.holder != me) {
        stressor_turns_release(); /* it came from outside, and another one has the turn */
        return;
    }
    hand_over(stressor_turns.ready != 0 ? stressor_choose_anew(me, STRESSOR_WHY_ENDED) : -1);
}

/* ---- turns ---------------------------------------------------------------------------------------- */

void
stressor_turn_visit(struct stressor_thread *self, enum stressor_why why,
                    const struct stressor_step *at, uint8_t category)
{
    int me = self->id;
    stressor_turns_acquire();
    if (STRESSOR_UNLIKELY(stressor_turns.seats[me].place == STRESSOR_ABSENT)) {
        stressor_turns_release(); /* between two rounds */
        return;
    }
    stressor_choice_tell(me, at, category);
    struct stressor_wait *wait =
        &stressor_record->control.waits[me]; /* should it come to wait in this visit */
    wait->site = at->site;
    wait->visit = at->visit;
    if (STRESSOR_UNLIKELY(stressor_turns.holder != me)) {
        come_back(me);
        return;
    }
    stressor_turns.visits++;
    if (why == STRESSOR_WHY_YIELD) {
        stressor_owe(me);
    }
    pass_on(me, stressor_choose(me, why, at));
}

void
stressor_turn_enlist(struct stressor_thread *self, const void *object, uint64_t deadline,
                     bool tries)
{
    int me = self->id;
    struct stressor_seat *seat = &stressor_turns.seats[me];
    stressor_turns_acquire();
    if (STRESSOR_UNLIKELY(stressor_turns.holder != me)) {
        come_back(me);
        stressor_turns_acquire();
    }
    seat->object = object;
    seat->deadline = deadline;
    seat->tries = tries;
    seat->since = ++stressor_turns.waits;
    seat->timed_out = false;
    stressor_turns.soonest = deadline < stressor_turns.soonest ? deadline : stressor_turns.soonest;
    struct stressor_wait *wait = &stressor_record->control.waits[me];
    wait->object = (uint64_t)(uintptr_t)object;
    wait->timed = deadline != STRESSOR_NEVER_NS;
    stressor_turns_place(me, STRESSOR_WAITING);
    stressor_turns_release();
}

void
stressor_turn_delist(struct stressor_thread *self)
{
    stressor_turns_acquire();
    stressor_turns_place(self->id, STRESSOR_READY);
    stressor_turns_release();
}

/* The visit in which a thread makes the blocking call that it is in. */
static struct stressor_step
place_of(int thread)
{
    const struct stressor_wait *wait = &stressor_record->control.waits[thread];
    return (struct stressor_step){.object = wait->object,
                                  .site = wait->site,
                                  .visit = wait->visit,
                                  .thread = (int16_t)thread};
}

void
stressor_turn_yield(struct stressor_thread *self)
{
    int me = self->id;
    stressor_turns_acquire();
    struct stressor_step at = place_of(me);
    at.object = 0;
    stressor_owe(me);
    pass_on(me, stressor_choose(me, STRESSOR_WHY_YIELD, &at));
}

bool
stressor_turn_park(struct stressor_thread *self)
{
    int me = self->id;
    stressor_turns_acquire();
    struct stressor_step at = place_of(me);
    if (stressor_turns.seats[me].deadline != STRESSOR_NEVER_NS) {
        stressor_owe(me); /* a loop of short waits looks for what the others do */
    }
    pass_on(me, stressor_turns.ready != 0 ? stressor_choose(me, STRESSOR_WHY_BLOCKED, &at) : -1);
    return !stressor_turns.seats[me].timed_out;
}

void
stressor_turn_wake(const void *object, uint32_t count)
{
    stressor_turns_acquire();
    for (; count > 0; count--) {
        int first = -1;
        for (int i = 0; i < (int)stressor_turns.parties; i++) {
            const struct stressor_seat *seat = &stressor_turns.seats[i];
            if (seat->place == STRESSOR_WAITING && seat->object == object &&
                (first < 0 || seat->since < stressor_turns.seats[first].since)) {
                first = i;
            }
        }
        if (first < 0) {
            break;
        }
        stressor_turns_place(first, STRESSOR_READY);
    }
    if (stressor_turns.begun && stressor_turns.holder < 0 && stressor_turns.ready != 0) {
        stressor_turns_resume(STRESSOR_WHY_WOKEN);
    } else {
        stressor_turns_release();
    }
}

bool
stressor_turn_others_ready(const struct stressor_thread *self)
{
    stressor_turns_acquire();
    bool others = (stressor_turns.ready & ~stressor_bit(self->id)) != 0;
    stressor_turns_release();
    return others;
}

struct stressor_thread *
stressor_turn_self(void)
{
    struct stressor_thread *self = stressor_self;
    bool plays =
        stressor_controlled && self != NULL && !self->inside &&
        __atomic_load_n(&stressor_turns.seats[self->id].place, __ATOMIC_RELAXED) != STRESSOR_ABSENT;
    return plays ? self : NULL;
}
