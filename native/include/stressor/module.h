/* The parts of the Python face that only report; all attached, all return a new reference. */
#ifndef STRESSOR_MODULE_H
#define STRESSOR_MODULE_H

#include <Python.h>

PyObject *stressor_catalogue(PyObject *module, PyObject *unused);
PyObject *stressor_layout(PyObject *module, PyObject *unused);
PyObject *stressor_supported(PyObject *module, PyObject *unused);
PyObject *stressor_loaded_modules(PyObject *module, PyObject *unused);
PyObject *stressor_disable_randomization(PyObject *module, PyObject *unused);
PyObject *stressor_die_with_parent(PyObject *module, PyObject *unused);

/* The pair that `instrument` returns: what was rewritten, what could not be. */
PyObject *stressor_survey(void);

#endif
