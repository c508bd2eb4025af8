/* LK-CS2: real critical sections on two objects, in both orders, on the same one twice, and blocked in. */
#include "sections.h"

enum { BLOCKING, OTHER, NESTING };

static void
block_in_two(const struct scene *scene)
{
    PyCriticalSection2 two;
    probe_note("begin A, B", 0);
    PyCriticalSection2_Begin(&two, scene->object[A], scene->object[B]);
    scene_look(scene, "in two");
    scene_detach(scene);
    scene_look(scene, "in two again");
    probe_note("end", 0);
    PyCriticalSection2_End(&two);
    probe_note("out", 0);
}

static void
other_order(const struct scene *scene)
{
    PyCriticalSection2 two;
    probe_note("begin B, A", 0);
    PyCriticalSection2_Begin(&two, scene->object[B], scene->object[A]);
    scene_look(scene, "in two again");
    probe_note("end", 0);
    PyCriticalSection2_End(&two);
    probe_note("out", 0);
}

static void
same_twice(const struct scene *scene)
{
    PyCriticalSection section;
    PyCriticalSection2 two;
    probe_note("begin B", 0);
    PyCriticalSection_Begin(&section, scene->object[B]);
    scene_look(scene, "in B");
    probe_note("begin A, A", 0);
    PyCriticalSection2_Begin(&two, scene->object[A], scene->object[A]);
    scene_look(scene, "in A, A");
    probe_note("end", 0);
    PyCriticalSection2_End(&two);
    scene_look(scene, "in B again");
    probe_note("end", 0);
    PyCriticalSection_End(&section);
    probe_note("out", 0);
}

static PyObject *
two_sections(PyObject *state, void (*other)(const struct scene *))
{
    struct scene scene = scene_of(state);
    void (*const parts[])(const struct scene *) = {block_in_two, other, same_twice};
    for (int role = BLOCKING; role <= NESTING; role++) {
        if (probe_join(role)) {
            parts[role](&scene);
            probe_leave();
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
two_sections_round(PyObject *module, PyObject *state)
{
    (void)module;
    return two_sections(state, other_order);
}

/* The twin: believes that two sections, one in the other, are as good as one on both. */
static void
one_in_the_other(const struct scene *scene)
{
    PyCriticalSection outer, inner;
    probe_note("begin B, A", 0);
    PyCriticalSection_Begin(&outer, scene->object[B]);
    PyCriticalSection_Begin(&inner, scene->object[A]);
    probe_note("in two again", 0); /* what the records say would give it away at once */
    probe_note("A locked", scene_locked(scene, A));
    probe_note("B locked", scene_locked(scene, B));
    probe_note("end", 0);
    PyCriticalSection_End(&inner);
    PyCriticalSection_End(&outer);
    probe_note("out", 0);
}

static PyObject *
two_sections_round_nested(PyObject *module, PyObject *state)
{
    (void)module;
    return two_sections(state, one_in_the_other);
}

PyMethodDef probe_twosections[] = {
    {"two_sections_round", two_sections_round, METH_O, NULL},
    {"two_sections_round_nested", two_sections_round_nested, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
