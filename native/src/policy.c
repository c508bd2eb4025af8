#include "stressor/policy.h"

#include <string.h>

struct stressor_rule stressor_rules[STRESSOR_MAX_RULES];
uint32_t stressor_rule_count;
uint64_t stressor_base;

/* Rules of a site as a chain of links, in plan order; 0 is the end of a chain. */
static struct {
    uint16_t rule;
    uint32_t next;
} links[STRESSOR_RULE_LINKS];
static uint32_t link_count = 1;
uint32_t stressor_rule_heads[STRESSOR_MAX_SITES];

uint64_t
stressor_fnv(uint64_t hash, const char *text)
{
    for (; *text != '\0'; text++) {
        hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
    }
    return hash;
}

/* The finalizer of SplitMix64 (Steele, Lea, Flood: Fast Splittable Pseudorandom Number Generators,
 * OOPSLA 2014): a bijection with full avalanche. */
static inline uint64_t
mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15ull;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ull;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebull;
    return x ^ (x >> 31);
}

uint64_t
stressor_round_base(uint64_t seed, uint32_t round)
{
    return mix(seed ^ mix(round));
}

const char *
stressor_rule_parse(struct stressor_rule *rule, const int64_t *n)
{
    if (n[0] < STRESSOR_SELECT_ANY || n[0] > STRESSOR_SELECT_KIND) {
        return "selector kind";
    }
    if ((n[0] == STRESSOR_SELECT_CATEGORY && (n[1] < 0 || n[1] > STRESSOR_CATEGORY_OP)) ||
        (n[0] == STRESSOR_SELECT_KIND && (n[1] < 0 || n[1] > STRESSOR_REDIRECT))) {
        return "selector value";
    }
    if (n[2] < -1 || n[2] > 1) {
        return "phase";
    }
    if (n[3] < -1 || n[3] >= STRESSOR_MAX_THREADS || n[9] < -1 || n[9] >= STRESSOR_MAX_THREADS) {
        return "thread";
    }
    if (n[4] < -1 || n[4] == 0 || n[4] > UINT32_MAX || n[11] < -1 || n[11] > UINT32_MAX) {
        return "visit";
    }
    if (n[5] < 0 || n[5] > (int64_t)1 << 32) {
        return "chance";
    }
    if (n[6] < STRESSOR_GO || n[6] > STRESSOR_HOLD) {
        return "action";
    }
    if (n[7] < 0 || n[8] < n[7] || n[8] > 1000000000) {
        return "delay";
    }
    if (n[6] == STRESSOR_HOLD && (n[9] < 0 || n[11] < 1 || n[12] < 0 || n[12] > 1)) {
        return "hold without a visit to wait for";
    }
    *rule = (struct stressor_rule){
        .selector = (uint8_t)n[0],
        .selected = (uint64_t)n[1],
        .phase = (int8_t)n[2],
        .thread = (int16_t)n[3],
        .visit = n[4] < 0 ? 0 : (uint32_t)n[4],
        .chance = (uint64_t)n[5],
        .action = (uint8_t)n[6],
        .least_ns = (uint32_t)n[7],
        .most_ns = (uint32_t)n[8],
        .until_thread = (int16_t)n[9],
        .until_hash = (uint64_t)n[10],
        .until_visit = n[11] < 0 ? 0 : (uint32_t)n[11],
        .until_phase = (uint8_t)(n[12] < 0 ? 0 : n[12]),
    };
    uint64_t salt = 0;
    for (int i = 0; i < STRESSOR_RULE_FIELDS; i++) {
        salt = mix(salt ^ (uint64_t)n[i]);
    }
    rule->salt = salt;
    return NULL;
}

bool
stressor_rule_selects(const struct stressor_rule *rule, const struct stressor_site *site)
{
    switch (rule->selector) {
    case STRESSOR_SELECT_KEY:
        return rule->selected == site->hash;
    case STRESSOR_SELECT_CATEGORY:
        return rule->selected == site->category;
    case STRESSOR_SELECT_KIND:
        return rule->selected == site->kind;
    default:
        return true;
    }
}

/* Log-uniform in octaves: short and long delays are equally likely, whatever the range. The last
 * octave ends where the range does. */
static uint32_t
draw_ns(const struct stressor_rule *rule, uint64_t draw)
{
    uint32_t least = rule->least_ns;
    if (rule->action == STRESSOR_HOLD || rule->most_ns <= least) {
        return rule->most_ns; /* a hold's is its deadline */
    }
    uint64_t floor = least > 0 ? least : 1;
    unsigned octaves = 1;
    while ((floor << octaves) <= rule->most_ns) {
        octaves++;
    }
    uint64_t from = floor << (draw % octaves);
    uint64_t left = rule->most_ns - from + 1;
    return (uint32_t)(from + mix(draw) % (left < from ? left : from));
}

bool
stressor_rule_acts(const struct stressor_rule *rule, uint64_t base, int thread, uint64_t site,
                   uint32_t visit, int phase, uint32_t *ns)
{
    if ((rule->phase >= 0 && rule->phase != phase) ||
        (rule->thread >= 0 && rule->thread != thread) ||
        (rule->visit != 0 && rule->visit != visit)) {
        return false;
    }
    uint64_t place = ((uint64_t)visit << 8) | ((uint64_t)thread << 1) | (uint64_t)phase;
    uint64_t draw = mix(mix(base ^ site) ^ mix(place) ^ rule->salt);
    if ((draw >> 32) >= rule->chance) {
        return false;
    }
    *ns = draw_ns(rule, mix(draw));
    return true;
}

void
stressor_rules_unbind(void)
{
    memset(stressor_rule_heads, 0, sizeof(stressor_rule_heads));
    link_count = 1;
}

void
stressor_rules_bind(uint32_t site)
{
    /* Backwards, so that the chain is in plan order: the first matching rule wins. */
    for (uint32_t i = stressor_rule_count; i-- > 0;) {
        if (!stressor_rule_selects(&stressor_rules[i], &stressor_record->sites[site])) {
            continue;
        }
        uint32_t link = __atomic_fetch_add(&link_count, 1, __ATOMIC_RELAXED);
        if (link >= STRESSOR_RULE_LINKS) {
            __atomic_fetch_or(&stressor_record->overflow, STRESSOR_FULL_RULES, __ATOMIC_RELAXED);
            return;
        }
        links[link].rule = (uint16_t)i;
        links[link].next = stressor_rule_heads[site];
        stressor_rule_heads[site] = link;
    }
}

struct stressor_decision
stressor_decide(uint32_t site, int thread, uint32_t visit, int phase)
{
    for (uint32_t link = stressor_rule_heads[site]; link != 0; link = links[link].next) {
        const struct stressor_rule *rule = &stressor_rules[links[link].rule];
        uint32_t ns;
        if (stressor_rule_acts(rule, stressor_base, thread, stressor_record->sites[site].hash,
                               visit, phase, &ns)) {
            return (struct stressor_decision){rule->action, ns, rule};
        }
    }
    return (struct stressor_decision){STRESSOR_GO, 0, NULL};
}
