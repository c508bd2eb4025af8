/* Ways to die. Each one is a function of its own, so that a test can ask where the stack begins. */
#include "scenario.h"

#include <signal.h>
#include <stdlib.h>

NAMED PyObject *
read_nowhere(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    volatile int *volatile nowhere = (volatile int *)0x10;
    return PyLong_FromLong(*nowhere);
}

NAMED PyObject *
call_null(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *(*volatile null)(void) = NULL;
    PyObject *result = null();
    return result != NULL ? result : PyLong_FromLong(1);
}

NAMED PyObject *
call_nowhere(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *(*volatile nowhere)(void) = (PyObject * (*)(void))0x4141414140;
    PyObject *result = nowhere();
    return result != NULL ? result : PyLong_FromLong(1);
}

NAMED PyObject *
call_abort(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    abort();
}

NAMED PyObject *
be_fatal(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_FatalError("said by the scenario");
}

NAMED PyObject *
divide(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    volatile int one = 1, zero = 0;
    return PyLong_FromLong(one / zero);
}

NAMED PyObject *
execute_nonsense(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    __builtin_trap();
}

NAMED long
recurse(volatile char *above)
{
    volatile char frame[4096];
    frame[0] = above[0];
    return above[0] != 0 ? recurse(frame) + frame[0] : 0; /* it never is */
}

NAMED PyObject *
overflow_stack(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    volatile char start = 1;
    return PyLong_FromLong(recurse(&start));
}

/* Dies with a stack pointer that leads nowhere: whoever walks this stack dies too. */
NAMED PyObject *
lose_stack(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
#if defined(__x86_64__)
    __asm__ volatile("mov $64, %%rsp\n\tmov $64, %%rbp\n\tmovl $1, 0" ::: "memory");
#else
    __asm__ volatile("mov x29, #64\n\tmov sp, x29\n\tstr xzr, [xzr]" ::: "memory");
#endif
    Py_RETURN_NONE;
}

static void
crash_again(int signal)
{
    (void)signal;
    volatile int *volatile nowhere = (volatile int *)0x20;
    *nowhere = 1;
}

/* Installs a handler that crashes itself. */
static PyObject *
handle_badly(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    (void)signal(SIGSEGV, crash_again);
    Py_RETURN_NONE;
}

static PyMethodDef methods[] = {
    {"read_nowhere", read_nowhere, METH_NOARGS, NULL},
    {"call_null", call_null, METH_NOARGS, NULL},
    {"call_nowhere", call_nowhere, METH_NOARGS, NULL},
    {"call_abort", call_abort, METH_NOARGS, NULL},
    {"be_fatal", be_fatal, METH_NOARGS, NULL},
    {"divide", divide, METH_NOARGS, NULL},
    {"execute_nonsense", execute_nonsense, METH_NOARGS, NULL},
    {"overflow_stack", overflow_stack, METH_NOARGS, NULL},
    {"lose_stack", lose_stack, METH_NOARGS, NULL},
    {"handle_badly", handle_badly, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
