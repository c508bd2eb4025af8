/* A module with a function of its own under a catalogued name. Loaded with RTLD_DEEPBIND its calls
 * lead there, and must go on leading there. */
#include "scenario.h"

__attribute__((visibility("default"))) int
usleep(unsigned int us)
{
    return (int)us + 4242;
}

static PyObject *
rest(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    int (*volatile own)(unsigned int) = usleep;
    return Py_BuildValue("(ii)", usleep(1), own(2));
}

static PyMethodDef methods[] = {
    {"rest", rest, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};

SCENARIO(methods)
