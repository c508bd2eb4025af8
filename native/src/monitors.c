#include "stressor/monitors.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>

#include "stressor/contract.h"
#include "stressor/layout.h"
#include "stressor/sites.h"
#include "stressor/unwind.h"

uint32_t stressor_monitors;

/* Who of the trial's threads is alive, by pthread_self(): the workers, and the owner of the child
 * last. 0: nobody. Each is written by its own thread; a thread's number is read before it ends. */
enum { OWNER = STRESSOR_MAX_THREADS, LIVING = STRESSOR_MAX_THREADS + 1 };
static unsigned long living[LIVING];

/* Of each worker: thread state and innermost section at the start of its operation, and whether it
 * broke a law about sections, after which its chain may be anything. Its own thread's. */
static struct {
    const void *state;
    uintptr_t section;
    bool broken;
} chains[STRESSOR_MAX_THREADS];

void
stressor_monitors_arm(uint32_t monitors)
{
    if (monitors != 0) {
        stressor_contract_prepare();
    }
    memset(living, 0, sizeof(living));
    memset(chains, 0, sizeof(chains));
    living[OWNER] = (unsigned long)pthread_self();
    stressor_monitors = monitors;
}

void
stressor_monitors_disarm(void)
{
    stressor_monitors = 0;
}

void
stressor_monitors_enter(struct stressor_thread *self)
{
    __atomic_store_n(&living[self->id], (unsigned long)pthread_self(), __ATOMIC_RELAXED);
}

void
stressor_monitors_leave(struct stressor_thread *self)
{
    __atomic_store_n(&living[self->id], 0, __ATOMIC_RELAXED);
}

static bool
is_living(unsigned long thread)
{
    for (int i = 0; i < LIVING; i++) {
        if (__atomic_load_n(&living[i], __ATOMIC_RELAXED) == thread) {
            return true;
        }
    }
    return false;
}

/* ---- writing a breach down ---------------------------------------------------------------------- */

/* Where a law was broken, and what was seen there. */
struct seen {
    enum stressor_law law;
    uint32_t site;
    uint32_t visit;
    enum stressor_phase phase;
    const void *object;
    uint64_t words[3];
};

/* A slot for the caller alone; NULL when there is none, or when the same is written down already. */
static struct stressor_breach *
take_breach(const struct seen *seen)
{
    struct stressor_record *record = stressor_record;
    uint32_t count = __atomic_load_n(&record->breach_count, __ATOMIC_ACQUIRE);
    do {
        for (uint32_t i = 0; i < count && i < STRESSOR_MAX_BREACHES; i++) {
            struct stressor_breach *known = &record->breaches[i];
            if (__atomic_load_n(&known->ready, __ATOMIC_ACQUIRE) && known->law == seen->law &&
                known->site == seen->site) {
                __atomic_fetch_add(&known->times, 1, __ATOMIC_RELAXED);
                return NULL;
            }
        }
        if (count >= STRESSOR_MAX_BREACHES) {
            __atomic_fetch_or(&record->overflow, STRESSOR_FULL_BREACHES, __ATOMIC_RELAXED);
            return NULL;
        }
    } while (!__atomic_compare_exchange_n(&record->breach_count, &count, count + 1, false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE));
    return &record->breaches[count];
}

static __attribute__((noinline)) void
tell(struct stressor_thread *self, const struct seen *seen)
{
    int saved = errno;
    bool inside = self->inside;
    self->inside = true; /* the unwinder may call through a slot */
    struct stressor_breach *breach = take_breach(seen);
    if (breach != NULL) {
        breach->law = seen->law;
        breach->site = seen->site;
        breach->visit = seen->visit;
        breach->thread = self->id;
        breach->phase = seen->phase;
        breach->object = (uint64_t)(uintptr_t)seen->object;
        memcpy(breach->words, seen->words, sizeof(breach->words));
        breach->frame_count =
            stressor_unwind(breach->frames, STRESSOR_MAX_FRAMES, STRESSOR_WHOLE_STACK);
        __atomic_fetch_add(&breach->times, 1, __ATOMIC_RELAXED);
        __atomic_store_n(&breach->ready, 1, __ATOMIC_RELEASE);
    }
    self->inside = inside;
    errno = saved;
}

