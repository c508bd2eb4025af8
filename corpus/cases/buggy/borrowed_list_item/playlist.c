/* A playlist: a list of titles, the first of which is playing. */
#include <Python.h>

typedef struct {
    PyObject_HEAD
    PyObject *titles;
} Playlist;

static PyObject *
playlist_new(PyTypeObject *type, PyObject *args, PyObject *Py_UNUSED(kwargs))
{
    PyObject *titles;
    if (!PyArg_ParseTuple(args, "O:Playlist", &titles)) {
        return NULL;
    }
    Playlist *self = (Playlist *)type->tp_alloc(type, 0);
    if (self == NULL) {
        return NULL;
    }
    self->titles = PySequence_List(titles);
    if (self->titles == NULL) {
        Py_DECREF(self);
        return NULL;
    }
    return (PyObject *)self;
}

static int
playlist_traverse(PyObject *op, visitproc visit, void *arg)
{
    Py_VISIT(Py_TYPE(op));
    Py_VISIT(((Playlist *)op)->titles);
    return 0;
}

static int
playlist_clear(PyObject *op)
{
    Py_CLEAR(((Playlist *)op)->titles);
    return 0;
}

static void
playlist_dealloc(PyObject *op)
{
    PyTypeObject *type = Py_TYPE(op);
    PyObject_GC_UnTrack(op);
    (void)playlist_clear(op);
    type->tp_free(op);
    Py_DECREF(type);
}

static PyObject *
playlist_now_playing(PyObject *op, PyObject *Py_UNUSED(ignored))
{
    PyObject *title = PyList_GetItem(((Playlist *)op)->titles, 0);
    if (title == NULL) {
        return NULL;
    }
    return Py_NewRef(title);
}

static PyObject *
playlist_play(PyObject *op, PyObject *title)
{
    if (PyList_SetItem(((Playlist *)op)->titles, 0, Py_NewRef(title)) < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyMethodDef playlist_methods[] = {
    {"now_playing", playlist_now_playing, METH_NOARGS, "Return the title that is playing."},
    {"play", playlist_play, METH_O, "Replace the title that is playing."},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot playlist_slots[] = {
    {Py_tp_new, playlist_new},
    {Py_tp_traverse, playlist_traverse},
    {Py_tp_clear, playlist_clear},
    {Py_tp_dealloc, playlist_dealloc},
    {Py_tp_methods, playlist_methods},
    {0, NULL},
};

static PyType_Spec playlist_spec = {
    .name = "playlist.Playlist",
    .basicsize = sizeof(Playlist),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC,
    .slots = playlist_slots,
};

static int
module_exec(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &playlist_spec, NULL);
    int failed = PyModule_AddObjectRef(module, "Playlist", type);
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
    .m_name = "playlist",
    .m_slots = module_slots,
};

PyMODINIT_FUNC
PyInit_playlist(void)
{
    return PyModuleDef_Init(&module_def);
}
