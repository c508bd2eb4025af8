/* Policy: which rule acts at a visit. A pure function of (seed, round, thread, site, visit, rule).
 *
 * No clock, no generator state, no address goes in, so the same plan makes the same decisions. A
 * rule's draw depends on the rule's own content and not on its place in the list: taking one rule
 * away while minimizing leaves what the others decide as it was.
 */
#ifndef STRESSOR_POLICY_H
#define STRESSOR_POLICY_H

#include <stdbool.h>
#include <stdint.h>

#include "stressor/gate.h"

#pragma GCC visibility push(hidden)

enum {
    STRESSOR_MAX_RULES = 4096,
    STRESSOR_RULE_FIELDS = 13,
    STRESSOR_RULE_LINKS = 1 << 16,
};

enum stressor_selector {
    STRESSOR_SELECT_ANY,
    STRESSOR_SELECT_KEY,
    STRESSOR_SELECT_CATEGORY,
    STRESSOR_SELECT_KIND,
};

struct stressor_rule {
    uint64_t selected;
    uint64_t salt;
    uint64_t until_hash; /* 0: no hold */
    uint64_t chance;     /* of 2**32 */
    uint32_t least_ns;
    uint32_t most_ns;
    uint32_t visit; /* 0: any */
    uint32_t until_visit;
    int16_t thread; /* -1: any */
    int16_t until_thread;
    uint8_t selector;
    int8_t phase; /* -1: both */
    uint8_t action;
    uint8_t until_phase;
};

/* What to do at a visit. rule is NULL when action is GO. */
struct stressor_decision {
    enum stressor_action action;
    uint32_t ns;
    const struct stressor_rule *rule;
};

uint64_t stressor_fnv(uint64_t hash, const char *text);
#define STRESSOR_FNV_START 0xcbf29ce484222325ull

/* Fills a rule from its 13 numbers. Returns NULL, or what is wrong with them. */
const char *stressor_rule_parse(struct stressor_rule *rule, const int64_t *numbers);
bool stressor_rule_selects(const struct stressor_rule *rule, const struct stressor_site *site);

/* The round's base of all draws. */
uint64_t stressor_round_base(uint64_t seed, uint32_t round);

/* Whether `rule`, known to select the site, acts at this visit, and for how long. */
bool stressor_rule_acts(const struct stressor_rule *rule, uint64_t base, int thread, uint64_t site,
                        uint32_t visit, int phase, uint32_t *ns);

/* The process's rules. Set by the owner of the child while no worker runs. */
extern struct stressor_rule stressor_rules[STRESSOR_MAX_RULES];
extern uint32_t stressor_rule_count;

/* Forgets which rules belong to which site; then binds a site that is being made. Bind is called
 * once per site by its maker and is safe beside binds of other sites. */
void stressor_rules_unbind(void);
void stressor_rules_bind(uint32_t site);
/* First link of each site's chain of rules, 0 when it has none. Written by the site's maker before
 * the site is published. */
extern uint32_t stressor_rule_heads[STRESSOR_MAX_SITES];

/* Whether something may be done at this site: policy is asked, or the turnstile. */
static inline bool
stressor_site_is_ruled(uint32_t site)
{
    return stressor_rule_heads[site] != 0 || stressor_controlled;
}

struct stressor_decision stressor_decide(uint32_t site, int thread, uint32_t visit, int phase);
extern uint64_t stressor_base;

#pragma GCC visibility pop

#endif
