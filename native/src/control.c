/* Controlled mode as the Python face takes it: a scheduler, its numbers, the plan's switches. */
#include <Python.h>

#include "stressor/module.h"
#include "stressor/turnstile.h"

static int
read_switch(PyObject *tuple, struct stressor_switch *wanted)
{
    long long step;
    unsigned long long site;
    int thread, phase, to;
    unsigned int visit;
    if (!PyTuple_Check(tuple) ||
        !PyArg_ParseTuple(tuple, "LiKIii:switch", &step, &thread, &site, &visit, &phase, &to)) {
        if (!PyErr_Occurred()) {
            PyErr_Format(PyExc_ValueError, "a switch has %d numbers", STRESSOR_SWITCH_FIELDS);
        }
        return -1;
    }
    if (step < -1 || thread < -1 || thread >= STRESSOR_MAX_THREADS || to < 0 ||
        to >= STRESSOR_MAX_THREADS || phase < 0 || phase > 1) {
        PyErr_Format(PyExc_ValueError, "an impossible switch: %R", tuple);
        return -1;
    }
    *wanted = (struct stressor_switch){.site = site,
                                       .step = step,
                                       .visit = visit,
                                       .thread = (int16_t)thread,
                                       .to = (int16_t)to,
                                       .phase = (uint8_t)phase};
    return 0;
}

/* Those with a step come first, in their order. Returns the count or -1. */
static Py_ssize_t
read_switches(PyObject *list)
{
    if (!PyList_Check(list) || PyList_GET_SIZE(list) > STRESSOR_MAX_SWITCHES) {
        PyErr_Format(PyExc_ValueError, "wanted a list of at most %d switches",
                     STRESSOR_MAX_SWITCHES);
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        struct stressor_switch *wanted = &stressor_switches[i];
        if (read_switch(PyList_GET_ITEM(list, i), wanted) < 0) {
            return -1;
        }
        bool ordered =
            i == 0 ||
            (wanted->step >= 0 ? wanted->step > wanted[-1].step && wanted[-1].step >= 0 : true);
        if (!ordered) {
            PyErr_SetString(PyExc_ValueError,
                            "switches with a step come first, in the order of their steps");
            return -1;
        }
    }
    return PyList_GET_SIZE(list);
}

PyObject *
stressor_shim_control(PyObject *module, PyObject *args)
{
    (void)module;
    static int64_t numbers[STRESSOR_MAX_NUMBERS];
    const char *name;
    PyObject *values, *list;
    if (!PyArg_ParseTuple(args, "sOO:control", &name, &values, &list)) {
        return NULL;
    }
    const struct stressor_scheduler *scheduler = stressor_read_scheduler(name);
    if (scheduler == NULL || stressor_read_numbers(scheduler, values, numbers) < 0) {
        return NULL;
    }
    Py_ssize_t count = read_switches(list);
    if (count < 0) {
        return NULL;
    }
    stressor_turnstile_open(scheduler, numbers, (size_t)count);
    Py_RETURN_NONE;
}

PyObject *
stressor_shim_turn_enter(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    struct stressor_thread *self = stressor_controlled ? stressor_guard() : NULL;
    if (self != NULL) {
        /* Attached: nobody runs who could stop the world before all have come. */
        stressor_turn_enter();
        self->inside = false;
    }
    Py_RETURN_NONE;
}
