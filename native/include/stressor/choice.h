/* Choices: who of those that can go on does, and what time passes with it. All but `open` under the
 * turnstile's lock. */
#ifndef STRESSOR_CHOICE_H
#define STRESSOR_CHOICE_H

#include "stressor/scheduler.h"

#pragma GCC visibility push(hidden)

/* Owner of the child, no worker running. */
void stressor_choice_open(const struct stressor_scheduler *scheduler, const int64_t *numbers);
void stressor_choice_begin_round(uint64_t seed, uint32_t threads);

/* Where `thread` is, for schedulers that look at what the others are about to do. */
void stressor_choice_tell(int thread, const struct stressor_step *at, uint8_t category);

/* Chooses who goes next and logs it; virtual time passes. Somebody is ready. The second is for
 * choices that are made at no visit. */
int stressor_choose(int current, enum stressor_why why, const struct stressor_step *at);
int stressor_choose_anew(int current, enum stressor_why why);

/* All who are ready now go before `thread` does again. */
void stressor_owe(int thread);

#pragma GCC visibility pop

#endif
