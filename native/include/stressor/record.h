/* The record: one mapped file per child slot, written by the child, read by the parent.
 *
 * It is MAP_SHARED, so it outlives SIGSEGV and SIGKILL of the child. Python reads it with the
 * offsets of `stressor/model/record.py`; `stressor_layout()` lets a test hold the two together.
 * Any change here raises STRESSOR_RECORD_VERSION.
 *
 * Ownership: every field says who writes it. The parent only reads, and only trusts what it can
 * check: a killed child may leave any entry half written. Nothing in here is a pointer to follow.
 */
#ifndef STRESSOR_RECORD_H
#define STRESSOR_RECORD_H

#include <stdint.h>

#define STRESSOR_RECORD_MAGIC 0x3152535345525453ull /* "STRESSR1", little endian */
#define STRESSOR_RECORD_VERSION 3u

enum {
    STRESSOR_MAX_THREADS = 64, /* logical threads of a trial */
    STRESSOR_MAX_SITES = 4096, /* sites seen by one child; further ones are counted, not acted on */
    STRESSOR_MAX_MODULES = 512,
    STRESSOR_RING = 2048, /* events kept per thread, a power of two; the oldest go first */
    STRESSOR_MAX_FRAMES = 48,
    STRESSOR_MAX_LOSSES = 8,
    STRESSOR_MAX_BREACHES = 8,
    STRESSOR_STEPS = 1 << 16, /* choices kept per round; the first ones stay */
};

/* Bits of `overflow`: a table was full, and what came later is missing. */
enum {
    STRESSOR_FULL_SITES = 1,
    STRESSOR_FULL_RULES = 2,
    STRESSOR_FULL_MODULES = 4,
    STRESSOR_FULL_SLOTS = 8,
    STRESSOR_FULL_LOSSES = 16,
    STRESSOR_FULL_BREACHES = 32,
};

/* One loaded shared object. Written before workers start, or by the thread that returns from
 * dlopen; complete once `module_count` (release) covers it. */
struct stressor_module {
    uint64_t base; /* load base: subtract from a program counter to get the ELF address */
    uint64_t start;
    uint64_t end;
    char path[232]; /* cut at the front when longer: the file name is what matters */
};

/* One site. Written by the thread that first arrives there; complete once `ready` is 1 (release). */
struct stressor_site {
    uint64_t hash; /* FNV-1a of the key's text */
    uint64_t offset;
    uint32_t module; /* index into modules; UINT32_MAX: none */
    uint32_t ready;
    uint8_t kind;     /* enum stressor_kind */
    uint8_t category; /* enum stressor_category */
    uint8_t phases;   /* bit 0 before, bit 1 after */
    uint8_t may_detach;
    uint32_t acted; /* any thread, atomic add: rare */
    uint64_t total; /* visits of the rounds before this one; written between rounds */
    char name[80];  /* symbol, operation, or "destroy:TYPE" */
};

struct stressor_event {
    uint64_t at; /* processor time stamp */
    uint64_t object;
    uint32_t site;
    uint32_t visit; /* 1-based, of this thread at this site in this round */
    uint32_t ns;    /* delay asked for; for a hold that has ended, how long it was */
    int16_t call;   /* index of the running operation call, -1 outside */
    uint8_t phase;
    uint8_t action; /* enum stressor_action, | STRESSOR_EXPIRED */
};
#define STRESSOR_EXPIRED 0x80u

/* Per logical thread. Written only by that thread; between rounds by the owner of the child. */
struct stressor_lane {
    uint64_t written;  /* events so far in this round; the ring holds the last STRESSOR_RING */
    uint64_t progress; /* visits so far in this process, never reset: the supervisor's pulse */
    int32_t call;      /* running operation call, -1 outside */
    int32_t finished;  /* operation calls completed in this round */
    uint32_t before[STRESSOR_MAX_SITES]; /* visits whose BEFORE side is done (release) */
    uint32_t after[STRESSOR_MAX_SITES];  /* visits whose AFTER side is done (release) */
    uint64_t pad[5];
    struct stressor_event ring[STRESSOR_RING];
};

/* Written by the first thread that crashes, inside the signal handler. With `signal` (release) all but
 * the further frames is complete; `frame_count` follows them. */
struct stressor_crash {
    uint32_t signal;
    int32_t thread; /* logical, -1: none */
    uint64_t address;
    uint32_t frame_count;
    uint32_t pad;
    uint64_t frames[STRESSOR_MAX_FRAMES];
};

/* One finding of the borrow ledger. The destroyer writes its half when it takes the slot, the
 * borrower the rest; complete when `site_known` is 1 (release). */
struct stressor_loss {
    uint32_t site;
    uint32_t visit;
    int32_t thread;
    int32_t destroyer; /* logical, -1: a stranger */
    uint32_t site_known;
    uint32_t used; /* the text below is valid (release) */
    char how[80];
    char type[80];
    uint32_t borrower_count;
    uint32_t destroyer_count;
    uint64_t borrower[STRESSOR_MAX_FRAMES];
    uint64_t destroyer_frames[STRESSOR_MAX_FRAMES];
};

