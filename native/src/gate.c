#include "stressor/gate.h"

#include <errno.h>

#include "stressor/action.h"
#include "stressor/clock.h"
#include "stressor/layout.h"
#include "stressor/ledger.h"
#include "stressor/monitors.h"
#include "stressor/policy.h"
#include "stressor/sites.h"
#include "stressor/turnstile.h"

STRESSOR_TLS struct stressor_thread *stressor_self;
bool stressor_armed;
bool stressor_recording;
bool stressor_ledger_on;
bool stressor_hooks_on;
void (*stressor_listener_now)(const char *site, int after, const void *object);

uint32_t stressor_operation_sites[STRESSOR_MAX_SITES];

static __attribute__((noinline)) struct stressor_entry *
make_call_entry(struct stressor_thread *self, uint64_t key, uint32_t symbol, uintptr_t caller)
{
    const struct stressor_symbol *known = &stressor_symbols[symbol];
    struct stressor_draft draft = {.name = known->name,
                                   .place = caller,
                                   .kind = known->kind,
                                   .category = known->category,
                                   .phases = known->phases,
                                   .may_detach = known->detach != STRESSOR_NEVER,
                                   .brief = known->brief};
    self->inside = true;
    struct stressor_entry *entry = stressor_entry_of(key, &draft);
    self->inside = false;
    return entry;
}

static bool
may_detach_now(uint32_t symbol, const void *object, enum stressor_phase phase)
{
    switch (stressor_symbols[symbol].detach) {
    case STRESSOR_DYING: /* after the drop the object may be gone */
        return phase == STRESSOR_PHASE_BEFORE && stressor_dying_may_detach(object);
    case STRESSOR_PYTHON: /* after the call nothing keeps the callable alive */
        return phase == STRESSOR_PHASE_BEFORE && stressor_call_may_detach(object);
    default:
        return false;
    }
}

static inline void
log_event(struct stressor_thread *self, uint32_t site, uint32_t visit, enum stressor_phase phase,
          const void *object, const struct stressor_decision *decision)
{
    struct stressor_event event = {
        .at = stressor_ticks(),
        .object = (uint64_t)(uintptr_t)object,
        .site = site,
        .visit = visit,
        .ns = decision != NULL ? decision->ns : 0,
        .call = (int16_t)self->lane->call,
        .phase = (uint8_t)phase,
        .action = (uint8_t)(decision != NULL ? decision->action : STRESSOR_GO),
    };
    stressor_ring_append(self->lane, &event);
}

#define NO_SYMBOL UINT32_MAX

/* Controlled mode: others may go on here, and we when it is our turn again. */
static __attribute__((noinline)) void
take_turn(struct stressor_thread *self, uint32_t symbol, uint32_t site, uint32_t visit,
          enum stressor_phase phase, const void *object)
{
    int saved = errno;
    log_event(self, site, visit, phase, object, NULL);
    struct stressor_step at = {.object = (uint64_t)(uintptr_t)object,
                               .site = site,
                               .visit = visit,
                               .thread = (int16_t)self->id,
                               .phase = (uint8_t)phase};
    bool yields = symbol == stressor_yield_symbol;
    stressor_turn_visit(self, yields ? STRESSOR_WHY_YIELD : STRESSOR_WHY_VISIT, &at,
                        stressor_record->sites[site].category);
    errno = saved;
}

/* `brief`: nobody else may be let go on, so no turn is given and nobody is waited for. */
static __attribute__((noinline)) void
decide_and_act(struct stressor_thread *self, uint32_t symbol, uint32_t site, uint32_t visit,
               enum stressor_phase phase, const void *object, bool brief)
{
    if (stressor_controlled && !brief) {
        take_turn(self, symbol, site, visit, phase, object);
        return;
    }
    struct stressor_decision decision = {.rule = NULL};
    if (!stressor_controlled) {
        decision = stressor_decide(site, self->id, visit, phase);
    }
    if (decision.rule == NULL) {
        if (stressor_recording) {
            log_event(self, site, visit, phase, object, NULL);
        }
        return;
    }
    if (brief && decision.ns > STRESSOR_BRIEF_NS) {
        decision.ns = STRESSOR_BRIEF_NS;
    }
    /* Before the pause: a thread that dies in it has left its last event behind. */
    log_event(self, site, visit, phase, object, &decision);
    bool may_detach = symbol != NO_SYMBOL && decision.action == STRESSOR_DETACH &&
                      stressor_thread_state() != NULL && may_detach_now(symbol, object, phase);
    uint64_t mine = self->lane->written - 1;
    bool waits = brief && decision.action == STRESSOR_HOLD;
    bool done = !waits && stressor_act(&decision, may_detach);
    self->lane->ring[mine & (STRESSOR_RING - 1)].ns = decision.ns; /* a hold's real length */
    if (done) {
        __atomic_fetch_add(&stressor_record->sites[site].acted, 1, __ATOMIC_RELAXED);
    } else {
        self->lane->ring[mine & (STRESSOR_RING - 1)].action |= STRESSOR_EXPIRED;
    }
}

