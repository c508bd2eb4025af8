/* CC-DICT: one key of a real dict, looked up without its lock while another thread changes it.
 *
 * The keys are integers that are no small ones: equal, and not the same object, so that they are compared
 * by value; values are told apart by theirs. */
#include "containers.h"

enum { WRITER, READER };
enum { X = 1, Y, V }; /* tags, as in the reference */
enum { FILLERS = 4, KEY = 1000, OTHER = 2000, FILLER = 3000, READS = 2 };

static int
put(PyObject *dict, long key, int tag)
{
    PyObject *number = PyLong_FromLong(key), *value = tagged_new(tag);
    int result = number == NULL || value == NULL ? -1 : PyDict_SetItem(dict, number, value);
    Py_XDECREF(number);
    Py_XDECREF(value);
    return result;
}

static int
take_out(PyObject *dict, long key)
{
    PyObject *number = PyLong_FromLong(key);
    int result = number == NULL ? -1 : PyDict_DelItem(dict, number);
    Py_XDECREF(number);
    return result;
}

/* dict_new() -> a dict with no room left, and KEY as its last entry. */
static PyObject *
dict_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *dict = PyDict_New();
    for (int i = 0; dict != NULL && i <= FILLERS; i++) {
        if (put(dict, i < FILLERS ? FILLER + i : KEY, X) < 0) {
            Py_CLEAR(dict);
        }
    }
    return dict;
}

static int
set_value(PyObject *dict)
{
    return put(dict, KEY, Y);
}

/* The twin: takes the old value out first. */
static int
set_in_two_steps(PyObject *dict)
{
    return take_out(dict, KEY) < 0 ? -1 : put(dict, KEY, Y);
}

static int
pop_last(PyObject *dict)
{
    PyObject *item = PyObject_CallMethod(dict, "popitem", NULL);
    Py_XDECREF(item);
    return item == NULL ? -1 : 0;
}

/* One more filler makes the dict take other keys; it goes again, so that KEY is the last entry. */
static int
resize(PyObject *dict)
{
    return put(dict, FILLER + FILLERS, X) < 0 ? -1 : take_out(dict, FILLER + FILLERS);
}

static int
write_all(PyObject *dict, int (*sets)(PyObject *))
{
    probe_note("resize", 0);
    int result = resize(dict);
    probe_note("resized", 0);
    probe_note("set", 0);
    result |= sets(dict);
    probe_note("set it", Y);
    probe_note("pop", 0);
    result |= pop_last(dict);
    probe_note("popped", 0);
    probe_note("insert", 0);
    result |= put(dict, OTHER, V);
    probe_note("inserted", 0);
    return result;
}

static PyObject *
get(PyObject *dict, PyObject *key, PyObject **kept)
{
    (void)kept;
    PyObject *value = NULL;
    (void)PyDict_GetItemRef(dict, key, &value);
    return value;
}

/* The twin: has a copy of what it read first. */
static PyObject *
get_once(PyObject *dict, PyObject *key, PyObject **kept)
{
    if (*kept == NULL) {
        *kept = get(dict, key, NULL);
    }
    return Py_XNewRef(*kept);
}

static int
read_all(PyObject *dict, PyObject *(*gets)(PyObject *, PyObject *, PyObject **))
{
    PyObject *kept = NULL, *key = PyLong_FromLong(KEY);
    if (key == NULL) {
        return -1;
    }
    for (int number = 0; number < READS; number++) {
        probe_note("get", 0);
        PyObject *value = gets(dict, key, &kept);
        probe_note(value != NULL ? "got" : "got none", tag_of(value));
        Py_XDECREF(value);
        probe_note("dropped", 0);
    }
    Py_XDECREF(kept);
    Py_DECREF(key);
    return 0;
}

static PyObject *
act(PyObject *dict, int (*sets)(PyObject *), PyObject *(*gets)(PyObject *, PyObject *, PyObject **))
{
    int result = 0;
    if (probe_join(WRITER)) {
        result = write_all(dict, sets);
    } else if (probe_join(READER)) {
        result = read_all(dict, gets);
    }
    probe_leave();
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
dict_round(PyObject *module, PyObject *dict)
{
    (void)module;
    return act(dict, set_value, get);
}

static PyObject *
dict_round_in_two_steps(PyObject *module, PyObject *dict)
{
    (void)module;
    return act(dict, set_in_two_steps, get);
}

static PyObject *
dict_round_remembering(PyObject *module, PyObject *dict)
{
    (void)module;
    return act(dict, set_value, get_once);
}

PyMethodDef probe_dict[] = {
    {"dict_new", dict_new, METH_NOARGS, NULL},
    {"dict_round", dict_round, METH_O, NULL},
    {"dict_round_in_two_steps", dict_round_in_two_steps, METH_O, NULL},
    {"dict_round_remembering", dict_round_remembering, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
