/* CC-TYPE: attributes and mro of a real type, read while another thread changes both.
 *
 * Names are interned and short, so that lookups go by the attribute cache; values are told apart by theirs. */
#include "containers.h"

enum { READER, MODIFIER, OTHER };
enum { X = 1, Y, G }; /* tags, as in the reference */

struct scene {
    PyTypeObject *type;
    PyObject *bases[2], *f, *g; /* borrowed from the state */
};

static struct scene
scene_of(PyObject *state)
{
    return (struct scene){(PyTypeObject *)PyTuple_GET_ITEM(state, 0),
                          {PyTuple_GET_ITEM(state, 1), PyTuple_GET_ITEM(state, 2)},
                          PyTuple_GET_ITEM(state, 3),
                          PyTuple_GET_ITEM(state, 4)};
}

/* type_scene(base, other base) -> (a type with f and g, base, other base, "f", "g"). */
static PyObject *
type_scene(PyObject *module, PyObject *args)
{
    (void)module;
    PyObject *base, *other;
    if (!PyArg_ParseTuple(args, "OO:type_scene", &base, &other)) {
        return NULL;
    }
    PyObject *made = PyObject_CallFunction((PyObject *)&PyType_Type, "s(O){s:N,s:N}", "Changed",
                                           base, "f", tagged_new(X), "g", tagged_new(G));
    PyObject *state =
        made == NULL ? NULL
                     : Py_BuildValue("(NOONN)", made, base, other, PyUnicode_InternFromString("f"),
                                     PyUnicode_InternFromString("g"));
    if (state != NULL) { /* fill the entry of f, as in the reference */
        struct scene scene = scene_of(state);
        Py_XDECREF(_PyType_LookupRef(scene.type, scene.f));
    }
    return state;
}

/* Which of the bases is second in the mro: 1 or 2. */
static int
read_mro(const struct scene *scene)
{
    PyObject *mro = PyObject_GetAttrString((PyObject *)scene->type, "__mro__");
    int which = 0;
    if (mro != NULL && PyTuple_GET_SIZE(mro) > 1) {
        which = PyTuple_GET_ITEM(mro, 1) == scene->bases[0] ? 1 : 2;
    }
    Py_XDECREF(mro);
    return which;
}

static void
read_both(const struct scene *scene)
{
    probe_note("get f", 0);
    PyObject *value = _PyType_LookupRef(scene->type, scene->f);
    probe_note("got f", tag_of(value));
    Py_XDECREF(value);
    probe_note("get mro", 0);
    probe_note("got mro", read_mro(scene));
}

static unsigned
version_of(const struct scene *scene)
{
    return __atomic_load_n(&scene->type->tp_version_tag, __ATOMIC_ACQUIRE);
}

/* The twin: a cache of its own, whose version is taken when the attribute has been looked up. */
static void
read_by_own_cache(const struct scene *scene)
{
    PyObject *cached = _PyType_LookupRef(scene->type, scene->f);
    probe_note("walked", 0);
    Py_XDECREF(_PyType_LookupRef(scene->type, scene->g)); /* gives the type a version */
    unsigned version = version_of(scene);
    probe_note("get f", 0);
    if (version == 0 || version != version_of(scene)) {
        Py_XSETREF(cached, _PyType_LookupRef(scene->type, scene->f));
    }
    probe_note("got f", tag_of(cached));
    Py_XDECREF(cached);
    probe_note("get mro", 0);
    probe_note("got mro", read_mro(scene));
}

static int
modify(const struct scene *scene)
{
    PyObject *value = tagged_new(Y), *bases = PyTuple_Pack(1, scene->bases[1]);
    int result = value == NULL || bases == NULL ? -1 : 0;
    if (result == 0) {
        probe_note("set f", 0);
        result |= PyObject_SetAttr((PyObject *)scene->type, scene->f, value);
        probe_note("f set", 0);
        probe_note("set bases", 0);
        result |= PyObject_SetAttrString((PyObject *)scene->type, "__bases__", bases);
        probe_note("bases set", 0);
    }
    Py_XDECREF(value);
    Py_XDECREF(bases);
    return result;
}

static void
read_other(const struct scene *scene)
{
    probe_note("get g", 0);
    PyObject *value = _PyType_LookupRef(scene->type, scene->g);
    probe_note("got g", tag_of(value));
    Py_XDECREF(value);
}

static PyObject *
act(PyObject *state, void (*reads)(const struct scene *))
{
    struct scene scene = scene_of(state);
    int result = 0;
    if (probe_join(READER)) {
        reads(&scene);
    } else if (probe_join(MODIFIER)) {
        result = modify(&scene);
    } else if (probe_join(OTHER)) {
        read_other(&scene);
    }
    probe_leave();
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
type_round(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, read_both);
}

static PyObject *
type_round_own_cache(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, read_by_own_cache);
}

PyMethodDef probe_type[] = {
    {"type_round", type_round, METH_O, NULL},
    {"type_round_own_cache", type_round_own_cache, METH_O, NULL},
    {"type_scene", type_scene, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
