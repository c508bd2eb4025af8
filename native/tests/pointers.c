/* More slots than the shim has room for. */
#include "scenario.h"

enum { POINTERS = 66000 };
typedef PyObject *(*item_function)(PyObject *, Py_ssize_t);
static item_function const pointers[POINTERS] = {[0 ... POINTERS - 1] = PyList_GetItem};

/* item(list, index of the pointer to call through) */
static PyObject *
item(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *list;
    int index;
    if (!PyArg_ParseTuple(args, "Oi:item", &list, &index)) {
        return NULL;
    }
    return Py_XNewRef(pointers[index](list, 0));
}

static PyMethodDef methods[] = {
    {"item", item, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
