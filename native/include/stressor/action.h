/* Actions: carrying out what policy decided. May block for the decided time and no longer. */
#ifndef STRESSOR_ACTION_H
#define STRESSOR_ACTION_H

#include <stdbool.h>

#include "stressor/policy.h"

/* Carries `decision` out for the calling logical thread. `may_detach` is the site's own answer for
 * this visit; without it a DETACH is not done and false is returned. Also false when a hold's
 * deadline passed. Preserves errno. Caller is inside the gate. */
bool stressor_act(struct stressor_thread *self, const struct stressor_decision *decision,
                  bool may_detach);

/* The site index with this key hash in this process, or UINT32_MAX: it was not visited yet. */
uint32_t stressor_site_by_hash(uint64_t hash);

#endif
