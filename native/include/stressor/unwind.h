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

/* Fills up to `size` return addresses, innermost first; returns how many. With `from` != 0 everything
 * above that program counter is left out (the handler's own frames). */
uint32_t stressor_unwind(uint64_t *frames, uint32_t size, uint64_t from);

#endif