static inline void
tell_listener(const struct stressor_pass *pass, enum stressor_phase phase)
{
    if (STRESSOR_UNLIKELY(stressor_listener_now != NULL)) {
        stressor_listener_now(stressor_record->sites[pass->site].name, (int)phase, pass->object);
    }
}

/* One side of a visit. */
static inline void
take_side(struct stressor_thread *self, uint32_t symbol, const struct stressor_pass *pass,
          enum stressor_phase phase)
{
    if (!(pass->phases & (1u << phase))) {
        return;
    }
    if (STRESSOR_UNLIKELY(pass->ruled)) {
        self->inside = true;
        bool brief = pass->brief & (1u << phase);
        decide_and_act(self, symbol, pass->site, pass->visit, phase, pass->object, brief);
        self->inside = false;
    } else if (stressor_recording) {
        log_event(self, pass->site, pass->visit, phase, pass->object, NULL);
    }
}

void
stressor_arrive(struct stressor_pass *pass, uint32_t symbol, uintptr_t caller, const void *object)
{
    pass->thread = NULL;
    struct stressor_thread *self = stressor_self;
    if (STRESSOR_UNLIKELY(self == NULL)) {
        __atomic_fetch_add(&stressor_record->strangers, 1, __ATOMIC_RELAXED);
        return;
    }
    if (STRESSOR_UNLIKELY(self->inside)) {
        return;
    }
    struct stressor_lane *lane = self->lane;
    lane->progress++;
    uint64_t key = stressor_key(caller, symbol);
    const struct stressor_entry *entry = stressor_probe(key);
    if (STRESSOR_UNLIKELY(entry == NULL)) {
        entry = make_call_entry(self, key, symbol, caller);
        if (entry == NULL) {
            return;
        }
    }
    uint32_t site = entry->site - 1;
    uint32_t visit = lane->before[site] + 1;
    *pass = (struct stressor_pass){.thread = self,
                                   .object = object,
                                   .site = site,
                                   .visit = visit,
                                   .phases = entry->phases,
                                   .brief = entry->brief,
                                   .ruled = entry->ruled};
    if (STRESSOR_UNLIKELY(self->open_loss)) {
        stressor_ledger_passed(object, symbol);
    }
    tell_listener(pass, STRESSOR_PHASE_BEFORE);
    take_side(self, symbol, pass, STRESSOR_PHASE_BEFORE);
    __atomic_store_n(&lane->before[site], visit, __ATOMIC_RELEASE);
    if (STRESSOR_UNLIKELY(stressor_monitors != 0)) {
        stressor_monitors_look(pass, symbol);
    }
}

void
stressor_depart(struct stressor_pass *pass)
{
    struct stressor_thread *self = pass->thread;
    if (self == NULL) {
        return;
    }
    tell_listener(pass, STRESSOR_PHASE_AFTER);
    take_side(self, NO_SYMBOL, pass, STRESSOR_PHASE_AFTER);
    /* Counts passes, not the visit's number: with recursion inner passes end first. */
    uint32_t *after = &self->lane->after[pass->site];
    __atomic_store_n(after, *after + 1, __ATOMIC_RELEASE);
}

/* Only a visit that may pause goes through the ledger: without a pause there is no window that we
 * could look into. */
static inline bool
has_window(const struct stressor_pass *pass)
{
    return STRESSOR_UNLIKELY(pass->thread != NULL && pass->ruled && stressor_ledger_on);
}

void *
stressor_depart_borrowing(struct stressor_pass *pass, void *object)
{
    if (!has_window(pass)) {
        stressor_depart(pass);
        return object;
    }
    stressor_ledger_borrow(pass->thread, 0, object);
    stressor_depart(pass);
    return stressor_ledger_return(pass->thread, 0, object, pass);
}

