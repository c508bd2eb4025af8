/* A dispatcher: at most one handler for every event, called when the event is sent. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *handlers;
} Dispatcher;

static PyObject *
dispatcher_new(PyTypeObject *type, PyObject *Py_UNUSED(args), PyObject *Py_UNUSED(kwargs))
{
    Dispatcher *self = (Dispatcher *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->handlers = PyDict_New();
    if (self->handlers == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
dispatcher_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Dispatcher *)op)->handlers);
    return 0;
}

static int
dispatcher_clear(PyObject *op)
{
    Py_CLEAR(((Dispatcher *)op)->handlers);
    return 0;
}

static void
dispatcher_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)dispatcher_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
dispatcher_connect(PyObject *op, PyObject *args)
{
    PyObject *event, *handler;
    if (!PyArg_ParseTuple(args, "OO:connect", &event, &handler)) {
        return NULL;
    }
    if (PyDict_SetItem(((Dispatcher *)op)->handlers, event, handler) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
dispatcher_disconnect(PyObject *op, PyObject *event)
{
    if (PyDict_DelItem(((Dispatcher *)op)->handlers, event) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
dispatcher_send(PyObject *op, PyObject *event)
{
    PyObject *handler;
    int found = PyDict_GetItemRef(((Dispatcher *)op)->handlers, event, &handler);
    if (found < 0) {
        return NULL;
    }
    if (!found) {
        Py_RETURN_NONE;
    }
    PyObject *result = PyObject_CallNoArgs(handler);
    Py_DECREF(handler);
    return result;
}

static PyMethodDef dispatcher_methods[] = {
    {"connect", dispatcher_connect, METH_VARARGS, "Call this handler for this event."},
    {"disconnect", dispatcher_disconnect, METH_O, "Forget the event's handler; KeyError."},
    {"send", dispatcher_send, METH_O, "Call the event's handler, if there is one."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot dispatcher_slots[] = {
    {Py_tp_new, dispatcher_new},
    {Py_tp_traverse, dispatcher_traverse},
    {Py_tp_clear, dispatcher_clear},
    {Py_tp_dealloc, dispatcher_dealloc},
    {Py_tp_methods, dispatcher_methods},
    {0, NULL},
};

static PyType_Spec dispatcher_spec = {
    .name = "dispatch_fixed.Dispatcher",
    .basicsize = sizeof(Dispatcher),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = dispatcher_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &dispatcher_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Dispatcher", type);
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
    .m_name = "dispatch_fixed",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_dispatch_fixed(void)
{
    return PyModuleDef_Init(&module_def);
}
