/* The turnstile under plain threads, for ThreadSanitizer: no interpreter, no slots.
 *
 * What runs without any lock in here is ordered by turns alone, so that a hand-over that does not
 * publish what was done before it is a data race to the sanitizer and a wrong sum to everybody. Exits
 * with 1 at the first wrong number; the sanitizer's own exit code is 66. */
#define _GNU_SOURCE
#include <Python.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>

#include "barrier.c"
#include "blocking.c"
#include "choice.c"
#include "course.c"
#include "record.c"
#include "standstill.c"
#include "turnstile.c"
#include "virtualtime.c"

enum { THREADS = 4, ROUNDS = 20, CALLS = 40 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* ---- stand-ins: the gate's threads, and a scheduler that always changes --------------------------- */

STRESSOR_TLS struct stressor_thread *stressor_self;
static struct stressor_thread players[THREADS];

static void
begin_changing(struct stressor_scheduler_state *state, uint64_t seed, uint32_t threads,
               const int64_t *numbers)
{
    (void)threads, (void)numbers;
    memcpy(state->bytes, &seed, sizeof(seed));
}

static int
choose_changing(struct stressor_scheduler_state *state, const struct stressor_point *point)
{
    uint64_t word;
    memcpy(&word, state->bytes, sizeof(word));
    word = word * 6364136223846793005u + 1442695040888963407u;
    memcpy(state->bytes, &word, sizeof(word));
    return stressor_next_of(point->ready, (int)(word >> 60));
}

static const struct stressor_scheduler changing = {
    .name = "changing", .begin = begin_changing, .choose = choose_changing};

static struct stressor_step
visit_of(struct stressor_thread *self, uint32_t visit)
{
    return (struct stressor_step){.visit = visit, .thread = (int16_t)self->id};
}

static void
visit(struct stressor_thread *self, uint32_t number)
{
    struct stressor_step at = visit_of(self, number);
    self->inside = true;
    stressor_turn_visit(self, STRESSOR_WHY_VISIT, &at, STRESSOR_LOCK);
    self->inside = false;
}

/* ---- running rounds ------------------------------------------------------------------------------- */

struct job {
    void (*body)(struct stressor_thread *self);
    struct stressor_thread *self;
};

static void *
live(void *argument)
{
    struct job *job = argument;
    stressor_self = job->self;
    for (int round = 0; round < ROUNDS; round++) {
        stressor_barrier_wait();
        stressor_turn_enter();
        job->body(job->self);
        stressor_turn_leave();
        stressor_barrier_wait();
    }
    stressor_self = NULL;
    return NULL;
}

static void (*before_round)(void);
static void (*after_round)(void);

static uint64_t
run(void (*body)(struct stressor_thread *self))
{
    pthread_t ids[THREADS];
    struct job jobs[THREADS];
    uint64_t traces = 0;
    stressor_turnstile_open(&changing, NULL, 0);
    stressor_barrier_reset(THREADS + 1);
    for (int i = 0; i < THREADS; i++) {
        players[i] = (struct stressor_thread){.id = i, .lane = &stressor_record->lanes[i]};
        jobs[i] = (struct job){body, &players[i]};
        CHECK(pthread_create(&ids[i], NULL, live, &jobs[i]) == 0);
    }
    for (int round = 0; round < ROUNDS; round++) {
        before_round();
        stressor_turnstile_begin_round((uint64_t)round, THREADS);
        stressor_barrier_wait();
        stressor_barrier_wait_looking(stressor_standstill_look);
        CHECK(!stressor_record->control.deadlock);
        traces = traces * 31 + stressor_record->control.trace;
        after_round();
    }
    for (int i = 0; i < THREADS; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
    stressor_controlled = false;
    return traces;
}

/* ---- turns alone order everything ------------------------------------------------------------------ */

static int64_t sum;

static void
begin_sum(void)
{
    sum = 0;
}

static void
check_sum(void)
{
    CHECK(sum == THREADS * CALLS);
}

static void
add_in_turns(struct stressor_thread *self)
{
    for (uint32_t i = 0; i < CALLS; i++) {
        sum++; /* no lock: one thread at a time */
        visit(self, i);
    }
}

/* ---- locks, conditions, semaphores, sleeps --------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static sem_t semaphore;
static int64_t waiting_for;

static void
begin_locked(void)
{
    begin_sum();
    waiting_for = 0;
    CHECK(sem_init(&semaphore, 0, 1) == 0);
}

static void
add_locked(struct stressor_thread *self)
{
    for (uint32_t i = 0; i < CALLS; i++) {
        CHECK(stressor_model_pthread_mutex_lock(&mutex) == 0);
        int64_t seen = sum;
        visit(self, i); /* whoever goes on now must wait for the lock */
        sum = seen + 1;
        CHECK(stressor_model_pthread_mutex_unlock(&mutex) == 0);
        CHECK(stressor_model_sem_wait(&semaphore) == 0);
        visit(self, i);
        CHECK(stressor_model_sem_post(&semaphore) == 0);
#ifndef __SANITIZE_THREAD__ /* whose own thread sleeps and wakes: no deadline is due beside it */
        if (i % 8 == 0) {
            CHECK(stressor_model_usleep(1000000) == 0);
        }
#endif
    }
    /* All wait for all: the last one tells the others. */
    CHECK(stressor_model_pthread_mutex_lock(&mutex) == 0);
    if (++waiting_for == THREADS) {
        CHECK(stressor_model_pthread_cond_broadcast(&condition) == 0);
    }
    while (waiting_for < THREADS) {
        CHECK(stressor_model_pthread_cond_wait(&condition, &mutex) == 0);
    }
    CHECK(stressor_model_pthread_mutex_unlock(&mutex) == 0);
}

/* A lock that is given back by code whose calls nobody sees. */
static void
add_unseen(struct stressor_thread *self)
{
    for (uint32_t i = 0; i < CALLS; i++) {
        CHECK(stressor_model_pthread_mutex_lock(&mutex) == 0);
        int64_t seen = sum;
        visit(self, i);
        sum = seen + 1;
        CHECK(pthread_mutex_unlock(&mutex) == 0);
    }
}

int
main(void)
{
    stressor_record->threads = THREADS;
    before_round = begin_sum;
    after_round = check_sum;
    CHECK(run(add_in_turns) == run(add_in_turns));
    before_round = begin_locked;
    CHECK(run(add_locked) == run(add_locked));
    CHECK(stressor_record->control.revoked == 0);
    before_round = begin_sum;
    CHECK(run(add_unseen) == run(add_unseen));
    return 0;
}
