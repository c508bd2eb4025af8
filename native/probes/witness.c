#include "witness.h"

#include <stddef.h>

static void
witness_dealloc(PyObject *self)
{
    struct witness *witness = (struct witness *)self;
    if (witness->weakrefs != NULL) {
        PyObject *raised = PyErr_GetRaisedException();
        PyObject_ClearWeakRefs(self);
        PyErr_SetRaisedException(raised); /* not that a twin's object is counted and dies */
    }
    int died = __atomic_add_fetch(&witness->died, 1, __ATOMIC_SEQ_CST);
    if (witness->end != NULL && probe_acts()) {
        probe_note(witness->end, died);
    }
    Py_CLEAR(witness->refers);
}

static PyMemberDef members[] = {
    {"serial", Py_T_LONG, offsetof(struct witness, serial), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyTypeObject witness_type = {
    .ob_base = PyVarObject_HEAD_INIT(NULL, 0).tp_name = "stressor._probes.Witness",
    .tp_basicsize = sizeof(struct witness),
    .tp_flags = Py_TPFLAGS_DEFAULT,
    .tp_dealloc = witness_dealloc,
    .tp_weaklistoffset = offsetof(struct witness, weakrefs),
    .tp_members = members,
};

struct witness *
witness_reserve(void)
{
    if (PyType_Ready(&witness_type) < 0) {
        return NULL;
    }
    struct witness *witness = PyMem_RawCalloc(1, sizeof(struct witness));
    return witness == NULL ? (struct witness *)PyErr_NoMemory() : witness;
}

PyObject *
witness_make(struct witness *witness, const char *end, PyObject *refers)
{
    witness->end = end;
    witness->refers = refers;
    return PyObject_Init(&witness->ob_base, &witness_type);
}

void
witness_words(const PyObject *op, const struct words *names)
{
    probe_note(names->tid, __atomic_load_n(&op->ob_tid, __ATOMIC_SEQ_CST) != 0);
    probe_note(names->local, __atomic_load_n(&op->ob_ref_local, __ATOMIC_SEQ_CST));
    probe_note(names->shared, __atomic_load_n(&op->ob_ref_shared, __ATOMIC_SEQ_CST));
}

int
witness_died(const struct witness *witness)
{
    return __atomic_load_n(&witness->died, __ATOMIC_SEQ_CST);
}

PyObject *
witness_in(PyObject *list)
{
    PyObject *op = PyList_GetItemRef(list, 0);
    if (op == NULL) {
        PyErr_Clear(); /* it is empty */
    }
    return op;
}

PyObject *
witness_in_unchecked(PyObject *list, struct witness *witness)
{
    if (PyList_GET_SIZE(list) == 0) {
        return NULL;
    }
    PyErr_Occurred(); /* a call, as in any code of more than one line */
    return Py_NewRef(&witness->ob_base);
}
