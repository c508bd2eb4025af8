/* The shim's shared tables under plain threads, for ThreadSanitizer: no interpreter, no slots.
 *
 * The sources under test are included, with stand-ins for what they want of Python. Every scenario
 * also checks what it computed, so that this is worth running without the sanitizer. Exits with 1 at
 * the first wrong number; the sanitizer's own exit code is 66. */
#define _GNU_SOURCE
#include <Python.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "no_turns.h"

#include "action.c"
#include "barrier.c"
#include "contract.c"
#include "gate.c"
#include "ledger.c"
#include "monitors.c"
#include "policy.c"
#include "record.c"
#include "sites.c"
#include "trial.c"
#include "unwind.c"

enum { THREADS = 4, ROUNDS = 3 };

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#include "no_python.h"

/* ---- running threads --------------------------------------------------------------------------- */

struct job {
    void (*body)(uint32_t thread);
    uint32_t thread;
};

static void *
live(void *argument)
{
    struct job *job = argument;
    stressor_enter(job->thread);
    stressor_barrier_wait();
    job->body(job->thread);
    stressor_leave();
    return NULL;
}

static void
run(void (*body)(uint32_t thread), uint32_t threads)
{
    pthread_t ids[STRESSOR_MAX_THREADS];
    struct job jobs[STRESSOR_MAX_THREADS];
    stressor_barrier_reset(threads);
    for (uint32_t i = 0; i < threads; i++) {
        jobs[i] = (struct job){body, i};
        CHECK(pthread_create(&ids[i], NULL, live, &jobs[i]) == 0);
    }
    for (uint32_t i = 0; i < threads; i++) {
        CHECK(pthread_join(ids[i], NULL) == 0);
    }
}

/* Rules as the Python face would read them. */
static void
add_rule(enum stressor_selector selector, int64_t selected, int64_t chance,
         enum stressor_action action, int64_t ns)
{
    int64_t numbers[STRESSOR_RULE_FIELDS] = {selector, selected, -1, -1, -1, chance, action,
                                             ns,       ns,       -1, 0,  -1, -1};
    CHECK(stressor_rule_parse(&stressor_rules[stressor_rule_count++], numbers) == NULL);
}

static void
add_hold(int64_t thread, int64_t until_thread, uint64_t hash, int64_t visit)
{
    int64_t numbers[STRESSOR_RULE_FIELDS] = {0,
                                             -1,
                                             0,
                                             thread,
                                             visit,
                                             (int64_t)1 << 32,
                                             STRESSOR_HOLD,
                                             0,
                                             1000000000,
                                             until_thread,
                                             (int64_t)hash,
                                             visit,
                                             1};
    CHECK(stressor_rule_parse(&stressor_rules[stressor_rule_count++], numbers) == NULL);
}

static uint64_t
total_visits(void)
{
    uint64_t sum = 0;
    for (uint32_t site = 0; site < stressor_record->site_count; site++) {
        sum += stressor_record->sites[site].total;
        for (uint32_t i = 0; i < stressor_record->threads; i++) {
            sum += stressor_record->lanes[i].before[site];
        }
    }
    return sum;
}

/* ---- the site table ---------------------------------------------------------------------------- */

enum { SITES = 300, PASSES = 30 };

static void
pass_many(uint32_t thread)
{
    for (uint32_t n = 0; n < SITES * PASSES; n++) {
        struct stressor_pass pass;
        /* Each thread begins elsewhere: sites are made by all of them, some by two at once. */
        uintptr_t place = 0x1000 + 16 * ((n + thread * 7) % SITES);
        stressor_arrive(&pass, BOTH_SIDES, place, NULL);
        stressor_depart(&pass);
    }
}

static void
sites_are_made_once(void)
{
    stressor_rule_count = 0;
    add_rule(STRESSOR_SELECT_CATEGORY, STRESSOR_CONTAINER, 1 << 26, STRESSOR_YIELD, 0);
    add_rule(STRESSOR_SELECT_ANY, -1, 1 << 24, STRESSOR_SPIN, 500);
    stressor_arm(1, THREADS, false, false, true);
    for (uint32_t round = 0; round < ROUNDS; round++) {
        stressor_begin_round(round);
        run(pass_many, THREADS);
    }
    stressor_disarm();
    CHECK(stressor_record->site_count == SITES);
    CHECK(total_visits() == (uint64_t)ROUNDS * THREADS * SITES * PASSES);
    CHECK(stressor_record->overflow == 0);
}

