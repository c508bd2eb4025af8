/* A list's array that is retired once a round, for all probes that watch memory being freed late.
 *
 * Made by delayed_new; "freed" is noted when the memory is given back, for whoever acts then. */
#ifndef STRESSOR_PROBES_FREEDELAYED_H
#define STRESSOR_PROBES_FREEDELAYED_H

#include <Python.h>
#include <stdbool.h>

/* Whether the list still points to the array. Attached; nothing is read through the pointer. */
bool probe_delayed_has(void);

/* Make the list count as shared, as if another thread than its owner had used it: only then its array is
 * freed late. Before there are threads that use it. */
void probe_delayed_share(void);

/* Unlink the array, and have it freed late. Once a round. */
void probe_delayed_retire(void);

#endif
