/* Stand-ins for the turnstile: threads that take turns have a program of their own, threads_turns.c. */
#ifndef STRESSOR_TESTS_NO_TURNS_H
#define STRESSOR_TESTS_NO_TURNS_H

#include "stressor/turnstile.h"

bool stressor_controlled;
const uint32_t stressor_yield_symbol = STRESSOR_MAX_SYMBOLS;

void
stressor_turn_visit(struct stressor_thread *self, enum stressor_why why,
                    const struct stressor_step *at, uint8_t category)
{
    (void)self, (void)why, (void)at, (void)category;
}

void
stressor_turnstile_begin_round(uint64_t seed, uint32_t threads)
{
    (void)seed, (void)threads;
}

#endif
