/* What the C API asks of the caller of a catalogued symbol, beyond its arguments' types. */
#ifndef STRESSOR_CONTRACT_H
#define STRESSOR_CONTRACT_H

#include "stressor/gate.h"

enum {
    STRESSOR_WANTS_STATE = 1,  /* the calling thread is attached */
    STRESSOR_WANTS_OBJECT = 2, /* the visit's object is a live object, or NULL */
    STRESSOR_MAY_DO_NOTHING =
        4,                  /* with NULL or an immortal object it does nothing, attached or not */
    STRESSOR_DROPS = 8,     /* it drops a reference of the caller's to the visit's object */
    STRESSOR_ATTACHES = 16, /* the visit's object is the thread state that it attaches */
};

/* By symbol; filled by `stressor_contract_prepare`. */
extern uint8_t stressor_contract[STRESSOR_MAX_SYMBOLS] __attribute__((visibility("hidden")));

void stressor_contract_prepare(void);

#endif
