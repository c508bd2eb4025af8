/* The gate: what every interposed call passes through.
 *
 *   wrapper -> stressor_arrive (BEFORE side) -> the real function -> stressor_depart (AFTER side)
 *
 * Contract below a site: no allocation, no lock of ours, no Python call (the one exception is the
 * DETACH action, at sites that the catalogue allows, with an attached thread state), no stdio.
 * errno and the exception state are as the real function left them. A thread that is already inside
 * the gate, or is no logical thread of the trial, passes freely.
 */
#ifndef STRESSOR_GATE_H
#define STRESSOR_GATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stressor/record.h"

#pragma GCC visibility push(hidden) /* ours alone: no slot between us and our own functions */

#define STRESSOR_LIKELY(x) __builtin_expect(!!(x), 1)
#define STRESSOR_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define STRESSOR_TLS _Thread_local __attribute__((tls_model("initial-exec")))

/* The orders of these enums are those of stressor.model's; a test compares them. */
enum stressor_kind { STRESSOR_CALL, STRESSOR_BLOCK, STRESSOR_HOOK, STRESSOR_OP, STRESSOR_REDIRECT };

enum stressor_category {
    STRESSOR_LOCK,
    STRESSOR_REFCOUNT,
    STRESSOR_THREAD_STATE,
    STRESSOR_CRITICAL_SECTION,
    STRESSOR_BORROWED_REF,
    STRESSOR_CONTAINER,
    STRESSOR_MEMORY,
    STRESSOR_COLLECTOR,
    STRESSOR_CATEGORY_BLOCK,
    STRESSOR_CATEGORY_OP,
};

enum stressor_phase { STRESSOR_PHASE_BEFORE, STRESSOR_PHASE_AFTER };
enum { STRESSOR_NEITHER, STRESSOR_BEFORE, STRESSOR_AFTER, STRESSOR_BOTH };
enum stressor_detach { STRESSOR_NEVER, STRESSOR_DYING, STRESSOR_PYTHON };

enum stressor_action {
    STRESSOR_GO,
    STRESSOR_YIELD,
    STRESSOR_SPIN,
    STRESSOR_SLEEP,
    STRESSOR_DETACH,
    STRESSOR_HOLD,
};

/* One catalogue entry. `real` is bound by interpose.c before any slot can lead here. */
struct stressor_symbol {
    const char *name;
    uint8_t kind;
    uint8_t category;
    uint8_t phases;
    uint8_t detach;
    uint8_t borrows;
    uint8_t brief;     /* sides at which nobody else may be let go on: short pauses only */
    const char *first; /* a redirected function's first argument in words; NULL: it has none */
    void *wrapper;
    void *real;
};

enum { STRESSOR_MAX_SYMBOLS = 512 }; /* a bound for tables; the catalogue has about half of it */

extern struct stressor_symbol stressor_symbols[];
extern const size_t stressor_symbol_count;
extern const uint32_t stressor_yield_symbol; /* sched_yield, after which others shall go first */

/* A logical thread. All fields belong to that thread, but for `borrowed` (see ledger.h). */
struct stressor_thread {
    struct stressor_lane *lane;
    int32_t id;
    uint32_t operation; /* of the running call */
    bool inside;        /* our own code is running: whatever it calls passes freely */
    bool open_loss;     /* a substitute was handed out and not yet seen used */
    uintptr_t borrowed[2];
};

extern STRESSOR_TLS struct stressor_thread *stressor_self;
extern struct stressor_thread stressor_threads[STRESSOR_MAX_THREADS];

/* By operation, STRESSOR_NO_SITE when there was no room; written with the rest of a trial's set-up. */
extern uint32_t stressor_operation_sites[STRESSOR_MAX_SITES];

/* Written by the owner of the child while no worker runs; read relaxed at every site. */
extern bool stressor_armed;
extern bool stressor_recording;
extern bool stressor_ledger_on;
extern bool stressor_hooks_on;
extern bool stressor_controlled;     /* threads take turns; see turnstile.h */
extern uint8_t *stressor_armed_near; /* a copy of stressor_armed for trampolines; see redirect.h */

/* The longest pause where nobody else may go on. */
#define STRESSOR_BRIEF_NS 1000000u

/* A pass through the gate, on the wrapper's stack. thread == NULL: do nothing on the way out. */
struct stressor_pass {
    struct stressor_thread *thread;
    const void *object;
    uint32_t site;
    uint32_t visit;
    uint8_t phases;
    uint8_t brief;
    bool ruled; /* each side asks policy, or the turnstile */
};

void stressor_arrive(struct stressor_pass *pass, uint32_t symbol, uintptr_t caller,
                     const void *object);
void stressor_depart(struct stressor_pass *pass);

/* The AFTER side of a borrowing call; returns what the caller shall get: the object, or a
 * substitute when it was destroyed while we paused. */
void *stressor_depart_borrowing(struct stressor_pass *pass, void *object);
void stressor_depart_borrowing_two(struct stressor_pass *pass, void **first, void **second);

/* Sites that are not calls through a slot. `key` tells hook sites of one symbol apart (a type, a
 * domain); `name` is read only when the site is new. */
void stressor_visit_hook(uintptr_t key, const char *event, const char *name, const void *object,
                         enum stressor_phase phase);

/* A note of a probe, see port.h: a site of one side that belongs to no module. */
void stressor_visit_note(const char *what);
extern void (*stressor_listener_now)(const char *site, int after, const void *object);

/* Both sides of one operation call of the calling worker; a stranger's are ignored. `result` is
 * looked at, not kept: it tells whether a substitute of the ledger was returned. */
void stressor_operation_begin(uint32_t operation, int32_t call);
void stressor_operation_end(const void *result);

/* Owner of the child, no worker running. */
struct stressor_rule;
int stressor_declare_operations(const char *const *names, size_t count);
void stressor_arm(uint64_t seed, uint32_t threads, bool ledger, bool hooks, bool recording);
void stressor_begin_round(uint32_t round);
void stressor_disarm(void);

/* In the child of a fork, whose one thread is no worker and which shares the record with its parent:
 * it must neither act nor write, also not on its way out of calls that it was forked in. */
void stressor_abandon(void);

/* Worker. */
void stressor_enter(uint32_t thread);
void stressor_leave(void);

/* Entering and leaving our own code, around anything that may call back through a slot. */
static inline struct stressor_thread *
stressor_guard(void)
{
    struct stressor_thread *self = stressor_self;
    if (self == NULL || self->inside) {
        return NULL;
    }
    self->inside = true;
    return self;
}

#pragma GCC visibility pop

#endif
