/* Inside the turnstile: one seat per logical thread, and who has the turn. For turnstile.c and
 * standstill.c only; all of it under the turnstile's lock but for the futex word of a seat. */
#ifndef STRESSOR_SEATS_H
#define STRESSOR_SEATS_H

#include <stdbool.h>
#include <stdint.h>

#include "stressor/record.h"

#pragma GCC visibility push(hidden)

enum stressor_place {
    STRESSOR_ABSENT,  /* has not come, or has left */
    STRESSOR_READY,   /* has the turn or waits for it */
    STRESSOR_WAITING, /* for an object or a deadline */
    STRESSOR_OUTSIDE, /* lost the turn in a call that is not modelled; comes back by itself */
};

struct stressor_seat {
    uint32_t gate; /* futex: 1 hands over the turn */
    uint8_t place;
    bool timed_out;
    bool tries; /* waits for an object that it can try to take */
    int32_t tid;
    const void *object;
    uint64_t deadline;
    uint64_t since; /* number of its wait */
    uint64_t owed;  /* who shall go before it, after a yield */
};

struct stressor_turns {
    uint32_t lock;
    int32_t holder; /* who has the turn, -1 nobody */
    uint32_t parties;
    uint32_t present;     /* have come and not left */
    bool begun;           /* all have come */
    bool fairness;        /* some seat is owed */
    uint64_t ready;       /* bit per seat that is READY */
    uint64_t visits;      /* of all threads: what was tried before the last one may now succeed */
    uint64_t idle_visits; /* `visits` when nobody could go on, and since when (real nanoseconds) */
    uint64_t idle_since;
    uint64_t looks;    /* since then */
    uint64_t tried_at; /* last attempt of all since then, 0 for none */
    uint64_t in_a_row; /* choices of the same thread */
    uint64_t waits;    /* number of the last wait */
    uint64_t soonest;  /* no deadline is before it */
    uint64_t changes;  /* of any place: what was seen at another number is out of date */
    struct stressor_seat seats[STRESSOR_MAX_THREADS];
};

extern struct stressor_turns stressor_turns;

void stressor_turns_acquire(void);
void stressor_turns_release(void);

/* The lock is held; the second and third give it back. */
void stressor_turns_place(int thread, enum stressor_place place);
void stressor_turns_revoke(void);                  /* from the holder */
void stressor_turns_resume(enum stressor_why why); /* somebody is ready and nobody has the turn */

static inline uint64_t
stressor_bit(int thread)
{
    return UINT64_C(1) << thread;
}

#pragma GCC visibility pop

#endif
