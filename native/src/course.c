#include "stressor/course.h"

#include <string.h>

#include "stressor/turnstile.h"

struct stressor_switch stressor_switches[STRESSOR_MAX_SWITCHES];

static size_t count; /* switches with a step first, in the order of their steps */
static size_t stepped;
static size_t next; /* of those with a step */

void
stressor_course_open(size_t switches)
{
    count = switches;
    stepped = 0;
    while (stepped < count && stressor_switches[stepped].step >= 0) {
        stepped++;
    }
}

void
stressor_course_begin_round(void)
{
    struct stressor_control *of = &stressor_record->control;
    next = 0;
    for (size_t i = 0; i < count; i++) {
        stressor_switches[i].taken = false;
    }
    of->trace = of->count = of->revoked = 0;
    of->deadlock = of->diverged = 0;
    memset(of->waits, 0, sizeof(of->waits));
}

static uint64_t
site_hash(const struct stressor_step *at)
{
    return at->site == UINT32_MAX ? 0 : stressor_record->sites[at->site].hash;
}

static bool
is_at(const struct stressor_switch *wanted, const struct stressor_step *at)
{
    return wanted->thread == at->thread && wanted->visit == at->visit &&
           wanted->phase == at->phase && wanted->site == site_hash(at);
}

static void
diverge(enum stressor_divergence how, size_t wanted, const struct stressor_step *at)
{
    struct stressor_control *of = &stressor_record->control;
    of->diverged = how;
    of->diverged_switch = (uint32_t)wanted;
    of->diverged_step = of->count;
    of->diverged_at = *at;
}

static int
next_stepped(const struct stressor_point *point, const struct stressor_step *at)
{
    if (stressor_record->control.diverged != STRESSOR_ON_COURSE || next == stepped ||
        stressor_switches[next].step != (int64_t)point->step) {
        return -1;
    }
    const struct stressor_switch *wanted = &stressor_switches[next++];
    if (!is_at(wanted, at)) {
        diverge(STRESSOR_ELSEWHERE, next - 1, at);
        return -1;
    }
    if (!(point->ready & (UINT64_C(1) << wanted->to))) {
        diverge(STRESSOR_UNREADY, next - 1, at);
        return -1;
    }
    return wanted->to;
}

int
stressor_course_next(const struct stressor_point *point, const struct stressor_step *at)
{
    int to = next_stepped(point, at);
    for (size_t i = stepped; to < 0 && i < count; i++) {
        struct stressor_switch *wanted = &stressor_switches[i];
        if (!wanted->taken && is_at(wanted, at) && (point->ready & (UINT64_C(1) << wanted->to))) {
            wanted->taken = true;
            to = wanted->to;
        }
    }
    return to;
}

/* splitmix64's finalizer, Steele, Lea and Flood, OOPSLA 2014. */
static uint64_t
mixed(uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9ull;
    value = (value ^ (value >> 27)) * 0x94d049bb133111ebull;
    return value ^ (value >> 31);
}

void
stressor_course_log(const struct stressor_point *point, const struct stressor_step *at, int to)
{
    struct stressor_control *of = &stressor_record->control;
    /* No address and no index goes in: the same schedule has the same trace in any process. */
    uint64_t place = site_hash(at) ^ ((uint64_t)at->visit << 24) ^
                     ((uint64_t)(uint16_t)at->thread << 8) ^ (uint64_t)to ^
                     ((uint64_t)at->phase << 63);
    of->trace = mixed(of->trace + 0x9e3779b97f4a7c15ull + place);
    if (of->count < STRESSOR_STEPS) {
        struct stressor_step *entry = &of->log[of->count];
        *entry = *at;
        entry->ready = point->ready;
        entry->to = (int16_t)to;
        entry->why = point->why;
    }
    /* Release: a parent that reads the count after our death sees whole entries below it. */
    __atomic_store_n(&of->count, of->count + 1, __ATOMIC_RELEASE);
}

void
stressor_course_end_round(void)
{
    if (stressor_record->control.diverged == STRESSOR_ON_COURSE && next < stepped) {
        struct stressor_step nowhere = {.site = UINT32_MAX, .thread = -1};
        diverge(STRESSOR_MISSED, next, &nowhere);
    }
}
