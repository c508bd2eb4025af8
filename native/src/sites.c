#include "stressor/sites.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "stressor/clock.h"
#include "stressor/policy.h"

struct stressor_entry stressor_table[STRESSOR_TABLE];

static bool sites_made; /* since they were last forgotten */

static const char *const kind_names[] = {"call", "block", "hook", "op", "redirect"};

static uint32_t
module_of(uintptr_t place)
{
    uint32_t count = __atomic_load_n(&stressor_record->module_count, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0; i < count && i < STRESSOR_MAX_MODULES; i++) {
        if (place >= stressor_record->modules[i].start && place < stressor_record->modules[i].end) {
            return i;
        }
    }
    return STRESSOR_NO_SITE;
}

/* The file name up to its first dot, or "python" for the executable, which is module 0. */
static void
module_name(uint32_t module, char *out, size_t size)
{
    if (module == STRESSOR_NO_SITE || module == 0) {
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
copy_name(char *out, size_t size, const struct stressor_draft *draft)
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
fill_site(struct stressor_site *site, const struct stressor_draft *draft)
{
    char module[sizeof(stressor_record->modules[0].path)];
    char key[sizeof(module) + sizeof(site->name) + 32];
    site->module = draft->place != 0 ? module_of(draft->place) : STRESSOR_NO_SITE;
    site->offset = site->module == STRESSOR_NO_SITE
                       ? 0
                       : draft->place - stressor_record->modules[site->module].base;
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

uint32_t
stressor_site_make(const struct stressor_draft *draft)
{
    uint32_t index = __atomic_fetch_add(&stressor_record->site_count, 1, __ATOMIC_RELAXED);
    if (index >= STRESSOR_MAX_SITES) {
        __atomic_fetch_sub(&stressor_record->site_count, 1, __ATOMIC_RELAXED);
        __atomic_fetch_or(&stressor_record->overflow, STRESSOR_FULL_SITES, __ATOMIC_RELAXED);
        return STRESSOR_NO_SITE;
    }
    __atomic_store_n(&sites_made, true, __ATOMIC_RELAXED);
    struct stressor_site *site = &stressor_record->sites[index];
    fill_site(site, draft);
    stressor_rules_bind(index);
    __atomic_store_n(&site->ready, 1, __ATOMIC_RELEASE);
    return index;
}

static struct stressor_entry *
publish(struct stressor_entry *entry, const struct stressor_draft *draft)
{
    int saved = errno;
    uint32_t site = stressor_site_make(draft);
    errno = saved;
    if (site == STRESSOR_NO_SITE) {
        return NULL;
    }
    entry->phases = draft->phases;
    entry->brief = draft->brief;
    entry->ruled = stressor_site_is_ruled(site);
    __atomic_store_n(&entry->site, site + 1, __ATOMIC_RELEASE);
    return entry;
}

/* Its maker is a few microseconds from publishing and never waits; `overflow` ends the wait for an
 * entry that found no room. */
static struct stressor_entry *
await(struct stressor_entry *entry)
{
    while (__atomic_load_n(&entry->site, __ATOMIC_ACQUIRE) == 0) {
        if (__atomic_load_n(&stressor_record->overflow, __ATOMIC_RELAXED) & STRESSOR_FULL_SITES) {
            return NULL;
        }
        stressor_pause();
    }
    return entry;
}

struct stressor_entry *
stressor_entry_of(uint64_t key, const struct stressor_draft *draft)
{
    for (uint32_t i = (uint32_t)(key >> 40);; i++) {
        struct stressor_entry *entry = &stressor_table[i % STRESSOR_TABLE];
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
    return STRESSOR_NO_SITE;
}

void
stressor_sites_forget(void)
{
    /* A forked child has nothing to forget, and clearing what nobody wrote would cost it more page
     * faults than all the rest of a short trial. */
    if (sites_made) {
        memset(stressor_table, 0, sizeof(stressor_table));
        stressor_rules_unbind();
        sites_made = false;
    }
    stressor_record_reset();
}
