/* More call sites than the shim has room for: five thousand, each with a return address of its own. */
#include "scenario.h"

#define ONE found += PyErr_Occurred() != NULL;
#define TEN ONE ONE ONE ONE ONE ONE ONE ONE ONE ONE
#define HUNDRED TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN
#define THOUSAND HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED HUNDRED

static PyObject *
visit_all(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    long found = 0;
    THOUSAND THOUSAND THOUSAND THOUSAND THOUSAND return PyLong_FromLong(found);
}

static PyObject *
visit_hundred(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    long found = 0;
    HUNDRED
    return PyLong_FromLong(found);
}

static PyMethodDef methods[] = {
    {"visit_all", visit_all, METH_NOARGS, NULL},
    {"visit_hundred", visit_hundred, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
