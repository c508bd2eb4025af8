/* What a thread can see of its critical sections.
 *
 * What a record says is public: PyThreadState.critical_section points to the innermost one. Whether
 * an object's mutex is locked is read by anybody at any time. */
#include "sections.h"

enum { TWO_MUTEXES = 2, TAGS = 3 }; /* further bits of a pointer to a record */
enum { SEEN_ACTIVE = 1, SEEN_A = 2, SEEN_B = 4, SEEN_RECORD = 8, SEEN_BITS = 4 };
/* scene_new() -> (A, B, counts). The tuple owns all; A has the lower address. */
static PyObject *
scene_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    static const int zeros[OBJECTS];
    PyObject *one = PyList_New(0), *other = PyList_New(0);
    PyObject *counts = PyByteArray_FromStringAndSize((const char *)zeros, sizeof(zeros));
    if (one == NULL || other == NULL || counts == NULL) {
        Py_XDECREF(one), Py_XDECREF(other), Py_XDECREF(counts);
        return NULL;
    }
    bool sorted = (uintptr_t)one < (uintptr_t)other;
    return Py_BuildValue("(NNN)", sorted ? one : other, sorted ? other : one, counts);
}

struct scene
scene_of(PyObject *state)
{
    return (struct scene){{PyTuple_GET_ITEM(state, A), PyTuple_GET_ITEM(state, B)},
                          (int *)PyByteArray_AS_STRING(PyTuple_GET_ITEM(state, OBJECTS))};
}

static int64_t
mutex_seen(const struct scene *scene, const PyMutex *mutex)
{
    return mutex == &scene->object[A]->ob_mutex   ? SEEN_A
           : mutex == &scene->object[B]->ob_mutex ? SEEN_B
                                                  : 0;
}

/* The thread's records, innermost first. Its owner only, attached or not. */
static int64_t
records(const struct scene *scene, const PyThreadState *thread)
{
    int64_t seen = 0;
    uintptr_t tagged = thread->critical_section;
    for (int shift = 0; tagged != 0; shift += SEEN_BITS) {
        const PyCriticalSection2 *record = (const PyCriticalSection2 *)(tagged & ~(uintptr_t)TAGS);
        int64_t bits = SEEN_RECORD | mutex_seen(scene, record->_cs_base._cs_mutex);
        if (tagged & TWO_MUTEXES) {
            bits |= mutex_seen(scene, record->_cs_mutex2);
        }
        seen |= (bits | !(tagged & RECORD_INACTIVE)) << shift;
        tagged = record->_cs_base._cs_prev;
    }
    return seen;
}

int64_t
scene_locked(const struct scene *scene, int which)
{
    return __atomic_load_n(&scene->object[which]->ob_mutex._bits, __ATOMIC_ACQUIRE) & 1;
}

void
scene_look(const struct scene *scene, const char *in_place)
{
    probe_note(in_place, 0);
    probe_note("records", records(scene, PyThreadState_Get()));
    probe_note("A locked", scene_locked(scene, A));
    probe_note("B locked", scene_locked(scene, B));
}

void
scene_detach(const struct scene *scene)
{
    probe_note("save", 0);
    PyThreadState *thread = PyEval_SaveThread();
    probe_note("detached", 0);
    probe_note("records detached", records(scene, thread));
    probe_note("A locked, detached", scene_locked(scene, A));
    probe_note("B locked, detached", scene_locked(scene, B));
    PyEval_RestoreThread(thread);
}

/* scene_bits(state): the whole bytes of both mutexes. */
static PyObject *
scene_bits(PyObject *module, PyObject *state)
{
    (void)module;
    struct scene scene = scene_of(state);
    return Py_BuildValue("(ii)", (int)scene.object[A]->ob_mutex._bits,
                         (int)scene.object[B]->ob_mutex._bits);
}

PyMethodDef probe_sections[] = {
    {"scene_new", scene_new, METH_NOARGS, NULL},
    {"scene_bits", scene_bits, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