static void
tell_visit(const struct stressor_pass *pass, enum stressor_law law, const void *object,
           uint64_t first, uint64_t second, uint64_t third)
{
    struct seen seen = {
        law, pass->site, pass->visit, STRESSOR_PHASE_BEFORE, object, {first, second, third}};
    tell(pass->thread, &seen);
}

/* ---- thread states ------------------------------------------------------------------------------ */

/* Whether the calling thread may use what needs an attached thread state. */
static bool
check_state(const struct stressor_pass *pass, const void *state,
            const struct stressor_state_words *words, enum stressor_law attached)
{
    if (state == NULL) {
        tell_visit(pass, attached, pass->object, 0, 0, 0);
        return false;
    }
    /* Only its own thread takes an attached state away, and then the state is not current. */
    if (!words->attached) {
        tell_visit(pass, STRESSOR_STATE_KEPT, pass->object, (uintptr_t)state, 0, 0);
        return false;
    }
    return true;
}

/* A state keeps the number of the thread that made it, and with it that thread's heaps and its queue
 * of objects to merge: while that thread lives, two threads would use both. */
static void
check_binding(const struct stressor_pass *pass, const void *state,
              const struct stressor_state_words *words)
{
    unsigned long own = (unsigned long)pthread_self();
    if (words->maker != own && is_living(words->maker)) {
        tell_visit(pass, STRESSOR_STATE_BOUND, state, (uintptr_t)stressor_thread_state(),
                   words->maker, own);
    }
}

static void
check_attaching(const struct stressor_pass *pass, const void *current)
{
    const void *wanted = pass->object;
    if (wanted == NULL || wanted == current) {
        return;
    }
    struct stressor_state_words words;
    stressor_read_state(wanted, &words);
    /* Attached, and not here: so it is another thread's at this moment. */
    if (words.attached) {
        tell_visit(pass, STRESSOR_STATE_FREE, wanted, (uintptr_t)current, words.maker,
                   (unsigned long)pthread_self());
    } else {
        check_binding(pass, wanted, &words);
    }
}

/* ---- reference counts --------------------------------------------------------------------------- */

enum { NO_LAW = -1 };

/* The law that the counts break. Caller is attached, so that no collection rewrites them now. */
static int
broken_count(const struct stressor_count_words *words, bool drops)
{
    if (words->immortal) {
        return NO_LAW;
    }
    if (words->merged) {
        if (words->ours) {
            return STRESSOR_COUNT_OWNER;
        }
        if (words->shared < 0) {
            return STRESSOR_COUNT_MERGED;
        }
        return drops && words->shared == 0 ? STRESSOR_COUNT_HELD : NO_LAW;
    }
    if (!words->ours) {
        return NO_LAW; /* the local part is another thread's, which may be changing it */
    }
    if ((int64_t)words->local + words->shared < 0) {
        return STRESSOR_COUNT_OWNED;
    }
    return drops && words->local == 0 ? STRESSOR_COUNT_HELD : NO_LAW;
}

static void
check_counts(const struct stressor_pass *pass, bool drops)
{
    struct stressor_count_words words;
    stressor_read_counts(pass->object, &words);
    int law = broken_count(&words, drops);
    if (STRESSOR_UNLIKELY(law != NO_LAW)) {
        tell_visit(pass, (enum stressor_law)law, pass->object, words.owner, words.local,
                   (uint64_t)words.shared);
    }
}

static bool
does_nothing(const void *object, uint8_t contract)
{
    if (object == NULL) {
        return true;
    }
    struct stressor_count_words words;
    if (!(contract & STRESSOR_WANTS_OBJECT)) {
        return false; /* a block of memory */
    }
    stressor_read_counts(object, &words);
    return words.immortal;
}

