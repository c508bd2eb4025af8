#define _GNU_SOURCE
#include "stressor/blocking.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stressor/turnstile.h"
#include "stressor/virtualtime.h"

/* Waiters that have nothing to be woken by wait for this. */
static const char nothing;

/* One attempt of a call that does not block: 0 when done, EAGAIN when it would block, or an errno. */
typedef int (*attempt)(void *object);

static int
errno_of(int result)
{
    return result == 0 ? 0 : errno;
}

/* A moment as the real clock has it, for the real call of a thread that takes no part. */
#define REAL_MOMENT(until) stressor_time_real(until, &(struct timespec){0, 0})

/* Tries until it is done, fails, or the deadline passes, which is ETIMEDOUT. Wakes prove nothing: a
 * third thread may have been faster. */
static int
try_or_park(struct stressor_thread *self, attempt try, void *object, uint64_t deadline)
{
    bool in_time = true;
    for (;;) {
        int error =
        try
            (object);
        if (error != EAGAIN) {
            return error;
        }
        if (!in_time) {
            return ETIMEDOUT;
        }
        stressor_turn_enlist(self, object, deadline, true);
        error =
        try
            (object);
        if (error != EAGAIN) {
            stressor_turn_delist(self);
            return error;
        }
        in_time = stressor_turn_park(self);
    }
}

static int
failed(int error)
{
    if (error == 0) {
        return 0;
    }
    errno = error;
    return -1;
}

/* After whatever may let waiters of `object` go on. */
static int
woke(int result, const void *object, uint32_t count)
{
    if (stressor_controlled && result == 0) {
        int saved = errno;
        stressor_turn_wake(object, count);
        errno = saved;
    }
    return result;
}

/* ---- semaphores ----------------------------------------------------------------------------------- */

static int
try_semaphore(void *object)
{
    return errno_of(sem_trywait(object));
}

I
stressor_model_sem_wait(P m)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? sem_wait(m)
                        : failed(try_or_park(self, try_semaphore, m, STRESSOR_NEVER_NS));
}

/* In a loop, a failed attempt waits for others to do something. */
static int
let_others_go(int result)
{
    struct stressor_thread *self = result != 0 ? stressor_turn_self() : NULL;
    if (self != NULL) {
        int saved = errno;
        stressor_turn_yield(self);
        errno = saved;
    }
    return result;
}

I
stressor_model_sem_trywait(P m)
{
    return let_others_go(sem_trywait(m));
}

I
stressor_model_sem_timedwait(P m, P until)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? sem_timedwait(m, REAL_MOMENT(until))
                        : failed(try_or_park(self, try_semaphore, m,
                                             stressor_time_at(CLOCK_REALTIME, until)));
}

I
stressor_model_sem_clockwait(P m, I clock, P until)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL
               ? sem_clockwait(m, clock, REAL_MOMENT(until))
               : failed(try_or_park(self, try_semaphore, m, stressor_time_at(clock, until)));
}

I
stressor_model_sem_post(P m)
{
    return woke(sem_post(m), m, UINT32_MAX);
}

/* ---- mutexes -------------------------------------------------------------------------------------- */

static int
try_mutex(void *object)
{
    int error = pthread_mutex_trylock(object);
    if (error != EBUSY) {
        return error;
    }
    /* A time limit that has passed: blocks no longer than the attempt, and tells a mutex that checks
     * for errors and is our own (EDEADLK) from one that is another's. */
    struct timespec past = {0, 0};
    error = pthread_mutex_timedlock(object, &past);
    return error == ETIMEDOUT ? EAGAIN : error;
}

I
stressor_model_pthread_mutex_lock(P m)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_mutex_lock(m)
                        : try_or_park(self, try_mutex, m, STRESSOR_NEVER_NS);
}

I
stressor_model_pthread_mutex_trylock(P m)
{
    return let_others_go(pthread_mutex_trylock(m));
}

I
stressor_model_pthread_mutex_timedlock(P m, P until)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_mutex_timedlock(m, REAL_MOMENT(until))
                        : try_or_park(self, try_mutex, m, stressor_time_at(CLOCK_REALTIME, until));
}

I
stressor_model_pthread_mutex_unlock(P m)
{
    return woke(pthread_mutex_unlock(m), m, UINT32_MAX);
}

static int
again_if_busy(int error)
{
    return error == EBUSY ? EAGAIN : error;
}

static int
try_read_lock(void *object)
{
    return again_if_busy(pthread_rwlock_tryrdlock(object));
}

