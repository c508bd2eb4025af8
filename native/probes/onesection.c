/* LK-CS1: real critical sections on one object, nested in both orders, counting in both objects. */
#include "sections.h"

static void
add(const struct scene *scene, int which)
{
    probe_note("load", 0);
    int seen = scene->count[which];
    probe_note("loaded", (int64_t)seen << 1 | which);
    probe_note("store", 0);
    scene->count[which] = seen + 1;
    probe_note("stored", 0);
}

static void
finish(PyCriticalSection *section, void (*end)(PyCriticalSection *))
{
    probe_note("end", 0);
    end(section);
}

static const char *const begins[] = {"begin A", "begin B"};
static const char *const outers[] = {"in A", "in B"};

static void
nest(const struct scene *scene, int outer, void (*end)(PyCriticalSection *))
{
    int inner = outer == A ? B : A;
    PyCriticalSection first, second;
    probe_note(begins[outer], 0);
    PyCriticalSection_Begin(&first, scene->object[outer]);
    probe_note(outers[outer], 0);
    probe_note(begins[inner], 0);
    PyCriticalSection_Begin(&second, scene->object[inner]);
    scene_look(scene, "in both");
    add(scene, inner);
    finish(&second, end);
    scene_look(scene, "in outer");
    add(scene, outer);
    finish(&first, end);
    probe_note("out", 0);
}

/* One thread nests B in A, the next A in B. */
static PyObject *
nested_round(PyObject *state, void (*end)(PyCriticalSection *))
{
    struct scene scene = scene_of(state);
    for (int outer = A; outer < OBJECTS; outer++) {
        if (probe_join(outer)) {
            nest(&scene, outer, end);
            probe_leave();
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
one_section_round(PyObject *module, PyObject *state)
{
    (void)module;
    return nested_round(state, PyCriticalSection_End);
}

/* The twin: forgets that the section below may be suspended. */
static void
end_without_resume(PyCriticalSection *section)
{
    PyThreadState *thread = PyThreadState_Get();
    bool active = !(thread->critical_section & RECORD_INACTIVE);
    if (active) {
        PyMutex_Unlock(section->_cs_mutex);
    }
    thread->critical_section = section->_cs_prev;
}

static PyObject *
one_section_round_without_resume(PyObject *module, PyObject *state)
{
    (void)module;
    return nested_round(state, end_without_resume);
}

PyMethodDef probe_onesection[] = {
    {"one_section_round", one_section_round, METH_O, NULL},
    {"one_section_round_without_resume", one_section_round_without_resume, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
