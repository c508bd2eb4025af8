/* Standstill: what is done when nothing happens for a while.
 *
 * Either nobody has the turn: then all who wait for something that can be tried get one more attempt,
 * since it may have been given back by code that we do not see. When that was in vain, and no thread
 * and no process outside the turnstile can change anything, the earliest deadline expires, and without
 * one the trial is deadlocked; as long as somebody outside may act, deadlines expire in real time. Or the thread that has the turn sleeps in a call
 * that is not modelled, or computes for long without a visit: then it loses the turn, since it may
 * wait for one of ours, and the record says so. Reads /proc; allocates nothing.
 */
#ifndef STRESSOR_STANDSTILL_H
#define STRESSOR_STANDSTILL_H

#pragma GCC visibility push(hidden)

/* By the owner of the child now and then, and by a thread that leaves the turn to nobody. */
void stressor_standstill_look(void);
/* Who calls it does so in the thread that looks: it is no stranger that could wake anybody. */
void stressor_standstill_open(void);

#pragma GCC visibility pop

#endif
