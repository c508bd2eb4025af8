/* RC-DEFER: a code object of compile(), which is counted with one reference more until a collection,
 * and a function, which is immortal from its creation, as there is a second thread. */
#include "witness.h"

enum { MAIN, SECOND, COLLECTOR };
enum { SLOT_MAIN, SLOT_SECOND, SLOT_COLLECTOR };

typedef void drop_fn(PyObject *op);

static struct {
    PyMutex unmade; /* locked until there is code */
    PyObject *code; /* each of two threads has a reference */
    PyObject *weak; /* to the code; owned, by the round */
    int dropped;    /* atomic: of the references to the code */
} defer;

static const struct words code_words = {"code tid", "code local", "code shared"};
static const struct words function_words = {"function tid", "function local", "function shared"};

/* defer_new(): before each round; there is a second thread already. */
static PyObject *
defer_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    Py_CLEAR(defer.weak);
    defer.unmade = (PyMutex){0};
    PyMutex_Lock(&defer.unmade);
    defer.code = NULL;
    defer.dropped = 0;
    probe_act_for(SLOT_SECOND);
    probe_note("attach", 0);
    probe_note("attached", 0);
    probe_leave();
    Py_RETURN_NONE;
}

static PyObject *
compile(void)
{
    PyObject *function, *code = NULL, *builtins = PyEval_GetBuiltins();
    if (builtins != NULL && PyDict_GetItemStringRef(builtins, "compile", &function) > 0) {
        code = PyObject_CallFunction(function, "sss", "pass", "probe", "exec");
        Py_DECREF(function);
    }
    return code;
}

/* By the thread that is "main" in the reference. */
static bool
make_code(void)
{
    probe_note("compile", 0);
    PyObject *code = compile();
    defer.weak = code == NULL ? NULL : PyWeakref_NewRef(code, NULL);
    if (defer.weak != NULL) {
        Py_INCREF(code); /* the second thread's */
        defer.code = code;
        probe_note("compiled", 0);
        witness_words(code, &code_words);
    }
    PyMutex_Unlock(&defer.unmade);
    return defer.weak != NULL;
}

static bool
make_function(void)
{
    PyObject *code = compile(), *globals = PyDict_New(), *function = NULL;
    if (code != NULL && globals != NULL) {
        probe_note("create", 0);
        function = PyFunction_New(code, globals);
    }
    if (function != NULL) {
        probe_note("created", 0);
        witness_words(function, &function_words);
        Py_DECREF(function);
        witness_words(function, &function_words); /* it is still there */
    }
    Py_XDECREF(code);
    Py_XDECREF(globals);
    return function != NULL;
}

static void
drop_code(drop_fn *drop)
{
    witness_words(defer.code, &code_words);
    probe_note("drop", 0);
    __atomic_add_fetch(&defer.dropped, 1, __ATOMIC_SEQ_CST);
    drop(defer.code);
    probe_note("dropped", 0);
}

static void
drop_it(PyObject *op)
{
    Py_DECREF(op);
}
