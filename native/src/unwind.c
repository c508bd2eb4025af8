#include "stressor/unwind.h"

#include <stdbool.h>
#include <unwind.h>

struct walk {
    uint64_t *frames;
    uint64_t from;
    uint32_t size;
    uint32_t count;
    bool begun;
};

static _Unwind_Reason_Code
step(struct _Unwind_Context *context, void *arg)
{
    struct walk *walk = arg;
    int interrupted = 0;
    uint64_t place = (uint64_t)_Unwind_GetIPInfo(context, &interrupted);
    if (!walk->begun) {
        if (place != walk->from) {
            return _URC_NO_REASON;
        }
        walk->begun = true;
    }
    if (place == 0 || walk->count == walk->size) {
        return _URC_END_OF_STACK;
    }
    walk->frames[walk->count++] = place + (interrupted ? 1 : 0);
    return _URC_NO_REASON;
}

uint32_t
stressor_unwind(uint64_t *frames, uint32_t size, uint64_t from)
{
    struct walk walk = {frames, from, size, 0, from == STRESSOR_WHOLE_STACK};
    (void)_Unwind_Backtrace(step, &walk);
    return walk.count;
}

void
stressor_unwind_prepare(void)
{
    uint64_t frames[4];
    (void)stressor_unwind(frames, 4, STRESSOR_WHOLE_STACK);
}
