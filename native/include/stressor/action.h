/* Actions: carrying out what policy decided. May block for the decided time and no longer. */
#ifndef STRESSOR_ACTION_H
#define STRESSOR_ACTION_H

#include <stdbool.h>

#include "stressor/policy.h"

/* Carries `decision` out for the calling logical thread. `may_detach` is the site's own answer for
 * this visit; without it a DETACH is not done and false is returned. Also false when a hold's
 * deadline passed; `ns` becomes how long a hold lasted. Preserves errno. Caller is inside the gate. */
bool stressor_act(struct stressor_decision *decision, bool may_detach);

#endif
