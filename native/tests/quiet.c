/* A module that calls nothing of the catalogue. */
#include "scenario.h"

static PyObject *
nothing(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"nothing", nothing, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
