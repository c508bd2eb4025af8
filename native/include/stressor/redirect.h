/* Redirection: calls inside the interpreter led through the gate, by changing where they go.
 *
 * The interpreter calls its own functions directly, so there is no slot to rewrite; but the four bytes
 * of a `call` or `jmp` that say where it leads can be. Each such place gets a trampoline of its own,
 * within reach of the interpreter's code:
 *
 *   call site -> trampoline -> the real function                      while disarmed
 *                           -> stub -> stressor_arrive, the real function, stressor_depart
 *
 * A function keeps its own bytes, so what reaches it through a pointer, or was inlined, is not seen.
 * The trampoline and the stub are trampolines.h's.
 */
#ifndef STRESSOR_REDIRECT_H
#define STRESSOR_REDIRECT_H

#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { STRESSOR_MAX_REDIRECTS = 1 << 16 };

/* One call site that shall lead through the gate. */
struct stressor_callsite {
    uint64_t end;    /* offset in the interpreter's file of what follows the instruction */
    uint64_t target; /* offset of the function that it leads to */
    uint16_t symbol;
};

/* Redirects all of them or none. NULL, or why nothing was changed; the text is static. Once per
 * process, by its only thread, disarmed. `build_id` is in hexadecimal digits. */
const char *stressor_redirect(const char *build_id, const struct stressor_callsite *sites,
                              size_t count);

/* NULL, or why nothing can be redirected here, whatever the interpreter's file looks like. */
const char *stressor_redirect_refuses(void);

#pragma GCC visibility pop

#endif
