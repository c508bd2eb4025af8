/* The site table: which site of the record a place in the code, and a symbol, is.
 *
 * Open addressing from (place, symbol) to a site. An entry is claimed by compare-exchange of its key
 * and published by the release store of its index, so lookups take no lock; nothing is ever removed
 * while threads run. A site's rules are bound to it before it is published.
 */
#ifndef STRESSOR_SITES_H
#define STRESSOR_SITES_H

#include <stdbool.h>
#include <stdint.h>

#include "stressor/gate.h"

#pragma GCC visibility push(hidden)

enum { STRESSOR_TABLE = 4 * STRESSOR_MAX_SITES };
#define STRESSOR_NO_SITE UINT32_MAX

/* All that a visit without a rule needs, in one cache line. */
struct stressor_entry {
    uint64_t key;  /* 0: free */
    uint32_t site; /* index + 1; 0: being made, or found no room */
    uint8_t phases;
    uint8_t brief;
    bool ruled;
};

extern struct stressor_entry stressor_table[STRESSOR_TABLE];

/* A site that is being made. `name` is copied; `event` may be NULL. */
struct stressor_draft {
    const char *event;
    const char *name;
    uintptr_t place; /* 0: not in a module */
    const char *module;
    uint8_t kind;
    uint8_t category;
    uint8_t phases;
    uint8_t may_detach;
    uint8_t brief;
};

/* User addresses have 48 bits and `what` is a symbol or one of two hook phases, so nothing is lost
 * before the multiplication, which is a bijection. Never 0: that marks a free entry. */
static inline uint64_t
stressor_key(uintptr_t place, uint32_t what)
{
    return (((uint64_t)place << 12) | (what & 0xfff)) * 0x9e3779b97f4a7c15ull | 1;
}

/* The published entry of `key` if the first probe finds it, else NULL. */
static inline struct stressor_entry *
stressor_probe(uint64_t key)
{
    struct stressor_entry *entry = &stressor_table[(uint32_t)(key >> 40) % STRESSOR_TABLE];
    if (STRESSOR_LIKELY(__atomic_load_n(&entry->key, __ATOMIC_RELAXED) == key) &&
        STRESSOR_LIKELY(__atomic_load_n(&entry->site, __ATOMIC_ACQUIRE) != 0)) {
        return entry;
    }
    return NULL;
}

/* The entry of `key`, made from `draft` when there is none; NULL when there is no room. Caller holds
 * the guard: a signal handler that came back here could wait for a site whose making it interrupted. */
struct stressor_entry *stressor_entry_of(uint64_t key, const struct stressor_draft *draft);

/* A site that is found by its index alone, or STRESSOR_NO_SITE. Owner of the child. */
uint32_t stressor_site_make(const struct stressor_draft *draft);

/* The site with this key hash in this process, or STRESSOR_NO_SITE: it was not visited yet. */
uint32_t stressor_site_by_hash(uint64_t hash);

/* No worker running. */
void stressor_sites_forget(void);

#pragma GCC visibility pop

#endif
