/* CC-WEAKREF: strong references out of a real weak one, while the owner drops the object.
 *
 * The object's type is this file's own, so that its end is seen: deallocation, callback, release. */
#include "containers.h"

#include <sched.h>
#include <stddef.h>

enum { OWNER, GETTER };
enum { PATIENCE = 200, SHARED_SHIFT = 2 };

struct target {
    PyObject ob_base;
    PyObject *weakrefs;
};

struct scene {
    PyObject *reference; /* atomic; the weak one; owned, written once */
    int called;          /* atomic */
};

static struct scene *
scene_of(PyObject *state)
{
    return (struct scene *)PyByteArray_AS_STRING(state);
}

static void
target_dealloc(PyObject *object)
{
    PyTypeObject *type = Py_TYPE(object);
    probe_note("dies", object->ob_ref_local | object->ob_ref_shared >> SHARED_SHIFT);
    PyObject_ClearWeakRefs(object);
    probe_note("ends", 0);
    PyObject_Free(object);
    Py_DECREF(type);
}

static PyMemberDef target_members[] = {
    {"__weaklistoffset__", Py_T_PYSSIZET, offsetof(struct target, weakrefs), Py_READONLY, NULL},
    {NULL, 0, 0, 0, NULL},
};

static PyType_Slot target_slots[] = {
    {Py_tp_dealloc, target_dealloc},
    {Py_tp_members, target_members},
    {0, NULL},
};

static PyType_Spec target_spec = {
    .name = "stressor._probes.Target",
    .basicsize = sizeof(struct target),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
    .slots = target_slots,
};

/* weakref_target() -> the type of the objects; made once. */
static PyObject *
weakref_target(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyType_FromSpec(&target_spec);
}

static PyObject *
weakref_scene(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    static const struct scene scene;
    return PyByteArray_FromStringAndSize((const char *)&scene, sizeof(scene));
}

/* weakref_drop(state) -> how often the callback ran. No worker running. */
static PyObject *
weakref_drop(PyObject *module, PyObject *state)
{
    (void)module;
    struct scene *scene = scene_of(state);
    Py_CLEAR(scene->reference);
    return PyLong_FromLong(scene->called);
}

static PyObject *
callback(PyObject *state, PyObject *reference)
{
    PyObject *object = NULL;
    int alive = PyWeakref_GetRef(reference, &object);
    Py_XDECREF(object);
    probe_note("called", alive);
    __atomic_add_fetch(&scene_of(state)->called, 1, __ATOMIC_RELAXED);
    Py_RETURN_NONE;
}

static PyMethodDef callback_def = {"callback", callback, METH_O, NULL};

static int
own(PyObject *state, PyTypeObject *type)
{
    struct scene *scene = scene_of(state);
    struct target *target = PyObject_New(struct target, type);
    PyObject *call = PyCFunction_New(&callback_def, state);
    if (target != NULL) {
        target->weakrefs = NULL;
    }
    if (target == NULL || call == NULL) {
        Py_XDECREF(target);
        Py_XDECREF(call);
        return -1;
    }
    probe_note("make", 0);
    PyObject *reference = PyWeakref_NewRef((PyObject *)target, call);
    __atomic_store_n(&scene->reference, reference, __ATOMIC_RELEASE);
    Py_DECREF(call);
    probe_note("made", 0);
    probe_note("drop", 0);
    Py_DECREF(target);
    probe_note("dropped", 0);
    return reference == NULL ? -1 : 0;
}

static void
get(PyObject *reference)
{
    PyObject *object = NULL;
    probe_note("get", 0);
    (void)PyWeakref_GetRef(reference, &object);
    if (object == NULL) {
        probe_note("got none", 0);
        return;
    }
    probe_note("got", 0);
    probe_note("shared", __atomic_load_n(&object->ob_ref_shared, __ATOMIC_ACQUIRE));
    probe_note("leave it", 0);
    Py_DECREF(object);
    probe_note("left", 0);
}

/* The twin: takes the object out and uses it with no reference of its own. */
static void
borrow(PyObject *reference)
{
    probe_note("get", 0);
    PyObject *object =
        __atomic_load_n(&((PyWeakReference *)reference)->wr_object, __ATOMIC_ACQUIRE);
    if (object == Py_None) {
        probe_note("got none", 0);
        return;
    }
    probe_note("got", 0);
    probe_note("leave it", 0);
    probe_note("left", 0);
}

static void
use(struct scene *scene, void (*gets)(PyObject *))
{
    PyObject *reference = NULL;
    for (int i = 0; i < PATIENCE && reference == NULL; i++) {
        reference = __atomic_load_n(&scene->reference, __ATOMIC_ACQUIRE);
        if (reference == NULL) {
            sched_yield();
        }
    }
    if (reference != NULL && probe_join(GETTER)) {
        gets(reference);
        probe_leave();
    }
}

static PyObject *
act(PyObject *args, void (*gets)(PyObject *))
{
    PyObject *state, *type;
    if (!PyArg_ParseTuple(args, "O!O!:weakref_round", &PyByteArray_Type, &state, &PyType_Type,
                          &type)) {
        return NULL;
    }
    int result = 0;
    if (probe_join(OWNER)) {
        result = own(state, (PyTypeObject *)type);
        probe_leave();
    } else {
        use(scene_of(state), gets);
    }
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
weakref_round(PyObject *module, PyObject *args)
{
    (void)module;
    return act(args, get);
}

static PyObject *
weakref_round_borrowed(PyObject *module, PyObject *args)
{
    (void)module;
    return act(args, borrow);
}

PyMethodDef probe_weakref[] = {
    {"weakref_drop", weakref_drop, METH_O, NULL},
    {"weakref_round", weakref_round, METH_VARARGS, NULL},
    {"weakref_round_borrowed", weakref_round_borrowed, METH_VARARGS, NULL},
    {"weakref_scene", weakref_scene, METH_NOARGS, NULL},
    {"weakref_target", weakref_target, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