void
stressor_depart_borrowing_two(struct stressor_pass *pass, void **first, void **second)
{
    if (!has_window(pass)) {
        stressor_depart(pass);
        return;
    }
    stressor_ledger_borrow(pass->thread, 0, *first);
    stressor_ledger_borrow(pass->thread, 1, *second);
    stressor_depart(pass);
    *first = stressor_ledger_return(pass->thread, 0, *first, pass);
    *second = stressor_ledger_return(pass->thread, 1, *second, pass);
}

/* A visit that has one side only, or whose sides are told one at a time. Caller holds the guard. */
static void
visit_site(struct stressor_thread *self, uint32_t site, enum stressor_phase phase,
           const void *object)
{
    struct stressor_lane *lane = self->lane;
    lane->progress++;
    bool before = phase == STRESSOR_PHASE_BEFORE;
    uint32_t *count = before ? &lane->before[site] : &lane->after[site];
    uint32_t visit = *count + 1;
    if (stressor_site_is_ruled(site)) {
        decide_and_act(self, NO_SYMBOL, site, visit, phase, object, false);
    } else if (stressor_recording) {
        log_event(self, site, visit, phase, object, NULL);
    }
    __atomic_store_n(count, visit, __ATOMIC_RELEASE);
}

void
stressor_visit_hook(uintptr_t key, const char *event, const char *name, const void *object,
                    enum stressor_phase phase)
{
    struct stressor_thread *self = stressor_guard();
    if (self == NULL) {
        return;
    }
    if (self->lane->call < 0) { /* between operations: objects of the worker's own loop */
        self->inside = false;
        return;
    }
    uint64_t mixed = stressor_key(key, NO_SYMBOL - phase);
    const struct stressor_entry *entry = stressor_probe(mixed);
    if (entry == NULL) {
        struct stressor_draft draft = {.event = event,
                                       .name = name,
                                       .kind = STRESSOR_HOOK,
                                       .category = STRESSOR_MEMORY,
                                       .phases = (uint8_t)(1u << phase)};
        entry = stressor_entry_of(mixed, &draft);
    }
    if (entry != NULL) {
        visit_site(self, entry->site - 1, phase, object);
    }
    self->inside = false;
}

void
stressor_visit_note(const char *what)
{
    struct stressor_thread *self = stressor_guard();
    if (self == NULL) {
        return;
    }
    /* Hooks have the two numbers above. */
    uint64_t key = stressor_key((uintptr_t)what, NO_SYMBOL - 2);
    const struct stressor_entry *entry = stressor_probe(key);
    if (entry == NULL) {
        struct stressor_draft draft = {.name = what,
                                       .module = "note",
                                       .kind = STRESSOR_OP,
                                       .category = STRESSOR_CATEGORY_OP,
                                       .phases = STRESSOR_BEFORE};
        entry = stressor_entry_of(key, &draft);
    }
    if (entry != NULL) {
        visit_site(self, entry->site - 1, STRESSOR_PHASE_BEFORE, NULL);
    }
    self->inside = false;
}

static void
visit_operation(uint32_t operation, enum stressor_phase phase)
{
    struct stressor_thread *self = stressor_guard();
    if (self == NULL) {
        return;
    }
    if (operation < STRESSOR_MAX_SITES && stressor_operation_sites[operation] != STRESSOR_NO_SITE) {
        visit_site(self, stressor_operation_sites[operation], phase, NULL);
    }
    self->inside = false;
}

void
stressor_operation_begin(uint32_t operation, int32_t call)
{
    struct stressor_thread *self = stressor_self;
    if (self != NULL) {
        self->operation = operation;
        self->lane->call = call;
        visit_operation(operation, STRESSOR_PHASE_BEFORE);
        stressor_monitors_begin_call(self);
    }
}

void
stressor_operation_end(const void *result)
{
    struct stressor_thread *self = stressor_self;
    if (self == NULL) {
        return;
    }
    if (STRESSOR_UNLIKELY(self->open_loss)) {
        stressor_ledger_settle(self, result);
    }
    stressor_monitors_end_call(self);
    visit_operation(self->operation, STRESSOR_PHASE_AFTER);
    self->lane->finished++;
    self->lane->call = -1;
}
