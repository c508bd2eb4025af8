/* CC-LIST: items of a real list, read without its lock while its owner changes it.
 *
 * The writer makes the list, so it is its owner, and the others are foreign readers. */
#include "containers.h"

#include <sched.h>

enum { WRITER, READER };
enum { A = 1, B, C, E, HALF }; /* tags, as in the reference */
enum { READS = 3, PATIENCE = 200 };

struct scene {
    PyObject *list; /* atomic; owned, written once */
};

static PyObject *
list_scene(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    static const struct scene scene;
    return PyByteArray_FromStringAndSize((const char *)&scene, sizeof(scene));
}

static struct scene *
scene_of(PyObject *state)
{
    return (struct scene *)PyByteArray_AS_STRING(state);
}

/* list_drop(state): what the round made. No worker running. */
static PyObject *
list_drop(PyObject *module, PyObject *state)
{
    (void)module;
    Py_CLEAR(scene_of(state)->list);
    Py_RETURN_NONE;
}

static int
append_new(PyObject *list, int tag)
{
    PyObject *item = tagged_new(tag);
    int result = item == NULL ? -1 : PyList_Append(list, item);
    Py_XDECREF(item);
    return result;
}

/* [A, B] in an array for eight: `del list[0]` takes a smaller array. */
static PyObject *
make(void)
{
    PyObject *list = PyList_New(0);
    static const int tags[] = {A, B, HALF, HALF, HALF};
    for (size_t i = 0; list != NULL && i < sizeof(tags) / sizeof(tags[0]); i++) {
        if (append_new(list, tags[i]) < 0) {
            Py_CLEAR(list);
        }
    }
    if (list != NULL && PyList_SetSlice(list, 2, 5, NULL) < 0) {
        Py_CLEAR(list);
    }
    return list;
}

static int
delete_first(PyObject *list)
{
    return PyList_SetSlice(list, 0, 1, NULL);
}

/* The twin: moves down in two steps, and something else is there in between. */
static int
delete_in_two_steps(PyObject *list)
{
    PyObject *half = tagged_new(HALF);
    if (half == NULL || PyList_SetItem(list, 0, half) < 0) {
        return -1;
    }
    return PyList_SetSlice(list, 0, 1, NULL);
}

static int
write_all(struct scene *scene, int (*delete)(PyObject *))
{
    PyObject *list = make();
    if (list == NULL) {
        return -1;
    }
    __atomic_store_n(&scene->list, list, __ATOMIC_RELEASE);
    probe_note("delete", 0);
    int result = delete (list);
    probe_note("deleted", PyList_GET_SIZE(list));
    if (result == 0) {
        probe_note("append", 0);
        result = append_new(list, E);
        probe_note("appended", PyList_GET_SIZE(list));
    }
    PyObject *item = result == 0 ? tagged_new(C) : NULL;
    if (item == NULL) {
        return -1;
    }
    probe_note("set", 0);
    result = PyList_SetItem(list, 0, item);
    probe_note("set it", PyList_GET_SIZE(list));
    return result;
}

static PyObject *
get(PyObject *list, int index, PyObject **kept)
{
    (void)kept;
    return PyList_GetItemRef(list, index);
}

/* The twin: has a copy of what it read first. */
static PyObject *
get_once(PyObject *list, int index, PyObject **kept)
{
    if (kept[index] == NULL) {
        kept[index] = PyList_GetItemRef(list, index);
    }
    return Py_XNewRef(kept[index]);
}

static void
read_all(struct scene *scene, PyObject *(*gets)(PyObject *, int, PyObject **))
{
    PyObject *list = NULL;
    PyObject *kept[2] = {NULL, NULL};
    for (int i = 0; i < PATIENCE && list == NULL; i++) {
        list = __atomic_load_n(&scene->list, __ATOMIC_ACQUIRE);
        if (list == NULL) {
            sched_yield();
        }
    }
    if (list == NULL || !probe_join(READER)) {
        return;
    }
    for (int number = 0; number < READS; number++) {
        int index = number % 2;
        probe_note("get", 0);
        PyObject *item = gets(list, index, kept);
        PyErr_Clear();
        probe_note(item != NULL ? "got" : "got none", tag_of(item) << 1 | index);
        Py_XDECREF(item);
        probe_note("dropped", 0);
    }
    probe_leave();
    Py_XDECREF(kept[0]);
    Py_XDECREF(kept[1]);
}

static PyObject *
act(PyObject *state, int (*delete)(PyObject *), PyObject *(*gets)(PyObject *, int, PyObject **))
{
    int result = 0;
    if (probe_join(WRITER)) {
        result = write_all(scene_of(state), delete);
        probe_leave();
    } else {
        read_all(scene_of(state), gets);
    }
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
list_round(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, delete_first, get);
}

static PyObject *
list_round_in_two_steps(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, delete_in_two_steps, get);
}

static PyObject *
list_round_remembering(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, delete_first, get_once);
}

PyMethodDef probe_list[] = {
    {"list_drop", list_drop, METH_O, NULL},
    {"list_round", list_round, METH_O, NULL},
    {"list_round_in_two_steps", list_round_in_two_steps, METH_O, NULL},
    {"list_round_remembering", list_round_remembering, METH_O, NULL},
    {"list_scene", list_scene, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
