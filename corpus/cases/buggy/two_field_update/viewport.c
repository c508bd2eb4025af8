/* A viewport: the part of a document, from `top` up to `bottom`, that is on the screen. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    Py_ssize_t top;
    Py_ssize_t bottom;
} Viewport;

static void
viewport_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
viewport_show(PyObject *op, PyObject *const *args, Py_ssize_t nargs)
{
    Viewport *self = (Viewport *)op;
    if (nargs != 2) {
        PyErr_SetString(PyExc_TypeError, "show() takes top and bottom");
        return NULL;
    }
    Py_ssize_t top = PyLong_AsSsize_t(args[0]);
    if (top == -1 && PyErr_Occurred()) {
        return NULL;
    }
    self->top = top;
    Py_ssize_t bottom = PyLong_AsSsize_t(args[1]);
    if (bottom == -1 && PyErr_Occurred()) {
        return NULL;
    }
    self->bottom = bottom;
    Py_RETURN_NONE;
}

static PyObject *
viewport_shown(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    Viewport *self = (Viewport *)op;
    Py_ssize_t top = self->top;
    Py_ssize_t bottom = self->bottom;
    return Py_BuildValue("(nn)", top, bottom);
}

static PyMethodDef viewport_methods[] = {
    {"show", (PyCFunction)(void (*)(void))viewport_show, METH_FASTCALL, "Scroll to (top, bottom)."},
    {"shown", viewport_shown, METH_NOARGS, "Return (top, bottom)."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot viewport_slots[] = {
    {Py_tp_dealloc, viewport_dealloc},
    {Py_tp_methods, viewport_methods},
    {0, NULL},
};

static PyType_Spec viewport_spec = {
    .name = "viewport.Viewport",
    .basicsize = sizeof(Viewport),
    .flags = Py_TPFLAGS_DEFAULT,
    .slots = viewport_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &viewport_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Viewport", type);
    Py_XDECREF(type);
    return failed;
}

static PyModuleDef_Slot module_slots[] = {
    {Py_mod_exec, module_exec},
    {Py_mod_multiple_interpreters, Py_MOD_PER_INTERPRETER_GIL_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef module_def = {
    PyModuleDef_HEAD_INIT,
    .m_name = "viewport",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_viewport(void)
{
    return PyModuleDef_Init(&module_def);
}
