/* The parts of the Python face that are not in module.c; all attached. */
#ifndef STRESSOR_MODULE_H
#define STRESSOR_MODULE_H

#include <Python.h>

/* Makes `list` the process's rules; no worker running. Returns 0 or -1 with an exception set. */
int stressor_read_rules(PyObject *list);
PyObject *stressor_shim_decide(PyObject *module, PyObject *args);

/* What only reports; returns a new reference. */
PyObject *stressor_catalogue(PyObject *module, PyObject *unused);
PyObject *stressor_layout(PyObject *module, PyObject *unused);
PyObject *stressor_supported(PyObject *module, PyObject *unused);
PyObject *stressor_loaded_modules(PyObject *module, PyObject *unused);
PyObject *stressor_disable_randomization(PyObject *module, PyObject *unused);
PyObject *stressor_die_with_parent(PyObject *module, PyObject *unused);

/* The pair that `instrument` returns: what was rewritten, what could not be. */
PyObject *stressor_survey(void);

#endif
