/* LK-EVENT: the real event, waited for with and without a time limit, and set once.
 *
 * Whoever returns from it last overwrites it, as somebody would who owns and frees it: the notifier
 * must not look at it after its exchange. */
#include "internals.h"
#include "journal.h"

#include <sched.h>

enum { NOTIFIER, TIMED, WAITER };
enum { USERS = 2, FREED = 0x7e, PATIENCE = 200 };

#ifdef PROBE_INTERNALS

struct scene {
    PyEvent event;
    int users; /* atomic: waiters that have not returned yet */
};

static PyObject *
event_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct scene scene = {.users = USERS};
    return PyByteArray_FromStringAndSize((const char *)&scene, sizeof(scene));
}

static struct scene *
scene_of(PyObject *state)
{
    return (struct scene *)PyByteArray_AS_STRING(state);
}

static int
byte_of(struct scene *scene)
{
    return __atomic_load_n(&scene->event.v, __ATOMIC_ACQUIRE);
}

static void
leave(struct scene *scene)
{
    if (__atomic_sub_fetch(&scene->users, 1, __ATOMIC_ACQ_REL) == 0) {
        __atomic_store_n(&scene->event.v, FREED, __ATOMIC_RELEASE);
    }
}

/* The notifier comes first, so that nobody waits in vain; it lets others come, but not for long. */
static void
let_others_park(struct scene *scene)
{
    for (int i = 0; i < PATIENCE && byte_of(scene) == 0; i++) {
        sched_yield();
    }
}

static void
notify(struct scene *scene)
{
    let_others_park(scene);
    probe_note("notify", 0);
    _PyEvent_Notify(&scene->event);
    probe_note("notified", 0);
}

static void
wait_timed(struct scene *scene)
{
    probe_note("wait for a while", 0);
    int set = PyEvent_WaitTimed(&scene->event, 50 * 1000, /*detach=*/1);
    probe_note(set ? "set in time" : "too late", 0);
    probe_note("byte", byte_of(scene));
    leave(scene);
}

static void
wait_for_it(struct scene *scene)
{
    probe_note("wait", 0);
    PyEvent_Wait(&scene->event);
    probe_note("waited", 0);
    probe_note("byte", byte_of(scene));
    leave(scene);
}

static PyObject *
act(PyObject *state, void (*const acts[])(struct scene *))
{
    for (int role = NOTIFIER; role <= WAITER; role++) {
        if (probe_join(role)) {
            acts[role](scene_of(state));
            probe_leave();
            break;
        }
    }
    Py_RETURN_NONE;
}

static PyObject *
event_round(PyObject *module, PyObject *state)
{
    (void)module;
    static void (*const acts[])(struct scene *) = {notify, wait_timed, wait_for_it};
    return act(state, acts);
}

/* The twin: looks at the event again when it has set it. */
static void
notify_and_look(struct scene *scene)
{
    let_others_park(scene);
    probe_note("notify", 0);
    _PyEvent_Notify(&scene->event);
    probe_note("notified", 0);
    probe_note("byte", byte_of(scene));
}

static PyObject *
event_round_looking(PyObject *module, PyObject *state)
{
    (void)module;
    static void (*const acts[])(struct scene *) = {notify_and_look, wait_timed, wait_for_it};
    return act(state, acts);
}

/* The twin: when the time is over, the event counts as set. */
static void
wait_as_if_set(struct scene *scene)
{
    probe_note("wait for a while", 0);
    (void)PyEvent_WaitTimed(&scene->event, 50 * 1000, /*detach=*/1);
    probe_note("set in time", 0);
    leave(scene);
}

static PyObject *
event_round_as_if_set(PyObject *module, PyObject *state)
{
    (void)module;
    static void (*const acts[])(struct scene *) = {notify, wait_as_if_set, wait_for_it};
    return act(state, acts);
}

#else
#define event_new probe_not_for_this_version
#define event_round probe_not_for_this_version
#define event_round_as_if_set probe_not_for_this_version
#define event_round_looking probe_not_for_this_version
#endif

PyMethodDef probe_event[] = {
    {"event_new", event_new, METH_NOARGS, NULL},
    {"event_round", event_round, METH_O, NULL},
    {"event_round_as_if_set", event_round_as_if_set, METH_O, NULL},
    {"event_round_looking", event_round_looking, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
