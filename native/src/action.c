#define _GNU_SOURCE
#include "stressor/action.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include <Python.h>

#include "stressor/clock.h"
#include "stressor/layout.h"
#include "stressor/sites.h"

/* Attached threads pause in slices this long and look for a stop request in between, so that a pause
 * never delays a stop-the-world by much more. */
enum { SLICE_NS = 200000, SPIN_LIMIT_NS = 20000, HOLD_SPIN_NS = 20000, HOLD_NAP_NS = 20000 };

/* How long an attached thread goes on with a hold when the world shall stop. The awaited thread will
 * be stopped too, at its next safe point: what it has not passed by then, it cannot pass while we
 * make the others wait. */
enum { STOP_GRACE_NS = 5000000 };

static void
spin(uint64_t ns)
{
    uint64_t end = stressor_clock_ns(CLOCK_MONOTONIC) + ns;
    while (stressor_clock_ns(CLOCK_MONOTONIC) < end) {
        stressor_pause();
    }
}

static void
nap(uint64_t ns)
{
    struct timespec time = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    /* A signal ends the nap early; its handler is for others to run, and the delay is no promise. */
    (void)clock_nanosleep(CLOCK_MONOTONIC, 0, &time, NULL);
}

/* Passes `ns` by `wait`, in slices as long as the thread is attached. */
static void
wait_in_slices(uint64_t ns, void (*wait)(uint64_t ns), uint64_t slice)
{
    const void *state = stressor_thread_state();
    if (ns <= slice || state == NULL) {
        wait(ns);
        return;
    }
    uint64_t end = stressor_clock_ns(CLOCK_MONOTONIC) + ns;
    for (uint64_t now = stressor_clock_ns(CLOCK_MONOTONIC); now < end;
         now = stressor_clock_ns(CLOCK_MONOTONIC)) {
        if (stressor_stop_requested(state)) {
            return;
        }
        wait(end - now < slice ? end - now : slice);
    }
}

static void
sleep_for(uint64_t ns)
{
    /* A sleep of a microsecond costs more than fifty: below the limit only spinning is honest. */
    if (ns <= SPIN_LIMIT_NS) {
        spin(ns);
    } else {
        wait_in_slices(ns, nap, SLICE_NS);
    }
}

static bool
detached_sleep(uint64_t ns)
{
    /* Suspends the critical sections in force and resumes them, as the real operation would. */
    PyThreadState *state = PyEval_SaveThread();
    if (ns <= SPIN_LIMIT_NS) {
        spin(ns);
    } else {
        nap(ns);
    }
    PyEval_RestoreThread(state);
    return true;
}

/* `site` is the awaited site, looked up until it is known. */
static bool
passed(const struct stressor_rule *rule, uint32_t *site)
{
    if (*site == UINT32_MAX && (*site = stressor_site_by_hash(rule->until_hash)) == UINT32_MAX) {
        return false;
    }
    struct stressor_lane *lane = &stressor_record->lanes[rule->until_thread];
    uint32_t *count = rule->until_phase == STRESSOR_PHASE_BEFORE ? lane->before : lane->after;
    /* Acquire: what the other thread did up to that visit is visible to us after the hold. */
    return __atomic_load_n(&count[*site], __ATOMIC_ACQUIRE) >= rule->until_visit;
}

static bool
hold(struct stressor_decision *decision)
{
    const struct stressor_rule *rule = decision->rule;
    uint64_t start = stressor_clock_ns(CLOCK_MONOTONIC), now = start, end = start + rule->most_ns;
    uint32_t site = UINT32_MAX;
    const void *state = stressor_thread_state();
    bool stopping = false;
    while (!passed(rule, &site)) {
        decision->ns = (uint32_t)(now - start);
        if (now > end) {
            return false;
        }
        if (!stopping && state != NULL && stressor_stop_requested(state)) {
            stopping = true;
            end = now + STOP_GRACE_NS < end ? now + STOP_GRACE_NS : end;
        }
        if (now - start < HOLD_SPIN_NS) {
            stressor_pause();
        } else {
            nap(HOLD_NAP_NS);
        }
        now = stressor_clock_ns(CLOCK_MONOTONIC);
    }
    decision->ns = (uint32_t)(now - start);
    return true;
}

bool
stressor_act(struct stressor_decision *decision, bool may_detach)
{
    int saved = errno;
    bool done = true;
    switch (decision->action) {
    case STRESSOR_GO:
        break;
    case STRESSOR_YIELD:
        (void)sched_yield();
        break;
    case STRESSOR_SPIN:
        wait_in_slices(decision->ns, spin, SPIN_LIMIT_NS);
        break;
    case STRESSOR_SLEEP:
        sleep_for(decision->ns);
        break;
    case STRESSOR_DETACH:
        done = may_detach && detached_sleep(decision->ns);
        break;
    case STRESSOR_HOLD:
        done = hold(decision);
        break;
    }
    errno = saved;
    return done;
}
