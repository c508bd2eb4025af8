/* stressor._probes: the real mechanisms of this interpreter, driven and watched.
 *
 * One C file per mechanism, each with a table of functions; what they are held against is in
 * stressor/probes. */
#include "journal.h"

static PyMethodDef methods[] = {
    {"begin", probe_begin, METH_VARARGS, NULL},
    {"watch", probe_watch, METH_VARARGS, NULL},
    {"notes", probe_notes, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

static PyMethodDef *const tables[] = {
    probe_biased,     probe_borrowed,    probe_breaker,   probe_collected,   probe_current,
    probe_deferred,   probe_dict,        probe_event,     probe_forking,     probe_freedelayed,
    probe_immortal,   probe_joining,     probe_lastnotes, probe_list,        probe_mergequeue,
    probe_once,       probe_onesection,  probe_park,      probe_pending,     probe_pymutex,
    probe_qsbr,       probe_sections,    probe_starting,  probe_stopping,    probe_stoptheworld,
    probe_suspension, probe_threadstate, probe_tried,     probe_twosections, probe_type,
    probe_weakref,
};

static int
execute(PyObject *module)
{
    for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++) {
        if (PyModule_AddFunctions(module, tables[i]) < 0) {
            return -1;
        }
    }
    return probe_journal_init(module);
}

static PyModuleDef_Slot slots[] = {
    {Py_mod_exec, execute},
    {Py_mod_multiple_interpreters, Py_MOD_MULTIPLE_INTERPRETERS_NOT_SUPPORTED},
    {Py_mod_gil, Py_MOD_GIL_NOT_USED},
    {0, NULL},
};

static struct PyModuleDef definition = {
    .m_base = PyModuleDef_HEAD_INIT,
    .m_name = "stressor._probes",
    .m_methods = methods,
    .m_slots = slots,
};

PyMODINIT_FUNC
PyInit__probes(void)
{
    return PyModuleDef_Init(&definition);
}
