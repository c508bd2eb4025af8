/* The one place that knows private facts of an interpreter version.
 *
 * Public API and public struct fields come first; what is not public (a bit number, the encoding of
 * the shared reference count) is checked against the version at build time and at start, and an
 * unknown version gets the safe answer: no detach, no early end of a pause, no ledger, no monitors.
 * Sources: Include/internal/pycore_{ceval,critical_section,pystate}.h, Include/refcount.h,
 * Objects/object.c of 3.13 and 3.14.
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

/* Words that the monitors read. On an unknown version `stressor_words_refuse` says why they cannot. */
const char *stressor_words_refuse(void);

/* Of a thread state, any thread's. `section` is the innermost critical section, active or not. */
struct stressor_state_words {
    uintptr_t section;
    unsigned long maker; /* pthread_self() of the thread that it is bound to */
    bool attached;
};
void stressor_read_state(const void *state, struct stressor_state_words *words);

/* Of an object. `merged` and `shared` come from one load of the shared word. */
struct stressor_count_words {
    uintptr_t owner;
    uint32_t local;
    int64_t shared; /* without its flags; an immortal object's means nothing */
    bool ours;      /* the calling thread owns it, and nobody else changes `owner` and `local` */
    bool merged;
    bool immortal;
};
void stressor_read_counts(const void *object, struct stressor_count_words *words);

/* Whether the section was begun without entering the chain of open ones: 3.14 leaves a section out
 * whose lock the innermost one holds already. */
bool stressor_section_is_elided(const void *section);

/* Whether `section` is in the chain that begins at `innermost`. Never faults, whatever the links of
 * a broken chain lead to; false when the system does not let it look. Keeps errno. */
bool stressor_section_is_open(uintptr_t innermost, const void *section);

#endif
