/* The parts of the Python face that are not in module.c; all attached. */
#ifndef STRESSOR_MODULE_H
#define STRESSOR_MODULE_H

#include <Python.h>
#include <stdint.h>

#include "stressor/scheduler.h"

/* Makes `list` the process's rules; no worker running. Returns 0 or -1 with an exception set. */
int stressor_read_rules(PyObject *list);
PyObject *stressor_shim_decide(PyObject *module, PyObject *args);

/* Controlled mode: prepared before arming; a worker that joins the round. */
PyObject *stressor_shim_control(PyObject *module, PyObject *args);
PyObject *stressor_shim_turn_enter(PyObject *module, PyObject *unused);

/* Redirects calls inside the interpreter; returns "", or why nothing was changed. */
PyObject *stressor_shim_redirect(PyObject *module, PyObject *args);
PyObject *stressor_shim_redirectable(PyObject *module, PyObject *unused);

/* By name; NULL with a ValueError that lists the names there are. */
const struct stressor_scheduler *stressor_read_scheduler(const char *name);
/* A scheduler's numbers from a sequence of as many integers, each in its range. Returns 0 or -1 with
 * an exception set. */
int stressor_read_numbers(const struct stressor_scheduler *scheduler, PyObject *sequence,
                          int64_t numbers[STRESSOR_MAX_NUMBERS]);
/* Puts the type Scheduler into the module. Returns 0 or -1 with an exception set. */
int stressor_add_scheduler(PyObject *module);
PyObject *stressor_shim_schedulers(PyObject *module, PyObject *unused);

/* What only reports; returns a new reference. */
PyObject *stressor_catalogue(PyObject *module, PyObject *unused);
PyObject *stressor_laws(PyObject *module, PyObject *unused);
PyObject *stressor_layout(PyObject *module, PyObject *unused);
PyObject *stressor_supported(PyObject *module, PyObject *unused);
PyObject *stressor_loaded_modules(PyObject *module, PyObject *unused);
PyObject *stressor_disable_randomization(PyObject *module, PyObject *unused);
PyObject *stressor_die_with_parent(PyObject *module, PyObject *unused);

/* The pair that `instrument` returns: what was rewritten, what could not be. */
PyObject *stressor_survey(void);

#endif
