#define _GNU_SOURCE
#include "stressor/barrier.h"

#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stressor/clock.h"
#include "stressor/gate.h"

static uint32_t parties = 1;
static uint32_t arrived;    /* of this generation; the last one puts it back to 0 */
static uint32_t generation; /* the futex word */
static uint32_t awake;      /* parties that left the futex, over all generations */

/* Spins before yielding, and yields before giving up: with more parties than processors the last one
 * may need several time slices to come, and lining up is a help and no promise. */
enum { SPINS = 200, YIELDS = 64 };

/* Time between two looks. */
enum { LOOK_NS = 5000000 };

static void
line_up(uint32_t everybody)
{
    if (stressor_controlled) {
        return; /* on one processor, and in turns: there is nothing to line up for */
    }
    __atomic_add_fetch(&awake, 1, __ATOMIC_ACQ_REL);
    for (int yields = 0; yields < YIELDS; yields++) {
        for (int i = 0; i < SPINS; i++) {
            /* Wraps with `everybody`, so the difference is what counts. */
            if ((int32_t)(__atomic_load_n(&awake, __ATOMIC_ACQUIRE) - everybody) >= 0) {
                return;
            }
            stressor_pause();
        }
        (void)sched_yield();
    }
}

void
stressor_barrier_reset(uint32_t count)
{
    parties = count;
    arrived = 0;
    generation = 0;
    awake = 0;
}

void
stressor_barrier_wait(void)
{
    stressor_barrier_wait_looking(NULL);
}

void
stressor_barrier_wait_looking(void (*look)(void))
{
    const struct timespec soon = {0, LOOK_NS};
    uint32_t mine = __atomic_load_n(&generation, __ATOMIC_ACQUIRE);
    if (__atomic_add_fetch(&arrived, 1, __ATOMIC_ACQ_REL) == parties) {
        __atomic_store_n(&arrived, 0, __ATOMIC_RELAXED);
        __atomic_store_n(&generation, mine + 1, __ATOMIC_RELEASE);
        (void)syscall(SYS_futex, &generation, FUTEX_WAKE_PRIVATE, INT32_MAX, NULL, NULL, 0);
    } else {
        while (__atomic_load_n(&generation, __ATOMIC_ACQUIRE) == mine) {
            (void)syscall(SYS_futex, &generation, FUTEX_WAIT_PRIVATE, mine,
                          look != NULL ? &soon : NULL, NULL, 0);
            if (look != NULL) {
                look();
            }
        }
    }
    line_up((mine + 1) * parties);
}
