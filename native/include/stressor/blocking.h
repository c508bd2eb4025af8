/* Blocking calls under the turnstile: one model per BLOCK line of sites.def.
 *
 * A model makes the call in a form that does not block, and parks the thread in the turnstile where
 * the call would have blocked. It returns what the call would have returned and leaves errno as the
 * call would have. From a thread that takes no part it makes the real call; calls that wake somebody
 * wake the turnstile's waiters too, whoever makes them. What cannot be modelled makes the real call
 * with the turn in hand; standstill.h says what becomes of that.
 */
#ifndef STRESSOR_BLOCKING_H
#define STRESSOR_BLOCKING_H

#include "stressor/abi.h"

#pragma GCC visibility push(hidden)

#define CALL(...)
#define CALL_VOID(...)
#define BORROW(...)
#define SPECIAL(...)
#define BEGIN_SECTION(...)
#define END_SECTION(...)
#define BLOCK(name, phases, result, params, args, object) result stressor_model_##name params;
#include "sites.def"
#undef CALL
#undef CALL_VOID
#undef BORROW
#undef SPECIAL
#undef BEGIN_SECTION
#undef END_SECTION
#undef BLOCK

#pragma GCC visibility pop

#endif
