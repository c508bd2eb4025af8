#include "stressor/gate.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stressor/action.h"
#include "stressor/clock.h"
#include "stressor/layout.h"
#include "stressor/ledger.h"
#include "stressor/policy.h"

STRESSOR_TLS struct stressor_thread *stressor_self;
struct stressor_thread stressor_threads[STRESSOR_MAX_THREADS];
bool stressor_armed;
bool stressor_recording;
bool stressor_ledger_on;
bool stressor_hooks_on;

/* Open addressing from (place, symbol) to a site. An entry is claimed by compare-exchange of its key
 * and published by the release store of its index, so lookups take no lock. It holds all that a visit
 * without a rule needs: one cache line. */
enum { TABLE = 4 * STRESSOR_MAX_SITES, NO_SITE = UINT32_MAX };
static struct entry {
    uint64_t key;  /* 0: free */
    uint32_t site; /* index + 1; 0: being made, or found no room */
    uint8_t phases;
    bool ruled;
} table[TABLE];

static uint32_t operation_sites[STRESSOR_MAX_SITES];
static bool sites_made; /* since they were last forgotten */

/* A site that is being made. `name` is copied; `event` may be NULL. */
struct site_draft {
    const char *event;
    const char *name;
    uintptr_t place; /* 0: not in a module */
    const char *module;
    uint8_t kind;
    uint8_t category;
    uint8_t phases;
    uint8_t may_detach;
};

static const char *const kind_names[] = {"call", "block", "hook", "op"};

static uint32_t
module_of(uintptr_t place)
{
    uint32_t count = __atomic_load_n(&stressor_record->module_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < STRESSOR_MAX_MODULES; i++) {
        if (place >= stressor_record->modules[i].start && place < stressor_record->modules[i].end) {
            return i;
        }
    }
    return NO_SITE;
}

/* The file name up to its first dot, or "python" for the executable, which is module 0. */
static void
module_name(uint32_t module, char *out, size_t size)
{
    if (module == NO_SITE || module == 0) {
        snprintf(out, size, "%s", module == 0 ? "python" : "unknown");
        return;
    }
    const char *path = stressor_record->modules[module].path;
    const char *slash = strrchr(path, '/');
    const char *file = slash != NULL ? slash + 1 : path;
    snprintf(out, size, "%.*s", (int)strcspn(file, "."), file);
}

/* Cut between characters when it is too long: the reader hashes the name as text. */
static void
copy_name(char *out, size_t size, const struct site_draft *draft)
{
    int wanted = snprintf(out, size, "%s%s%s", draft->event != NULL ? draft->event : "",
                          draft->event != NULL ? ":" : "", draft->name);
    if (wanted < 0 || (size_t)wanted < size) {
        return;
    }
    size_t last = size - 2; /* where the last character begins */
    while (last > 0 && ((unsigned char)out[last] & 0xc0) == 0x80) {
        last--;
    }
    unsigned char lead = (unsigned char)out[last];
    size_t length = lead < 0xc0 ? 1 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (last + length > size - 1) {
        out[last] = '\0';
    }
}

/* Fills a fresh site. Runs once per site; snprintf of strings and integers neither allocates nor
 * locks in the C libraries we support. */
static void
fill_site(struct stressor_site *site, const struct site_draft *draft)
{
    char module[sizeof(stressor_record->modules[0].path)];
    char key[sizeof(module) + sizeof(site->name) + 32];
    site->module = draft->place != 0 ? module_of(draft->place) : NO_SITE;
    site->offset =
        site->module == NO_SITE ? 0 : draft->place - stressor_record->modules[site->module].base;
    if (draft->module != NULL) {
        snprintf(module, sizeof(module), "%s", draft->module);
    } else {
        module_name(site->module, module, sizeof(module));
    }
    copy_name(site->name, sizeof(site->name), draft);
    if (draft->place != 0) {
        snprintf(key, sizeof(key), "%s:%s:%s+0x%llx", kind_names[draft->kind], module, site->name,
                 (unsigned long long)site->offset);
    } else if (draft->event != NULL) {
        snprintf(key, sizeof(key), "%s:%s", kind_names[draft->kind], site->name);
    } else {
        snprintf(key, sizeof(key), "%s:%s:%s", kind_names[draft->kind], module, site->name);
    }
    site->hash = stressor_fnv(STRESSOR_FNV_START, key);
    site->kind = draft->kind;
    site->category = draft->category;
    site->phases = draft->phases;
    site->may_detach = draft->may_detach;
}

static uint32_t
make_site(const struct site_draft *draft)
{
    uint32_t index = __atomic_fetch_add(&stressor_record->site_count, 1, __ATOMIC_RELAXED);
    if (index >= STRESSOR_MAX_SITES) {
        __atomic_fetch_sub(&stressor_record->site_count, 1, __ATOMIC_RELAXED);
        __atomic_fetch_or(&stressor_record->overflow, STRESSOR_FULL_SITES, __ATOMIC_RELAXED);
        return NO_SITE;
    }
    __atomic_store_n(&sites_made, true, __ATOMIC_RELAXED);
    struct stressor_site *site = &stressor_record->sites[index];
    fill_site(site, draft);
    stressor_rules_bind(index);
    __atomic_store_n(&site->ready, 1, __ATOMIC_RELEASE);
    return index;
}

