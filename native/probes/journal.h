/* The journal of a probe: what the threads of one round saw of a real mechanism, in one order.
 *
 * A note takes its number by fetch-and-add when it is written. So a note that a thread writes before
 * it calls the mechanism has a smaller number than anything the call brings about, and one that it
 * writes after the return a larger one; what lies between is the monitor's to guess
 * (`stressor/probes/monitor.py`).
 *
 * A slot is a thread of the reference implementation that the calling thread acts for; a role is a
 * range of slots that do the same. Who finds no slot left has nothing to do in this round.
 */
#ifndef STRESSOR_PROBES_JOURNAL_H
#define STRESSOR_PROBES_JOURNAL_H

#include <Python.h>
#include <stdbool.h>
#include <stdint.h>

#include "stressor/port.h"

enum { PROBE_ROLES = 8, PROBE_SLOTS = 64, PROBE_WATCHES = 32, PROBE_NOTES = 1 << 14 };

/* Act for a slot of this role from now on, the same one each time in a round. False: no slot is left,
 * or this one has been used as often as it may. */
bool probe_join(int role);
void probe_leave(void);

/* The slot that the caller acts for: 0 and up. Only between join and leave. */
int probe_slot(void);

/* Which use of its slot the caller is at: 1 and up. Only between join and leave. */
int probe_use(void);

/* Act for a slot that somebody else has joined: a thread that it started, or what it knows of that. */
void probe_act_for(int slot);

/* Whether the caller acts for a slot of this round. Who never leaves does so to the round's end: what
 * it brings about between its operations, at the eval breaker say, is noted too. */
bool probe_acts(void);
/* Act for the caller's slot of this role within a call that the mechanism makes, whatever the caller was
 * doing; that is not counted as a use. What it returns is for probe_return. Without a slot left, nothing
 * can be said of this round. */
int probe_enter(int role);
void probe_return(int before);

/* Append to the journal for another slot, before any worker runs. */
void probe_note_for(int slot, const char *what);

/* Append to the journal, then let others go on if the schedule says so. `what` is a literal. */
void probe_note(const char *what, int64_t value);

/* Append only: where no other thread may go on in between. */
void probe_note_quietly(const char *what, int64_t value);

/* For the module: Python's side. Owner of the round, no worker running. */
int probe_journal_init(PyObject *module);
PyObject *probe_begin(PyObject *module, PyObject *args);
PyObject *probe_notes(PyObject *module, PyObject *unused);
PyObject *probe_watch(PyObject *module, PyObject *args);

/* Each probe's functions, added to the module by a line in probes.c. */
extern PyMethodDef probe_biased[];
extern PyMethodDef probe_borrowed[];
extern PyMethodDef probe_breaker[];
extern PyMethodDef probe_collected[];
extern PyMethodDef probe_current[];
extern PyMethodDef probe_deferred[];
extern PyMethodDef probe_dict[];
extern PyMethodDef probe_event[];
extern PyMethodDef probe_forking[];
extern PyMethodDef probe_freedelayed[];
extern PyMethodDef probe_immortal[];
extern PyMethodDef probe_joining[];
extern PyMethodDef probe_lastnotes[];
extern PyMethodDef probe_list[];
extern PyMethodDef probe_mergequeue[];
extern PyMethodDef probe_once[];
extern PyMethodDef probe_onesection[];
extern PyMethodDef probe_park[];
extern PyMethodDef probe_pending[];
extern PyMethodDef probe_pymutex[];
extern PyMethodDef probe_qsbr[];
extern PyMethodDef probe_sections[];
extern PyMethodDef probe_starting[];
extern PyMethodDef probe_stopping[];
extern PyMethodDef probe_stoptheworld[];
extern PyMethodDef probe_suspension[];
extern PyMethodDef probe_threadstate[];
extern PyMethodDef probe_tried[];
extern PyMethodDef probe_twosections[];
extern PyMethodDef probe_type[];
extern PyMethodDef probe_weakref[];

#endif
