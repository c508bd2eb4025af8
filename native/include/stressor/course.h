/* The course of a round: the plan's switches, and the log of what was chosen.
 *
 * A plan's switch with a step must come up at exactly that choice: anything else is a divergence,
 * after which no switch with a step is followed any more. One without a step applies wherever its
 * visit comes up, once. Called under the turnstile's lock.
 */
#ifndef STRESSOR_COURSE_H
#define STRESSOR_COURSE_H

#include <stddef.h>

#include "stressor/scheduler.h"

#pragma GCC visibility push(hidden)

/* Owner of the child, no worker running. */
void stressor_course_open(size_t switches);
void stressor_course_begin_round(void);

/* Whom the plan's switches want next at the choice `at`, -1 when they do not say. */
int stressor_course_next(const struct stressor_point *point, const struct stressor_step *at);
/* The choice was `to`. */
void stressor_course_log(const struct stressor_point *point, const struct stressor_step *at,
                         int to);
/* Nobody takes part any more: switches that never came up are a divergence. */
void stressor_course_end_round(void);

#pragma GCC visibility pop

#endif
