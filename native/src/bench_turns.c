#define _GNU_SOURCE
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <time.h>

#include "stressor/barrier.h"
#include "stressor/bench.h"
#include "stressor/gate.h"
#include "stressor/turnstile.h"

/* A kernel without Python: two threads that read, and then write, one counter. */
enum { THREADS = 2, CALLS = 4 };

struct kernel {
    int64_t rounds;
    int64_t visits; /* per thread and round */
    bool yields;    /* every visit hands over */
};

static struct kernel kernel;

static void
run_calls(struct stressor_thread *self)
{
    for (int64_t i = 0; i < kernel.visits; i++) {
        if (kernel.yields) {
            stressor_turn_yield(self);
        } else {
            stressor_operation_begin(0, 0);
            stressor_operation_end(NULL);
        }
    }
}

static void *
live(void *number)
{
    stressor_enter((uint32_t)(uintptr_t)number);
    for (int64_t round = 0; round < kernel.rounds; round++) {
        stressor_barrier_wait();
        stressor_turn_enter();
        run_calls(stressor_self);
        stressor_turn_leave();
        stressor_barrier_wait();
    }
    stressor_leave();
    return NULL;
}

static double
timed_rounds(const char *scheduler)
{
    static int64_t numbers[STRESSOR_MAX_NUMBERS];
    const char *const operations[] = {"count"};
    cpu_set_t before;
    bool pinned = sched_getaffinity(0, sizeof(before), &before) == 0;
    stressor_turnstile_open(stressor_scheduler_named(scheduler), numbers, 0);
    stressor_arm(1, THREADS, false, false, true);
    (void)stressor_declare_operations(operations, 1);
    stressor_barrier_reset(THREADS + 1);
    pthread_t threads[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++) {
        if (pthread_create(&threads[i], NULL, live, (void *)i) != 0) {
            return -1.0; /* and the process is of no use any more */
        }
    }
    struct timespec from, to;
    clock_gettime(CLOCK_MONOTONIC, &from);
    for (int64_t round = 0; round < kernel.rounds; round++) {
        stressor_begin_round((uint32_t)round);
        stressor_barrier_wait();
        stressor_barrier_wait();
    }
    clock_gettime(CLOCK_MONOTONIC, &to);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    stressor_disarm();
    if (pinned) {
        (void)sched_setaffinity(0, sizeof(before), &before);
    }
    return (double)(to.tv_sec - from.tv_sec) * 1e9 + (double)(to.tv_nsec - from.tv_nsec);
}

double
stressor_bench_turns(const char *what, int64_t iterations)
{
    if (strcmp(what, "schedule") == 0) { /* one round under a random walk */
        kernel = (struct kernel){.rounds = iterations, .visits = CALLS};
        return timed_rounds("walk") / (double)iterations;
    }
    if (strcmp(what, "go-on") == 0) { /* one side of a visit at which the same thread goes on */
        kernel = (struct kernel){.rounds = 1, .visits = iterations};
        return timed_rounds("first") / (double)(2 * THREADS * iterations);
    }
    if (strcmp(what, "hand-over") == 0) { /* one visit at which the other thread goes on */
        kernel = (struct kernel){.rounds = 1, .visits = iterations, .yields = true};
        return timed_rounds("first") / (double)(THREADS * iterations);
    }
    return -1.0;
}