static struct entry *
publish(struct entry *entry, const struct site_draft *draft)
{
    int saved = errno;
    uint32_t site = make_site(draft);
    errno = saved;
    if (site == NO_SITE) {
        return NULL;
    }
    entry->phases = draft->phases;
    entry->ruled = stressor_site_has_rules(site);
    __atomic_store_n(&entry->site, site + 1, __ATOMIC_RELEASE);
    return entry;
}

/* Its maker is a few microseconds from publishing and never waits; `overflow` ends the wait for an
 * entry that found no room. */
static struct entry *
await(struct entry *entry)
{
    while (__atomic_load_n(&entry->site, __ATOMIC_ACQUIRE) == 0) {
        if (__atomic_load_n(&stressor_record->overflow, __ATOMIC_RELAXED) & STRESSOR_FULL_SITES) {
            return NULL;
        }
        stressor_pause();
    }
    return entry;
}

/* Kept out of line: the common case is a hit on the first probe. Caller holds the guard: a signal
 * handler that came back here could wait for a site that it interrupts the making of. NULL when
 * there is no room; then nothing is claimed any more, so the table never fills up. */
static __attribute__((noinline)) struct entry *
find_or_make(uint64_t key, const struct site_draft *draft)
{
    for (uint32_t i = (uint32_t)(key >> 40);; i++) {
        struct entry *entry = &table[i % TABLE];
        uint64_t held = __atomic_load_n(&entry->key, __ATOMIC_ACQUIRE);
        if (held == 0) {
            uint32_t full = __atomic_load_n(&stressor_record->overflow, __ATOMIC_RELAXED);
            if (full & STRESSOR_FULL_SITES) {
                return NULL;
            }
            if (__atomic_compare_exchange_n(&entry->key, &held, key, false, __ATOMIC_ACQ_REL,
                                            __ATOMIC_ACQUIRE)) {
                return publish(entry, draft);
            }
        }
        if (held == key) {
            return await(entry);
        }
    }
}

/* User addresses have 48 bits and `what` is a symbol or one of two hook phases, so nothing is lost
 * before the multiplication, which is a bijection. Never 0: that marks a free entry. */
static inline uint64_t
table_key(uintptr_t place, uint32_t what)
{
    return (((uint64_t)place << 12) | (what & 0xfff)) * 0x9e3779b97f4a7c15ull | 1;
}

/* The published entry of `key` if the first probe finds it, else NULL. */
static inline struct entry *
probe(uint64_t key)
{
    struct entry *entry = &table[(uint32_t)(key >> 40) % TABLE];
    if (STRESSOR_LIKELY(__atomic_load_n(&entry->key, __ATOMIC_RELAXED) == key) &&
        STRESSOR_LIKELY(__atomic_load_n(&entry->site, __ATOMIC_ACQUIRE) != 0)) {
        return entry;
    }
    return NULL;
}

static __attribute__((noinline)) struct entry *
make_call_entry(struct stressor_thread *self, uint64_t key, uint32_t symbol, uintptr_t caller)
{
    const struct stressor_symbol *known = &stressor_symbols[symbol];
    struct site_draft draft = {.name = known->name,
                               .place = caller,
                               .kind = known->kind,
                               .category = known->category,
                               .phases = known->phases,
                               .may_detach = known->detach != STRESSOR_NEVER};
    self->inside = true;
    struct entry *entry = find_or_make(key, &draft);
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
          const void *object, const struct stressor_decision *decision, bool expired)
{
    struct stressor_event event = {
        .at = stressor_ticks(),
        .object = (uint64_t)(uintptr_t)object,
        .site = site,
        .visit = visit,
        .ns = decision != NULL ? decision->ns : 0,
        .call = (int16_t)self->lane->call,
        .phase = (uint8_t)phase,
        .action = (uint8_t)((decision != NULL ? decision->action : STRESSOR_GO) |
                            (expired ? STRESSOR_EXPIRED : 0)),
    };
    stressor_ring_append(self->lane, &event);
}

#define NO_SYMBOL UINT32_MAX

static __attribute__((noinline)) void
decide_and_act(struct stressor_thread *self, uint32_t symbol, uint32_t site, uint32_t visit,
               enum stressor_phase phase, const void *object)
{
    struct stressor_decision decision = stressor_decide(site, self->id, visit, phase);
    if (decision.rule == NULL) {
        if (stressor_recording) {
            log_event(self, site, visit, phase, object, NULL, false);
        }
        return;
    }
    /* Before the pause: a thread that dies in it has left its last event behind. */
    log_event(self, site, visit, phase, object, &decision, false);
    bool may_detach = symbol != NO_SYMBOL && decision.action == STRESSOR_DETACH &&
                      stressor_attached() && may_detach_now(symbol, object, phase);
    uint64_t mine = self->lane->written - 1;
    bool done = stressor_act(self, &decision, may_detach);
    if (done) {
        __atomic_fetch_add(&stressor_record->sites[site].acted, 1, __ATOMIC_RELAXED);
    } else {
        self->lane->ring[mine & (STRESSOR_RING - 1)].action |= STRESSOR_EXPIRED;
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
        decide_and_act(self, symbol, pass->site, pass->visit, phase, pass->object);
        self->inside = false;
    } else if (stressor_recording) {
        log_event(self, pass->site, pass->visit, phase, pass->object, NULL, false);
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
    uint64_t key = table_key(caller, symbol);
    const struct entry *entry = probe(key);
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
                                   .ruled = entry->ruled};
    if (STRESSOR_UNLIKELY(self->open_loss)) {
        stressor_ledger_passed(object, symbol);
    }
    take_side(self, symbol, pass, STRESSOR_PHASE_BEFORE);
    __atomic_store_n(&lane->before[site], visit, __ATOMIC_RELEASE);
}

