/* What every scenario extension starts and ends with. Scenarios are compiled by the tests, some of
 * them in several ways, each under a name of its own: -DNAME=... */
#ifndef SCENARIO_H
#define SCENARIO_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#define JOIN_(a, b) a##b
#define JOIN(a, b) JOIN_(a, b)
#define TEXT_(a) #a
#define TEXT(a) TEXT_(a)

/* A function whose frame and name a test looks for. */
#define NAMED static __attribute__((noinline, noclone))

#define SCENARIO(methods)                                                                          \
    static PyModuleDef_Slot scenario_slots[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0, NULL}};     \
    static struct PyModuleDef scenario = {.m_base = PyModuleDef_HEAD_INIT,                         \
                                          .m_name = TEXT(NAME),                                    \
                                          .m_methods = methods,                                    \
                                          .m_slots = scenario_slots};                              \
    PyMODINIT_FUNC JOIN(PyInit_, NAME)(void)                                                       \
    {                                                                                              \
        return PyModuleDef_Init(&scenario);                                                        \
    }

#endif
