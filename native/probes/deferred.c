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
    PyObject *function;
    int dropped; /* atomic: references to the code that were given back */
    int over;    /* atomic: threads that have nothing left to do */
    int died;
    bool last; /* the collector's: it has come to its last collection */
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
    defer.code = defer.function = NULL;
    defer.dropped = defer.over = defer.died = 0;
    defer.last = false;
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

static PyObject *
code_died(PyObject *module, PyObject *weak)
{
    (void)module, (void)weak;
    defer.died = 1;
    if (probe_acts()) {
        probe_note("code died", 0);
    }
    Py_RETURN_NONE;
}

static PyMethodDef callback = {"code_died", code_died, METH_O, NULL};

/* By the thread that is "main" in the reference. */
static bool
make_code(void)
{
    PyObject *function = PyCFunction_New(&callback, NULL);
    probe_note("compile", 0);
    PyObject *code = compile();
    if (code != NULL && function != NULL) {
        defer.weak = PyWeakref_NewRef(code, function);
    }
    Py_XDECREF(function);
    if (defer.weak != NULL) {
        Py_INCREF(code); /* the second thread's */
        defer.code = code;
        probe_note("compiled", 0);
        witness_words(code, &code_words);
    }
    PyMutex_Unlock(&defer.unmade);
    return defer.weak != NULL;
}

/* Of other code, which it keeps for ever. */
static bool
make_function(void)
{
    PyObject *code = compile(), *globals = PyDict_New();
    if (code != NULL && globals != NULL) {
        probe_note("create", 0);
        defer.function = PyFunction_New(code, globals);
        probe_note("created", 0);
    }
    Py_XDECREF(code);
    Py_XDECREF(globals);
    if (defer.function == NULL) {
        return false;
    }
    witness_words(defer.function, &function_words);
    return true;
}

static void
drop_code(drop_fn *drop)
{
    witness_words(defer.code, &code_words);
    probe_note("drop", 0);
    __atomic_add_fetch(&defer.dropped, 1, __ATOMIC_SEQ_CST);
    drop(defer.code);
}

static void
drop_it(PyObject *op)
{
    Py_DECREF(op);
}

static bool
act_as_main(void)
{
    switch (probe_use()) {
    case 1:
        return make_code();
    case 2:
        return defer.code == NULL || make_function();
    case 3:
        if (defer.function != NULL) {
            drop_code(drop_it);
            Py_DECREF(defer.function);
            probe_note("over", 0);
            witness_words(defer.function, &function_words); /* it is still there */
            __atomic_add_fetch(&defer.over, 1, __ATOMIC_SEQ_CST);
        }
    }
    return true;
}

static void
act_as_second(drop_fn *drop)
{
    PyMutex_Lock(&defer.unmade);
    PyMutex_Unlock(&defer.unmade);
    if (defer.code != NULL) {
        drop_code(drop);
        probe_note("over", 0);
        __atomic_add_fetch(&defer.over, 1, __ATOMIC_SEQ_CST);
    }
}

/* gc.collect(): PyGC_Collect does nothing when the collector is disabled, as it is here. */
static bool
collect(void)
{
    PyObject *module = PyImport_ImportModule("gc");
    PyObject *found = module == NULL ? NULL : PyObject_CallMethod(module, "collect", NULL);
    Py_XDECREF(module);
    Py_XDECREF(found);
    return found != NULL;
}

/* Once at any time, and once when the two others have ended. */
static bool
act_as_collector(void)
{
    int use = probe_use();
    bool fine = true;
    if (use == 1 ||
        (use < 5 && !defer.last && __atomic_load_n(&defer.over, __ATOMIC_SEQ_CST) == 2)) {
        defer.last = use > 1;
        probe_note(defer.last ? "collect at the end" : "collect", 0);
        fine = collect();
        probe_note("collected", 0);
    }
    return fine;
}

static PyObject *
act(drop_fn *drop)
{
    bool fine = true;
    if (probe_join(MAIN)) {
        fine = act_as_main();
    } else if (probe_join(SECOND)) {
        if (probe_use() == 1) {
            act_as_second(drop);
        }
    } else if (probe_join(COLLECTOR)) {
        fine = act_as_collector();
    }
    probe_leave();
    return fine ? Py_NewRef(Py_None) : NULL;
}

static PyObject *
defer_round(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(drop_it);
}

/* A twin: takes the flag for its own, and leaves it to the owner to give the reference back. */
static void
drop_queued(PyObject *op)
{
    (void)__atomic_fetch_or(&op->ob_ref_shared, _Py_REF_QUEUED, __ATOMIC_SEQ_CST);
}

static PyObject *
defer_round_queueing(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return act(drop_queued);
}

/* defer_settle() -> whether there was code, and whether it died, what was left being given back. */
static PyObject *
defer_settle(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    for (; defer.code != NULL && defer.dropped < 2; defer.dropped++) {
        Py_DECREF(defer.code);
    }
    return Py_BuildValue("(ii)", defer.code != NULL, defer.died);
}

PyMethodDef probe_deferred[] = {
    {"defer_new", defer_new, METH_NOARGS, NULL},
    {"defer_round", defer_round, METH_NOARGS, NULL},
    {"defer_round_queueing", defer_round_queueing, METH_NOARGS, NULL},
    {"defer_settle", defer_settle, METH_NOARGS, NULL},
    {NULL, NULL, 0, NULL},
};