void
stressor_depart(struct stressor_pass *pass)
{
    struct stressor_thread *self = pass->thread;
    if (self == NULL) {
        return;
    }
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
    if (stressor_site_has_rules(site)) {
        decide_and_act(self, NO_SYMBOL, site, visit, phase, object);
    } else if (stressor_recording) {
        log_event(self, site, visit, phase, object, NULL, false);
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
    uint64_t mixed = table_key(key, NO_SYMBOL - phase);
    const struct entry *entry = probe(mixed);
    if (entry == NULL) {
        struct site_draft draft = {.event = event,
                                   .name = name,
                                   .kind = STRESSOR_HOOK,
                                   .category = STRESSOR_MEMORY,
                                   .phases = (uint8_t)(1u << phase)};
        entry = find_or_make(mixed, &draft);
    }
    if (entry != NULL) {
        visit_site(self, entry->site - 1, phase, object);
    }
    self->inside = false;
}

void
stressor_visit_operation(uint32_t operation, enum stressor_phase phase)
{
    struct stressor_thread *self = stressor_guard();
    if (self == NULL) {
        return;
    }
    if (operation < STRESSOR_MAX_SITES && operation_sites[operation] != NO_SITE) {
        visit_site(self, operation_sites[operation], phase, NULL);
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
        stressor_visit_operation(operation, STRESSOR_PHASE_BEFORE);
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
    stressor_visit_operation(self->operation, STRESSOR_PHASE_AFTER);
    self->lane->finished++;
    self->lane->call = -1;
}

uint32_t
stressor_site_by_hash(uint64_t hash)
{
    uint32_t count = __atomic_load_n(&stressor_record->site_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < STRESSOR_MAX_SITES; i++) {
        if (__atomic_load_n(&stressor_record->sites[i].ready, __ATOMIC_ACQUIRE) &&
            stressor_record->sites[i].hash == hash) {
            return i;
        }
    }
    return NO_SITE;
}

int
stressor_declare_operations(const char *const *names, size_t count)
{
    if (count > STRESSOR_MAX_SITES / 2) {
        return -1;
    }
    memset(operation_sites, 0xff, sizeof(operation_sites));
    for (size_t i = 0; i < count; i++) {
        struct site_draft draft = {.name = names[i],
                                   .module = "target",
                                   .kind = STRESSOR_OP,
                                   .category = STRESSOR_CATEGORY_OP,
                                   .phases = STRESSOR_BOTH};
        operation_sites[i] = make_site(&draft);
    }
    return 0;
}

static void
forget_sites(void)
{
    /* A forked child has nothing to forget, and clearing what nobody wrote would cost it more page
     * faults than all the rest of a short trial. */
    if (sites_made) {
        memset(table, 0, sizeof(table));
        stressor_rules_unbind();
        sites_made = false;
    }
    memset(operation_sites, 0xff, sizeof(operation_sites));
    stressor_record_reset();
}

static uint64_t armed_seed;

void
stressor_arm(uint64_t seed, uint32_t threads, bool ledger, bool hooks, bool recording)
{
    forget_sites();
    stressor_ledger_reset();
    memset(stressor_threads, 0, sizeof(stressor_threads));
    armed_seed = seed;
    stressor_record->threads = threads;
    stressor_record->armed = 1;
    stressor_recording = recording;
    stressor_ledger_on = ledger;
    stressor_hooks_on = hooks;
    stressor_begin_round(0);
    __atomic_store_n(&stressor_armed, true, __ATOMIC_SEQ_CST);
}

void
stressor_begin_round(uint32_t round)
{
    stressor_base = stressor_round_base(armed_seed, round);
    stressor_ledger_next_round();
    stressor_record_next_round(round);
}

void
stressor_disarm(void)
{
    __atomic_store_n(&stressor_armed, false, __ATOMIC_SEQ_CST);
    stressor_hooks_on = false;
    stressor_ledger_on = false;
    stressor_record->armed = 0;
}

void
stressor_enter(uint32_t thread)
{
    struct stressor_thread *self = &stressor_threads[thread];
    self->lane = &stressor_record->lanes[thread];
    self->lane->call = -1;
    self->lane->progress++;
    self->id = (int32_t)thread;
    self->inside = false;
    stressor_self = self;
}

void
stressor_leave(void)
{
    stressor_self = NULL;
}
