/* The registry of schedulers: a new one is a file, a line here and one in pyproject.toml. */
#include "stressor/scheduler.h"

#include <string.h>

extern const struct stressor_scheduler stressor_scheduler_first;
extern const struct stressor_scheduler stressor_scheduler_walk;
extern const struct stressor_scheduler stressor_scheduler_pct;
extern const struct stressor_scheduler stressor_scheduler_pos;
extern const struct stressor_scheduler stressor_scheduler_surw;
extern const struct stressor_scheduler stressor_scheduler_delayed;

const struct stressor_scheduler *const stressor_schedulers[] = {
    &stressor_scheduler_first,
    &stressor_scheduler_walk,
    &stressor_scheduler_pct,
    &stressor_scheduler_pos,
    &stressor_scheduler_surw,
    &stressor_scheduler_delayed,
    NULL,
};

const struct stressor_scheduler *
stressor_scheduler_named(const char *name)
{
    for (size_t i = 0; stressor_schedulers[i] != NULL; i++) {
        if (strcmp(stressor_schedulers[i]->name, name) == 0) {
            return stressor_schedulers[i];
        }
    }
    return NULL;
}

size_t
stressor_number_count(const struct stressor_scheduler *scheduler)
{
    size_t count = 0;
    while (scheduler->numbers[count].name != NULL) {
        count++;
    }
    return count;
}
