/* The monitors: what a program must not do with the C API, looked for at every visit.
 *
 * Each law is one that CPython itself relies on, and that no interleaving of legal calls breaks: it is
 * judged from words that only the calling thread changes, or from one atomic load. So a breach is a
 * fact about the target and not a guess. What they mean in words, and their sources, is said by
 * `stressor/model/monitors.py`.
 *
 * Contract: called by the visiting thread, right before the real call and after any pause. Allocates
 * nothing, takes no lock, calls no Python, keeps errno; a breach is written to the record and the
 * thread goes on. An object is read only where the real call reads it next: a pointer that leads
 * nowhere is the target's own crash, a moment earlier.
 */
#ifndef STRESSOR_MONITORS_H
#define STRESSOR_MONITORS_H

#include "stressor/gate.h"

#pragma GCC visibility push(hidden)

/* Bits of `stressor_monitors`. Their order, and that of the laws, is that of the model; a test
 * compares them. */
enum stressor_monitor {
    STRESSOR_SECTIONS = 1,
    STRESSOR_DETACHED = 2,
    STRESSOR_THREAD_STATES = 4,
    STRESSOR_COUNTS = 8,
    STRESSOR_ALL_MONITORS = 15,
};

enum stressor_law {
    STRESSOR_SECTION_INNERMOST, /* words: innermost section */
    STRESSOR_SECTION_OPEN,      /* words: innermost section */
    STRESSOR_SECTION_ONCE,      /* words: innermost section */
    STRESSOR_SECTION_CLOSED,    /* words: innermost section, that at the operation's start */
    STRESSOR_SECTION_ATTACHED,
    STRESSOR_CALL_ATTACHED,
    STRESSOR_STATE_KEPT,  /* words: current state */
    STRESSOR_STATE_FREE,  /* words: current state, thread that it is bound to, calling thread */
    STRESSOR_STATE_BOUND, /* words: current state, thread that it is bound to, calling thread */
    STRESSOR_COUNT_MERGED,
    STRESSOR_COUNT_OWNED, /* these four: owner, local and shared count */
    STRESSOR_COUNT_OWNER,
    STRESSOR_COUNT_HELD,
};

/* Which are switched on. Written while no worker runs. */
extern uint32_t stressor_monitors;

/* No worker running; by the thread that owns the child, which is alive as long as the trial. */
void stressor_monitors_arm(uint32_t monitors);
void stressor_monitors_disarm(void);

/* A worker begins and stops to be a logical thread. */
void stressor_monitors_enter(struct stressor_thread *self);
void stressor_monitors_leave(struct stressor_thread *self);

/* Before the real call of `symbol`. */
void stressor_monitors_look(struct stressor_pass *pass, uint32_t symbol);

/* The same for a symbol that begins or ends the critical section `section`. */
void stressor_monitors_begin_section(struct stressor_pass *pass, const void *section);
void stressor_monitors_end_section(struct stressor_pass *pass, const void *section);

/* Around an operation call. */
void stressor_monitors_begin_call(struct stressor_thread *self);
void stressor_monitors_end_call(struct stressor_thread *self);

#pragma GCC visibility pop

#endif
