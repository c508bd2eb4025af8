/* Borrowed references and what their borrowers do with them. `list` is a shared list whose item 0 is
 * replaced by `replace` in another thread; `dict` likewise with its only value. */
#include "scenario.h"

NAMED PyObject *
borrow_and_return(PyObject *module, PyObject *list)
{
    (void)module;
    return Py_XNewRef(PyList_GetItem(list, 0));
}

/* Counts it and forgets it again. */
NAMED PyObject *
borrow_and_count(PyObject *module, PyObject *list)
{
    (void)module;
    PyObject *item = PyList_GetItem(list, 0);
    Py_XINCREF(item);
    Py_XDECREF(item);
    Py_RETURN_NONE;
}

NAMED PyObject *
borrow_and_store(PyObject *module, PyObject *list)
{
    (void)module;
    return Py_BuildValue("[O]", PyList_GetItem(list, 0));
}

NAMED PyObject *
borrow_and_pass(PyObject *module, PyObject *list)
{
    (void)module;
    Py_ssize_t size = PyObject_Size(PyList_GetItem(list, 0));
    return size < 0 ? NULL : PyLong_FromSsize_t(size);
}

NAMED PyObject *
borrow_and_operate(PyObject *module, PyObject *list)
{
    (void)module;
    return PyNumber_Index(PyList_GetItem(list, 0));
}

NAMED PyObject *
borrow_and_ask(PyObject *module, PyObject *list)
{
    (void)module;
    return PyBool_FromLong(PyList_GetItem(list, 0) != NULL);
}

NAMED PyObject *
borrow_by_next(PyObject *module, PyObject *dict)
{
    (void)module;
    PyObject *key, *value, *kept = NULL;
    Py_ssize_t position = 0;
    while (PyDict_Next(dict, &position, &key, &value)) {
        Py_XSETREF(kept, Py_NewRef(value));
    }
    return kept != NULL ? kept : Py_NewRef(Py_None);
}

/* The correct twins. */

NAMED PyObject *
take_reference(PyObject *module, PyObject *list)
{
    (void)module;
    return PyList_GetItemRef(list, 0);
}

NAMED PyObject *
borrow_locked(PyObject *module, PyObject *list)
{
    (void)module;
    PyObject *item;
    Py_BEGIN_CRITICAL_SECTION(list);
    item = Py_XNewRef(PyList_GetItem(list, 0));
    Py_END_CRITICAL_SECTION();
    return item;
}

NAMED PyObject *
next_locked(PyObject *module, PyObject *dict)
{
    (void)module;
    PyObject *key, *value, *kept = NULL;
    Py_ssize_t position = 0;
    Py_BEGIN_CRITICAL_SECTION(dict);
    while (PyDict_Next(dict, &position, &key, &value)) {
        Py_XSETREF(kept, Py_NewRef(value));
    }
    Py_END_CRITICAL_SECTION();
    return kept != NULL ? kept : Py_NewRef(Py_None);
}

/* replace(list, item): drops what was there. */
NAMED PyObject *
replace(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *list, *item;
    if (!PyArg_ParseTuple(args, "OO:replace", &list, &item) ||
        PyList_SetItem(list, 0, Py_NewRef(item)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

NAMED PyObject *
replace_value(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *dict, *value;
    if (!PyArg_ParseTuple(args, "OO:replace_value", &dict, &value) ||
        PyDict_SetItem(dict, Py_None, value) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"borrow_and_return", borrow_and_return, METH_O, NULL},
    {"borrow_and_count", borrow_and_count, METH_O, NULL},
    {"borrow_and_store", borrow_and_store, METH_O, NULL},
    {"borrow_and_pass", borrow_and_pass, METH_O, NULL},
    {"borrow_and_operate", borrow_and_operate, METH_O, NULL},
    {"borrow_and_ask", borrow_and_ask, METH_O, NULL},
    {"borrow_by_next", borrow_by_next, METH_O, NULL},
    {"take_reference", take_reference, METH_O, NULL},
    {"borrow_locked", borrow_locked, METH_O, NULL},
    {"next_locked", next_locked, METH_O, NULL},
    {"replace", replace, METH_VARARGS, NULL},
    {"replace_value", replace_value, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
