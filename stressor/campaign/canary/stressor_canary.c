/* The canary: an extension with one deliberate race, which every campaign must catch before its
 * silence about another extension means anything. `peek` borrows a reference from a list that another
 * thread may change, and counts it too late. Nothing else is wrong with it. */

#define PY_SSIZE_T_CLEAN
#include <Python.h>

static PyObject *
peek(PyObject *module, PyObject *list)
{
    (void)module;
    PyObject *item = PyList_GetItem(list, 0);
    if (item == NULL) {
        return NULL;
    }
    /* The wrong: between the return above and this count, nobody keeps `item` alive. */
    return Py_NewRef(item);
}

static PyMethodDef methods[] = {
    {"peek", peek, METH_O, "The first item of a list, borrowed a little too long."},
    {NULL, NULL, 0, NULL},
};

static PyModuleDef_Slot slots[] = {
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef definition = {
    PyModuleDef_HEAD_INIT,
    .m_name = "stressor_canary",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit_stressor_canary(void)
{
    return PyModuleDef_Init(&definition);
}
