/* The one place that knows private facts of an interpreter version.
 *
 * Public API and public struct fields come first; what is not public (a bit number, the encoding of
 * the shared reference count) is checked against the version at build time and at start, and an
 * unknown version gets the safe answer: no detach, no early end of a pause, no ledger.
 * Sources: Include/internal/pycore_ceval.h, Include/refcount.h, Objects/object.c of 3.13 and 3.14.
 */
#ifndef STRESSOR_LAYOUT_H
#define STRESSOR_LAYOUT_H

#include <stdbool.h>
#include <stdint.h>

/* NULL, or why the running interpreter is refused. Attached. */
const char *stressor_layout_refuses(void);

/* NULL, or why nothing is known of the running interpreter's inner functions. */
const char *stressor_runtime_refuses(void);

/* An address inside the object that holds the interpreter: the executable or a shared library. */
uintptr_t stressor_interpreter_place(void);

/* The calling thread's thread state, NULL when it is detached or not Python's. */
const void *stressor_thread_state(void);

/* Whether somebody wants to stop the world and the thread of this state, which is the caller's, is
 * waited for. */
bool stressor_stop_requested(const void *thread_state);

/* Whether dropping a shared reference to `object` may detach here: it would be queued for its
 * owner (which takes a lock), or destroyed although its destructor may run code. */
bool stressor_dying_may_detach(const void *object);

/* Whether calling `callable` runs Python code. */
bool stressor_call_may_detach(const void *callable);

/* Gives a static object an immense merged count, so that every change shows in one word. */
void stressor_disown(void *object);
int64_t stressor_shared_word(const void *object);

/* Whether the type may bring its instances back to life while they are destroyed. */
bool stressor_may_resurrect(const void *object);

#endif
