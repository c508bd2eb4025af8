/* LK-CSSUSP: real critical sections while their thread blocks, and while the world is stopped. */
#include "sections.h"

enum { SAVER, STOPPED, COLLECTOR };

static void
save_in_both(const struct scene *scene)
{
    PyCriticalSection outer, inner;
    probe_note("come", 0);
    probe_note("here", 0);
    probe_note("begin A", 0);
    PyCriticalSection_Begin(&outer, scene->object[A]);
    probe_note("in A", 0);
    probe_note("begin B", 0);
    PyCriticalSection_Begin(&inner, scene->object[B]);
    scene_look(scene, "may block");
    scene_detach(scene);
    scene_look(scene, "in A, B");
    probe_note("end", 0);
    PyCriticalSection_End(&inner);
    scene_look(scene, "back in A");
    probe_note("end", 0);
    PyCriticalSection_End(&outer);
    probe_note("out", 0);
}

static int
stop_in_both(const struct scene *scene, PyObject *function)
{
    PyCriticalSection outer, inner;
    probe_note("come", 0);
    probe_note("here", 0);
    probe_note("begin B", 0);
    PyCriticalSection_Begin(&outer, scene->object[B]);
    probe_note("in B", 0);
    probe_note("begin A", 0);
    PyCriticalSection_Begin(&inner, scene->object[A]);
    scene_look(scene, "may stop");
    probe_note("call", 0);
    /* A Python function looks whether it shall stop. By its slot: a call of PyObject_Call would be a
     * site, where the thread may be made to detach for another reason. */
    PyObject *none = PyTuple_New(0);
    PyObject *result = Py_TYPE(function)->tp_call(function, none, NULL);
    scene_look(scene, "in B, A");
    probe_note("end", 0);
    PyCriticalSection_End(&inner);
    scene_look(scene, "back in B");
    probe_note("end", 0);
    PyCriticalSection_End(&outer);
    probe_note("out", 0);
    Py_XDECREF(result);
    Py_DECREF(none);
    return result == NULL ? -1 : 0;
}

/* The world is stopped here: no thread may get its turn, so nothing but a note is made. */
static int
in_stopped_world(PyObject *any, void *argument)
{
    (void)any;
    const struct scene *scene = argument;
    probe_note_quietly("stopped, A locked", scene_locked(scene, A));
    probe_note_quietly("stopped, B locked", scene_locked(scene, B));
    return 0; /* one object is enough */
}

static void
stop_others(const struct scene *scene)
{
    PyCriticalSection section;
    probe_note("stop", 0);
    PyUnstable_GC_VisitObjects(in_stopped_world, (void *)scene);
    probe_note("started", 0);
    probe_note("begin A", 0);
    PyCriticalSection_Begin(&section, scene->object[A]);
    scene_look(scene, "in A alone");
    probe_note("end", 0);
    PyCriticalSection_End(&section);
    probe_note("out", 0);
}

static PyObject *
suspend(PyObject *args, void (*saver)(const struct scene *))
{
    PyObject *state, *function;
    if (!PyArg_ParseTuple(args, "O!O:suspension_round", &PyTuple_Type, &state, &function)) {
        return NULL;
    }
    struct scene scene = scene_of(state);
    int result = 0;
    if (probe_join(SAVER)) {
        saver(&scene);
    } else if (probe_join(STOPPED)) {
        result = stop_in_both(&scene, function);
    } else if (probe_join(COLLECTOR)) {
        stop_others(&scene);
    }
    probe_leave();
    if (result < 0) {
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *
suspension_round(PyObject *module, PyObject *args)
{
    (void)module;
    return suspend(args, save_in_both);
}

/* The twin: its inner lock is none that the thread's records know, so nothing suspends it. */
static void
keep_while_blocked(const struct scene *scene)
{
    PyCriticalSection outer;
    probe_note("come", 0);
    probe_note("here", 0);
    probe_note("begin A", 0);
    PyCriticalSection_Begin(&outer, scene->object[A]);
    probe_note("in A", 0);
    probe_note("begin B", 0);
    PyMutex_Lock(&scene->object[B]->ob_mutex);
    probe_note("may block", 0);
    probe_note("save", 0);
    PyThreadState *thread = PyEval_SaveThread();
    probe_note("detached", 0);
    PyEval_RestoreThread(thread);
    probe_note("in A, B", 0);
    probe_note("end", 0);
    PyMutex_Unlock(&scene->object[B]->ob_mutex);
    probe_note("back in A", 0);
    probe_note("end", 0);
    PyCriticalSection_End(&outer);
    probe_note("out", 0);
}

static PyObject *
suspension_round_keeping(PyObject *module, PyObject *args)
{
    (void)module;
    return suspend(args, keep_while_blocked);
}

PyMethodDef probe_suspension[] = {
    {"suspension_round", suspension_round, METH_VARARGS, NULL},
    {"suspension_round_keeping", suspension_round_keeping, METH_VARARGS, NULL},
    {NULL, NULL, 0, NULL},
};