static void
pass_too_many(uint32_t thread)
{
    for (uint32_t n = 0; n < STRESSOR_MAX_SITES + 900; n++) {
        struct stressor_pass pass;
        stressor_arrive(&pass, BOTH_SIDES, 0x1000 + 16 * (n + thread), NULL);
        stressor_depart(&pass);
    }
}

static void
a_full_table_is_said(void)
{
    stressor_rule_count = 0;
    for (int i = 0; i < 20; i++) {
        add_rule(STRESSOR_SELECT_ANY, -1, i, STRESSOR_YIELD, 0);
    }
    stressor_arm(1, THREADS, false, false, false);
    run(pass_too_many, THREADS);
    stressor_disarm();
    CHECK(stressor_record->site_count == STRESSOR_MAX_SITES);
    CHECK(stressor_record->overflow == (STRESSOR_FULL_SITES | STRESSOR_FULL_RULES));
}

/* ---- holds ------------------------------------------------------------------------------------- */

static uint32_t plain[64]; /* written by one thread, read by the other after its hold */

static void
take_turns(uint32_t thread)
{
    for (uint32_t turn = 0; turn < 64; turn++) {
        if (thread == 0) {
            plain[turn] = turn + 1;
        }
        stressor_operation_begin(thread, (int32_t)turn);
        if (thread == 1) {
            CHECK(plain[turn] == turn + 1);
        }
        stressor_operation_end(NULL);
    }
}

/* What a thread did before the awaited visit is seen by the one that held. */
static void
a_hold_orders_memory(void)
{
    const char *const names[] = {"write", "read"};
    stressor_rule_count = 0;
    for (int64_t visit = 1; visit <= 64; visit++) {
        add_hold(1, 0, stressor_fnv(STRESSOR_FNV_START, "op:target:write"), visit);
    }
    stressor_arm(1, 2, false, false, true);
    CHECK(stressor_declare_operations(names, 2) == 0);
    run(take_turns, 2);
    stressor_disarm();
    CHECK(stressor_record->lanes[0].finished == 64 && stressor_record->lanes[1].finished == 64);
}

/* ---- the monitors ------------------------------------------------------------------------------ */

enum { BREACHES = 2000, BROKEN_SITES = STRESSOR_MAX_BREACHES / THREADS };

static void
break_laws(uint32_t thread)
{
    static PyObject object;
    for (uint32_t n = 0; n < BREACHES; n++) {
        struct stressor_pass pass;
        uintptr_t place = 0x1000 + 16 * ((n + thread) % BROKEN_SITES);
        stressor_arrive(&pass, BOTH_SIDES, place, &object);
        stressor_depart(&pass);
    }
}

/* Threads that break a law at a site for the first time may do so at once, and then take a slot each:
 * there is one for all of them. */
static void
no_breach_is_lost(void)
{
    stressor_rule_count = 0;
    stressor_monitors_arm(STRESSOR_ALL_MONITORS);
    stressor_arm(1, THREADS, false, false, true);
    run(break_laws, THREADS);
    stressor_disarm();
    uint64_t times = 0;
    for (uint32_t i = 0; i < stressor_record->breach_count; i++) {
        struct stressor_breach *breach = &stressor_record->breaches[i];
        CHECK(breach->ready && breach->law == STRESSOR_COUNT_MERGED);
        CHECK(breach->site < BROKEN_SITES && breach->frame_count > 0);
        times += breach->times;
    }
    CHECK(stressor_record->breach_count >= BROKEN_SITES);
    CHECK(times == (uint64_t)THREADS * BREACHES);
}

/* ---- the ledger -------------------------------------------------------------------------------- */

enum { BORROWS = 1500, OBJECTS = 4 };

static PyObject objects[OBJECTS];
static uint32_t lost; /* substitutes handed out */
static bool borrowed_enough;
static PyObject *stored; /* a substitute that its borrower left where others find it */

