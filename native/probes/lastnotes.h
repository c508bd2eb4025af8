/* Notes of a process that finalizes its interpreter: in memory that outlives it.
 *
 * Such a process is started by an operation of a probe, which then adds the notes to its journal. No
 * trial runs in it and no thread is held at sites, so a note may sleep for a moment that is drawn. */
#ifndef STRESSOR_PROBES_LASTNOTES_H
#define STRESSOR_PROBES_LASTNOTES_H

#include <stdint.h>

enum last_word {
    LAST_WAITS,
    LAST_EXITS,
    LAST_ATTACH,
    LAST_ATTACHED,
    LAST_LOCK,
    LAST_HAS_LOCK,
    LAST_LET_GO,
    LAST_DETACH,
    LAST_DETACHED,
    LAST_DESTRUCTOR,
    LAST_TAKES_LOCK,
    LAST_TOOK_LOCK,
    LAST_START,
    LAST_STARTED,
    LAST_RUNS,
    LAST_ENDS,
    LAST_BEGINS,
    LAST_WAITED,
    LAST_FINALIZED,
    LAST_SLEEPS,
    LAST_WORDS
};

/* Append, then pause. Any thread, attached or not; `slot` is the thread's. */
void last_note(int slot, enum last_word word, int64_t value);

/* Sleep, or give way, or neither: as it is drawn. */
void last_pause(int slot);

/* The caller has come to where it is to be when the process goes on to its end; and it has done all that
 * it does. With the seed 0 nothing sleeps and the process waits for this: what happens then is the same
 * each time. */
void last_ready(void);
void last_rest(void);

#endif
