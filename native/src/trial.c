/* The life of a trial in its child: armed, rounds, disarmed; workers enter and leave. */
#include <string.h>

#include "stressor/gate.h"
#include "stressor/ledger.h"
#include "stressor/monitors.h"
#include "stressor/policy.h"
#include "stressor/sites.h"
#include "stressor/turnstile.h"

struct stressor_thread stressor_threads[STRESSOR_MAX_THREADS];

static uint64_t armed_seed;

static uint8_t nobody_near;
uint8_t *stressor_armed_near = &nobody_near;

void
stressor_arm(uint64_t seed, uint32_t threads, bool ledger, bool hooks, bool recording)
{
    stressor_sites_forget();
    memset(stressor_operation_sites, 0xff, sizeof(stressor_operation_sites));
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
    __atomic_store_n(stressor_armed_near, 1, __ATOMIC_SEQ_CST);
}

void
stressor_begin_round(uint32_t round)
{
    stressor_base = stressor_round_base(armed_seed, round);
    stressor_ledger_next_round();
    stressor_record_next_round(round);
    if (stressor_controlled) {
        stressor_turnstile_begin_round(stressor_base, stressor_record->threads);
    }
}

void
stressor_disarm(void)
{
    __atomic_store_n(stressor_armed_near, 0, __ATOMIC_SEQ_CST);
    __atomic_store_n(&stressor_armed, false, __ATOMIC_SEQ_CST);
    stressor_hooks_on = false;
    stressor_ledger_on = false;
    stressor_monitors_disarm();
    stressor_controlled = false;
    stressor_record->armed = 0;
}

void
stressor_abandon(void)
{
    stressor_self = NULL;
    stressor_record_abandon();
    if (!stressor_armed) {
        return; /* and touch no page that the parent's trials will never write */
    }
    stressor_armed = stressor_recording = stressor_hooks_on = stressor_ledger_on = false;
    stressor_monitors_disarm();
    stressor_controlled = false;
    *stressor_armed_near = 0;
    stressor_rules_unbind();
    for (int i = 0; i < STRESSOR_MAX_THREADS; i++) {
        stressor_threads[i].lane = &stressor_record->lanes[i];
    }
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
    stressor_monitors_enter(self);
    stressor_self = self;
}

void
stressor_leave(void)
{
    if (stressor_self != NULL) {
        stressor_monitors_leave(stressor_self);
    }
    stressor_self = NULL;
}

int
stressor_declare_operations(const char *const *names, size_t count)
{
    if (count > STRESSOR_MAX_SITES / 2) {
        return -1;
    }
    memset(stressor_operation_sites, 0xff, sizeof(stressor_operation_sites));
    for (size_t i = 0; i < count; i++) {
        struct stressor_draft draft = {.name = names[i],
                                       .module = "target",
                                       .kind = STRESSOR_OP,
                                       .category = STRESSOR_CATEGORY_OP,
                                       .phases = STRESSOR_BOTH};
        stressor_operation_sites[i] = stressor_site_make(&draft);
    }
    return 0;
}
