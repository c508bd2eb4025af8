/* Stacks of the calling thread, as program counters.
 *
 * Uses the compiler's unwinder, which neither allocates nor locks once `stressor_unwind_prepare` has
 * made it load what it needs (glibc >= 2.35 finds objects without a lock). It is not promised to be
 * async-signal-safe: the crash handler writes everything else first, and survives a fault in here.
 */
#ifndef STRESSOR_UNWIND_H
#define STRESSOR_UNWIND_H

#include <stdint.h>

void stressor_unwind_prepare(void);

#define STRESSOR_WHOLE_STACK UINT64_MAX

/* Fills up to `size` return addresses, innermost first; returns how many. A frame that a signal
 * interrupted has the address after its own plus one: one less always lies in the right function. What is above the program
 * counter `from` is left out (the handler's own frames), unless it is STRESSOR_WHOLE_STACK. */
uint32_t stressor_unwind(uint64_t *frames, uint32_t size, uint64_t from);

#endif