static void
borrow_or_destroy(uint32_t thread)
{
    if (thread >= THREADS / 2) {
        for (uint32_t n = 0; !__atomic_load_n(&borrowed_enough, __ATOMIC_RELAXED); n++) {
            stressor_ledger_destroyed(&objects[n % OBJECTS]);
            PyObject *found = __atomic_load_n(&stored, __ATOMIC_ACQUIRE);
            if (found != NULL) {
                (void)stressor_ledger_meet(found, "operated on");
            }
        }
        return;
    }
    for (uint32_t n = 0; n < BORROWS; n++) {
        PyObject *object = &objects[(n + thread) % OBJECTS];
        struct stressor_pass pass;
        stressor_arrive(&pass, BORROWING, 0x1000, object);
        PyObject *got = stressor_depart_borrowing(&pass, object);
        if (got != object) {
            CHECK(slot_of(got) >= 0);
            __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
            /* Used by its borrower and by others at the same time, or not at all. */
            if (n % 2 == 0) {
                __atomic_store_n(&stored, got, __ATOMIC_RELEASE);
                (void)stressor_ledger_meet(got, "operated on");
                __atomic_fetch_add(&got->ob_ref_shared, 4, __ATOMIC_RELAXED);
                stressor_operation_end(got);
            }
        }
    }
    __atomic_store_n(&borrowed_enough, true, __ATOMIC_RELAXED);
}

static void
losses_are_whole(void)
{
    for (int i = 0; i < OBJECTS; i++) {
        objects[i].ob_type = &some_type;
    }
    stressor_rule_count = 0;
    add_rule(STRESSOR_SELECT_CATEGORY, STRESSOR_BORROWED_REF, 1ll << 32, STRESSOR_SPIN, 3000);
    CHECK(stressor_ledger_prepare() == 0);
    stressor_arm(1, THREADS, true, false, true);
    uint32_t all = 0;
    for (uint32_t round = 0; round < ROUNDS; round++) {
        stressor_begin_round(round);
        lost = 0;
        stored = NULL;
        borrowed_enough = false;
        run(borrow_or_destroy, THREADS);
        uint32_t whole = 0;
        for (int i = 0; i < STRESSOR_MAX_LOSSES; i++) {
            const struct stressor_loss *loss = &stressor_record->losses[i];
            CHECK(loss->site_known == ((taken >> i) & 1));
            CHECK(!loss->used || (loss->used == USED && loss->how[0] != '\0'));
            CHECK(!loss->site_known || (loss->borrower_count > 0 && loss->destroyer_count > 0));
            whole += loss->site_known;
        }
        CHECK(whole <= STRESSOR_MAX_LOSSES && active == 0);
        all += lost;
    }
    stressor_disarm();
    CHECK(all > 0);
}

/* ---- the barrier ------------------------------------------------------------------------------- */

enum { GENERATIONS = 300 };

static uint32_t arrived_at[THREADS];

static void
meet(uint32_t thread)
{
    for (uint32_t generation = 1; generation <= GENERATIONS; generation++) {
        arrived_at[thread] = generation;
        stressor_barrier_wait();
        for (uint32_t other = 0; other < THREADS; other++) {
            CHECK(arrived_at[other] == generation);
        }
        stressor_barrier_wait();
    }
}

/* ---- pauses, and a stop of the world that ends them -------------------------------------------- */

static void
pause_long(uint32_t thread)
{
    struct stressor_pass pass;
    for (int n = 0; n < 3; n++) {
        stressor_arrive(&pass, thread == 0 ? BOTH_SIDES : DROPPING, 0x1000, &objects[0]);
        stressor_depart(&pass);
        __atomic_store_n(&stop_requested, true, __ATOMIC_RELAXED);
    }
}

static void
every_action_comes_back(void)
{
    static const enum stressor_action actions[] = {STRESSOR_YIELD, STRESSOR_SPIN, STRESSOR_SLEEP,
                                                   STRESSOR_DETACH};
    for (size_t i = 0; i < sizeof(actions) / sizeof(actions[0]); i++) {
        stressor_rule_count = 0;
        stop_requested = false;
        add_rule(STRESSOR_SELECT_ANY, -1, 1ll << 32, actions[i], 1000000);
        stressor_arm(1, 2, false, false, true);
        run(pause_long, 2);
        stressor_disarm();
        CHECK(total_visits() == 6);
    }
}

int
main(void)
{
    sites_are_made_once();
    a_full_table_is_said();
    a_hold_orders_memory();
    no_breach_is_lost();
    losses_are_whole();
    run(meet, THREADS);
    every_action_comes_back();
    return 0;
}
