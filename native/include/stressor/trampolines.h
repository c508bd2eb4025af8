/* Trampolines: what stands between a redirected call and the function that it called, one for each.
 *
 * While disarmed a trampoline is a comparison and a jump to the real function. Armed, it goes on to the
 * stub, which is one for all: stressor_arrive, the real function, stressor_depart. A thread that is none
 * of the trial's, is inside our own code or between two operations is sent past both, and not counted:
 * every thread that waits for something comes by here.
 *
 * Compilers know what a function of the same file does to registers, and keep values across its call
 * in registers that any other function may change (gcc: -fipa-ra); they also align the stack less for
 * it (-fipa-stack-alignment). So the stub keeps every register that our own code could change, and
 * changes none of the function's. Only flags are lost, which no compiler keeps across a call.
 */
#ifndef STRESSOR_TRAMPOLINES_H
#define STRESSOR_TRAMPOLINES_H

#include <stddef.h>
#include <stdint.h>

#include "stressor/redirect.h"

#pragma GCC visibility push(hidden)

enum { STRESSOR_TRAMPOLINE = 32 }; /* bytes */

/* What is loaded of an object; offsets of its file are counted from `base`. */
struct stressor_extent {
    uintptr_t base;
    uintptr_t start;
    uintptr_t end;
};

/* Makes one for each call site, in their order and within reach of all of the object. NULL, or why
 * there are none; the text is static. Once per process, disarmed. */
const char *stressor_make_trampolines(const struct stressor_extent *object,
                                      const struct stressor_callsite *sites, size_t count,
                                      const char **made);

#pragma GCC visibility pop

#endif
