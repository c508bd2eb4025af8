/* The barrier that releases the workers of a round together.
 *
 * Parties sleep on a futex until all have come, then line up once more by spinning: waking from a
 * futex takes tens of microseconds, longer than most operations, and would make short programs run
 * one after the other. Callers are detached. There is no deadline here: the supervisor has it.
 */
#ifndef STRESSOR_BARRIER_H
#define STRESSOR_BARRIER_H

#include <stdint.h>

/* No party may be inside. */
void stressor_barrier_reset(uint32_t parties);
void stressor_barrier_wait(void);
/* The same, calling `look` every few milliseconds until all have come. */
void stressor_barrier_wait_looking(void (*look)(void));

#endif
