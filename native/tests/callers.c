/* One call through each kind of slot: the procedure linkage table, a pointer that the code takes, and
 * a table of pointers that is relocated when the module is loaded. */
#include "scenario.h"

typedef PyObject *(*pair_function)(PyObject *, PyObject *);

/* Two slots for one symbol. */
static const pair_function table[] = {PyDict_GetItem, PyDict_GetItem};

static PyObject *
by_call(PyObject *module, PyObject *list)
{
    (void)module;
    return Py_XNewRef(PyList_GetItem(list, 0));
}

static PyObject *
by_pointer(PyObject *module, PyObject *tuple)
{
    (void)module;
    PyObject *(*volatile get)(PyObject *, Py_ssize_t) = PyTuple_GetItem;
    return Py_XNewRef(get(tuple, 0));
}

static PyObject *
by_table(PyObject *module, PyObject *dict)
{
    (void)module;
    volatile int index = 1;
    return Py_XNewRef(table[index](dict, Py_None));
}

/* Many symbols, each called once: what several threads do when all of them are still unbound. */
static PyObject *
first_calls(PyObject *module, PyObject *list)
{
    (void)module;
    PyObject *tuple = PySequence_Tuple(list), *copy = PySequence_List(list);
    PyObject *slice = PyList_GetSlice(list, 0, 1), *text = PyObject_Repr(list);
    Py_ssize_t size = PyObject_Size(list) + PyList_Size(list);
    int held = PySequence_Contains(list, Py_None), truth = PyObject_IsTrue(list);
    PyObject *iterator = PyObject_GetIter(list);
    PyObject *result = tuple && copy && slice && text && iterator && held >= 0 && truth >= 0
                           ? PyLong_FromSsize_t(size)
                           : NULL;
    Py_XDECREF(tuple);
    Py_XDECREF(copy);
    Py_XDECREF(slice);
    Py_XDECREF(text);
    Py_XDECREF(iterator);
    return result;
}

/* A pointer that was copied out of its slot before anybody rewrote that. */
static PyObject *(*copied)(PyObject *, Py_ssize_t);

static PyObject *
copy_pointer(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    copied = PyTuple_GetItem;
    Py_RETURN_NONE;
}

static PyObject *
by_copy(PyObject *module, PyObject *tuple)
{
    (void)module;
    return Py_XNewRef(copied(tuple, 0));
}

static PyObject *
call_back(PyObject *module, PyObject *callable)
{
    (void)module;
    /* Not as a tail call, which would leave no return address in here. */
    PyObject *volatile result = PyObject_CallNoArgs(callable);
    return result;
}

static PyMethodDef methods[] = {
    {"copy_pointer", copy_pointer, METH_NOARGS, NULL},
    {"by_copy", by_copy, METH_O, NULL},
    {"call_back", call_back, METH_O, NULL},
    {"by_call", by_call, METH_O, NULL},
    {"by_pointer", by_pointer, METH_O, NULL},
    {"by_table", by_table, METH_O, NULL},
    {"first_calls", first_calls, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