void
stressor_monitors_look(struct stressor_pass *pass, uint32_t symbol)
{
    uint8_t contract = stressor_contract[symbol];
    if (contract == 0) {
        return;
    }
    const void *state = stressor_thread_state();
    struct stressor_state_words words = {0};
    if (state != NULL) {
        stressor_read_state(state, &words);
    }
    bool attached = state != NULL && words.attached;
    if (contract & STRESSOR_WANTS_STATE) {
        if (STRESSOR_UNLIKELY(!attached)) {
            bool skipped =
                (contract & STRESSOR_MAY_DO_NOTHING) && does_nothing(pass->object, contract);
            if ((stressor_monitors & STRESSOR_DETACHED) && !skipped) {
                (void)check_state(pass, state, &words, STRESSOR_CALL_ATTACHED);
            }
            return;
        }
        if (stressor_monitors & STRESSOR_THREAD_STATES) {
            check_binding(pass, state, &words);
        }
    } else if ((contract & STRESSOR_ATTACHES) && (stressor_monitors & STRESSOR_THREAD_STATES)) {
        check_attaching(pass, state);
    }
    if ((stressor_monitors & STRESSOR_COUNTS) && (contract & STRESSOR_WANTS_OBJECT) &&
        pass->object != NULL) {
        check_counts(pass, (contract & STRESSOR_DROPS) != 0);
    }
}

/* ---- critical sections -------------------------------------------------------------------------- */

/* The calling thread's words; false when nothing can be said about its sections. */
static bool
looks_at_sections(const struct stressor_pass *pass, struct stressor_state_words *words)
{
    if (pass->thread == NULL || !(stressor_monitors & (STRESSOR_SECTIONS | STRESSOR_DETACHED))) {
        return false;
    }
    const void *state = stressor_thread_state();
    if (state != NULL) {
        stressor_read_state(state, words);
    }
    enum stressor_law law =
        stressor_monitors & STRESSOR_DETACHED ? STRESSOR_CALL_ATTACHED : STRESSOR_SECTION_ATTACHED;
    return check_state(pass, state, words, law) && (stressor_monitors & STRESSOR_SECTIONS) &&
           !chains[pass->thread->id].broken;
}

static void
tell_section(const struct stressor_pass *pass, enum stressor_law law, const void *section,
             uintptr_t innermost)
{
    chains[pass->thread->id].broken = true;
    tell_visit(pass, law, section, innermost, 0, 0);
}

void
stressor_monitors_begin_section(struct stressor_pass *pass, const void *section)
{
    struct stressor_state_words words;
    if (!looks_at_sections(pass, &words)) {
        return;
    }
    if (words.section != 0 && stressor_section_is_open(words.section, section)) {
        tell_section(pass, STRESSOR_SECTION_ONCE, section, words.section);
    }
}

void
stressor_monitors_end_section(struct stressor_pass *pass, const void *section)
{
    struct stressor_state_words words;
    if (!looks_at_sections(pass, &words)) {
        return;
    }
    if (words.section == (uintptr_t)section || stressor_section_is_elided(section)) {
        return;
    }
    bool open = stressor_section_is_open(words.section, section);
    tell_section(pass, open ? STRESSOR_SECTION_INNERMOST : STRESSOR_SECTION_OPEN, section,
                 words.section);
}

void
stressor_monitors_begin_call(struct stressor_thread *self)
{
    if (!(stressor_monitors & STRESSOR_SECTIONS)) {
        return;
    }
    const void *state = stressor_thread_state();
    struct stressor_state_words words = {0};
    if (state != NULL) {
        stressor_read_state(state, &words);
    }
    chains[self->id].state = state;
    chains[self->id].section = words.section;
}

void
stressor_monitors_end_call(struct stressor_thread *self)
{
    uint32_t site = self->operation < STRESSOR_MAX_SITES ? stressor_operation_sites[self->operation]
                                                         : STRESSOR_NO_SITE;
    if (!(stressor_monitors & STRESSOR_SECTIONS) || site == STRESSOR_NO_SITE ||
        chains[self->id].broken) {
        return;
    }
    const void *state = stressor_thread_state();
    if (state == NULL || state != chains[self->id].state) {
        return;
    }
    struct stressor_state_words words;
    stressor_read_state(state, &words);
    if (words.section != chains[self->id].section) {
        struct seen seen = {
            STRESSOR_SECTION_CLOSED,     site,
            self->lane->after[site] + 1, STRESSOR_PHASE_AFTER,
            (const void *)words.section, {words.section, chains[self->id].section, 0}};
        tell(self, &seen);
    }
}
