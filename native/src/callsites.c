/* Call sites as the Python face takes them: the interpreter's functions with the ends of their calls. */
#include <Python.h>
#include <string.h>

#include "stressor/gate.h"
#include "stressor/module.h"
#include "stressor/redirect.h"

static int
symbol_of(const char *name)
{
    for (size_t i = 0; i < stressor_symbol_count; i++) {
        if (stressor_symbols[i].kind == STRESSOR_REDIRECT &&
            strcmp(stressor_symbols[i].name, name) == 0) {
            return (int)i;
        }
    }
    PyErr_Format(PyExc_ValueError, "%s is no function that can be redirected", name);
    return -1;
}

/* Adds the call sites of one (name, target, ends); returns the new count, or -1. */
static Py_ssize_t
read_function(PyObject *tuple, struct stressor_callsite *sites, Py_ssize_t count)
{
    const char *name;
    unsigned long long target;
    PyObject *ends;
    if (!PyTuple_Check(tuple) ||
        !PyArg_ParseTuple(tuple, "sKO!", &name, &target, &PyList_Type, &ends)) {
        if (!PyErr_Occurred()) {
            PyErr_SetString(PyExc_ValueError, "wanted (name, target, ends)");
        }
        return -1;
    }
    int symbol = symbol_of(name);
    if (symbol < 0) {
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(ends); i++) {
        if (count == STRESSOR_MAX_REDIRECTS) {
            PyErr_Format(PyExc_ValueError, "at most %d call sites", STRESSOR_MAX_REDIRECTS);
            return -1;
        }
        unsigned long long end = PyLong_AsUnsignedLongLong(PyList_GET_ITEM(ends, i));
        if (PyErr_Occurred()) {
            return -1;
        }
        sites[count++] =
            (struct stressor_callsite){.end = end, .target = target, .symbol = (uint16_t)symbol};
    }
    return count;
}

static Py_ssize_t
read_functions(PyObject *list, struct stressor_callsite *sites)
{
    Py_ssize_t count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list) && count >= 0; i++) {
        count = read_function(PyList_GET_ITEM(list, i), sites, count);
    }
    return count;
}

PyObject *
stressor_shim_redirect(PyObject *module, PyObject *args)
{
    (void)module;
    const char *build_id;
    PyObject *list;
    if (!PyArg_ParseTuple(args, "sO!:redirect", &build_id, &PyList_Type, &list)) {
        return NULL;
    }
    struct stressor_callsite *sites = PyMem_Calloc(STRESSOR_MAX_REDIRECTS, sizeof(*sites));
    if (sites == NULL) {
        return PyErr_NoMemory();
    }
    Py_ssize_t count = read_functions(list, sites);
    const char *why = count < 0 ? NULL : stressor_redirect(build_id, sites, (size_t)count);
    PyMem_Free(sites);
    return count < 0 ? NULL : PyUnicode_FromString(why != NULL ? why : "");
}

PyObject *
stressor_shim_redirectable(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    const char *why = stressor_redirect_refuses();
    return PyUnicode_FromString(why != NULL ? why : "");
}