/* What a monitor found: at a visit, or at an operation's end, a law was broken. Written by the thread
 * that takes the slot; complete when `ready` is 1 (release). */
struct stressor_breach {
    uint32_t law; /* enum stressor_law */
    uint32_t site;
    uint32_t visit;
    int32_t thread;
    uint32_t phase;
    uint32_t times; /* the same law at the same site, by any thread; atomic add */
    uint32_t ready;
    uint32_t frame_count;
    uint64_t object;
    uint64_t words[3]; /* what was seen; which words they are depends on the law */
    uint64_t frames[STRESSOR_MAX_FRAMES];
};

/* What led to a choice of a controlled schedule. */
enum stressor_why {
    STRESSOR_WHY_BEGIN,
    STRESSOR_WHY_VISIT,
    STRESSOR_WHY_YIELD,
    STRESSOR_WHY_BLOCKED,
    STRESSOR_WHY_EXPIRED,
    STRESSOR_WHY_WOKEN,
    STRESSOR_WHY_REVOKED,
    STRESSOR_WHY_ENDED,
};

/* One choice: `thread` was at a visit, and `to` went on. */
struct stressor_step {
    uint64_t ready; /* bit per thread that could be chosen */
    uint64_t object;
    uint32_t site; /* UINT32_MAX: at none */
    uint32_t visit;
    int16_t thread; /* -1: none */
    int16_t to;
    uint8_t phase;
    uint8_t why; /* enum stressor_why */
    uint16_t pad;
};

/* What a thread waits for, valid when `waiting` is 1. */
struct stressor_wait {
    uint64_t object;
    uint32_t site;
    uint32_t visit;
    uint32_t waiting;
    uint32_t timed;
};

enum stressor_divergence {
    STRESSOR_ON_COURSE,
    STRESSOR_ELSEWHERE, /* the step of a switch came at another visit */
    STRESSOR_UNREADY,   /* the thread that a switch names could not run */
    STRESSOR_MISSED,    /* the round ended before the switch */
};

/* A controlled schedule. Written by the thread that has the turn, or under the turnstile's lock;
 * between rounds by the owner of the child. */
struct stressor_control {
    uint64_t trace; /* of every choice and visit */
    uint64_t count; /* choices; log holds the first STRESSOR_STEPS of them */
    uint64_t now;   /* virtual nanoseconds since the trial began; atomic add */
    uint64_t revoked;
    uint32_t deadlock;                /* 1 (release): nobody will ever go on; `waits` says why */
    uint32_t diverged;                /* enum stressor_divergence; the first one only */
    uint32_t diverged_switch;         /* which of the plan's switches */
    uint32_t controlled;              /* whether the trial is a controlled one */
    struct stressor_step diverged_at; /* what came instead */
    uint64_t diverged_step;
    struct stressor_wait waits[STRESSOR_MAX_THREADS];
    struct stressor_step log[STRESSOR_STEPS];
};

struct stressor_record {
    uint64_t magic;
    uint32_t version;
    uint32_t size_low; /* sizeof(struct stressor_record), a second check of the layout */
    uint32_t threads;  /* lanes in use */
    uint32_t round;
    uint32_t armed;
    uint32_t site_count;
    uint32_t module_count;
    uint32_t loss_count;
    uint32_t overflow; /* STRESSOR_FULL_* */
    uint32_t breach_count;
    uint64_t strangers; /* visits by threads the trial did not start; atomic add */
    struct stressor_crash crash;
    struct stressor_loss losses[STRESSOR_MAX_LOSSES];
    struct stressor_breach breaches[STRESSOR_MAX_BREACHES];
    struct stressor_module modules[STRESSOR_MAX_MODULES];
    struct stressor_site sites[STRESSOR_MAX_SITES];
    struct stressor_lane lanes[STRESSOR_MAX_THREADS];
    struct stressor_control control;
};

/* The process's record. Never NULL: before `open_record` it is a private one, so that no site has
 * to test for it. */
extern struct stressor_record *stressor_record __attribute__((visibility("hidden")));

/* Maps `path` as the record and empties it. Returns 0, or an errno. Once per process, before any
 * worker. Not for a site. */
int stressor_record_open(const char *path);

/* Goes back to the private record: for the child of a fork, which shares the mapping and must not
 * write it. Async-signal-safe. */
void stressor_record_abandon(void);

/* Empties everything but the modules. Owner of the child only, no worker running. */
void stressor_record_reset(void);

/* Forgets visits and events of the round, adding visits to the totals. Same conditions. */
void stressor_record_next_round(uint32_t round);

/* Appends to the lane's ring. Caller: the thread that owns the lane. Async-signal-safe. */
static inline void
stressor_ring_append(struct stressor_lane *lane, const struct stressor_event *event)
{
    lane->ring[lane->written & (STRESSOR_RING - 1)] = *event;
    /* Release: a parent that reads `written` after our death sees whole entries below it. */
    __atomic_store_n(&lane->written, lane->written + 1, __ATOMIC_RELEASE);
}

#endif
