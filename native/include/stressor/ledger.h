/* The borrow ledger: an object destroyed while a thread had it borrowed is a finding, crash or not.
 *
 * While a thread pauses after a borrowing call, the object's address stands in its `borrowed` cell.
 * The interpreter's reference tracer (PyRefTracer, 3.13) is called at the start of every
 * deallocation; if it meets the address in a cell it takes a loss slot, writes its own stack and
 * replaces the cell's value by LOST|slot (one compare-exchange: either the borrower took its address
 * back first, or the destroyer wins). The borrower then gets a substitute object. It becomes a
 * failure only when the substitute is seen used: counted, passed on, operated on, or returned. Code
 * that merely asks "is it there?" never touches it, and stays silent.
 */
#ifndef STRESSOR_LEDGER_H
#define STRESSOR_LEDGER_H

#include "stressor/gate.h"

/* Makes the substitutes' type. Attached, once. Returns 0 or -1 with an exception set. */
int stressor_ledger_prepare(void);

/* Puts `object` on the calling thread's cell `cell` (0 or 1). */
void stressor_ledger_borrow(struct stressor_thread *self, int cell, void *object);

/* Takes it back. Returns `object`, or a substitute when it was lost; fills the loss in. */
void *stressor_ledger_return(struct stressor_thread *self, int cell, void *object,
                             const struct stressor_pass *pass);

/* Tracer's side: any thread, may hold container locks, async-signal-safe. */
void stressor_ledger_destroyed(void *object);

/* Whether `object` is a substitute; then it is marked used, with `how`. */
bool stressor_ledger_meet(const void *object, const char *how);

/* Told of the object that is passed to a catalogued symbol: marks a substitute used. */
void stressor_ledger_passed(const void *object, uint32_t symbol);

/* Settles the thread's open losses: marks those whose substitute was counted since. */
void stressor_ledger_settle(struct stressor_thread *self, const void *result);

/* No worker running. `next_round` forgets losses that nobody was seen to use. */
void stressor_ledger_reset(void);
void stressor_ledger_next_round(void);

#endif