static int
try_write_lock(void *object)
{
    return again_if_busy(pthread_rwlock_trywrlock(object));
}

I
stressor_model_pthread_rwlock_rdlock(P m)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_rwlock_rdlock(m)
                        : try_or_park(self, try_read_lock, m, STRESSOR_NEVER_NS);
}

I
stressor_model_pthread_rwlock_wrlock(P m)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_rwlock_wrlock(m)
                        : try_or_park(self, try_write_lock, m, STRESSOR_NEVER_NS);
}

I
stressor_model_pthread_rwlock_unlock(P m)
{
    return woke(pthread_rwlock_unlock(m), m, UINT32_MAX);
}

/* ---- condition variables: threads that take turns never wait in the real one ---------------------- */

static int
wait_condition(struct stressor_thread *self, void *condition, void *mutex, uint64_t deadline)
{
    stressor_turn_enlist(self, condition, deadline, false);
    int error = pthread_mutex_unlock(mutex);
    if (error != 0) {
        stressor_turn_delist(self);
        return error;
    }
    stressor_turn_wake(mutex, UINT32_MAX);
    bool woken = stressor_turn_park(self);
    error = try_or_park(self, try_mutex, mutex, STRESSOR_NEVER_NS);
    return error != 0 ? error : woken ? 0 : ETIMEDOUT;
}

I
stressor_model_pthread_cond_wait(P c, P m)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_cond_wait(c, m) : wait_condition(self, c, m, STRESSOR_NEVER_NS);
}

I
stressor_model_pthread_cond_timedwait(P c, P m, P until)
{
    struct stressor_thread *self = stressor_turn_self();
    /* Which clock the condition was made with, nobody can ask; a moment in this century of the
     * realtime clock is far beyond what the monotonic one shows. */
    const struct timespec *moment = until;
    clockid_t clock = moment->tv_sec > 1000000000 ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    return self == NULL ? pthread_cond_timedwait(c, m, REAL_MOMENT(until))
                        : wait_condition(self, c, m, stressor_time_at(clock, moment));
}

I
stressor_model_pthread_cond_clockwait(P c, P m, I clock, P until)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? pthread_cond_clockwait(c, m, clock, REAL_MOMENT(until))
                        : wait_condition(self, c, m, stressor_time_at(clock, until));
}

I
stressor_model_pthread_cond_signal(P c)
{
    return woke(pthread_cond_signal(c), c, 1);
}

I
stressor_model_pthread_cond_broadcast(P c)
{
    return woke(pthread_cond_broadcast(c), c, UINT32_MAX);
}

/* ---- threads: whom we would wait for takes no turns ------------------------------------------------ */

I
stressor_model_pthread_create(P t, P attributes, P fn, P arg)
{
    return pthread_create(t, attributes, (void *(*)(void *))fn, arg);
}

I
stressor_model_pthread_join(Z t, P out)
{
    return pthread_join((pthread_t)t, out);
}

/* ---- time ----------------------------------------------------------------------------------------- */

static int
sleep_until(struct stressor_thread *self, uint64_t deadline)
{
    stressor_turn_enlist(self, &nothing, deadline, false);
    while (stressor_turn_park(self)) {
        stressor_turn_enlist(self, &nothing, deadline, false);
    }
    return 0;
}

I
stressor_model_clock_nanosleep(I clock, I flags, P time, P left)
{
    struct stressor_thread *self = stressor_turn_self();
    if (self == NULL) {
        return clock_nanosleep(clock, flags, flags & TIMER_ABSTIME ? REAL_MOMENT(time) : time,
                               left);
    }
    return sleep_until(self, flags & TIMER_ABSTIME ? stressor_time_at(clock, time)
                                                   : stressor_time_after(time));
}

I
stressor_model_nanosleep(P time, P left)
{
    struct stressor_thread *self = stressor_turn_self();
    return self == NULL ? nanosleep(time, left) : sleep_until(self, stressor_time_after(time));
}

I
stressor_model_usleep(I us)
{
    struct stressor_thread *self = stressor_turn_self();
    struct timespec span = {us / 1000000, us % 1000000 * 1000L};
    return self == NULL ? usleep((useconds_t)us) : sleep_until(self, stressor_time_after(&span));
}

I
stressor_model_sched_yield(void)
{
    /* The visit before the call has given the turn away already. */
    return stressor_turn_self() == NULL ? sched_yield() : 0;
}
