/* Schedulers for Python: models that run no native site are scheduled by the same code. */
#include <Python.h>

#include "stressor/module.h"
#include "stressor/scheduler.h"

struct object {
    PyObject_HEAD
    const struct stressor_scheduler *scheduler;
    uint32_t threads;
    /* Both changed inside the object's critical section only: by `arrive`, by `choose`. */
    struct stressor_pending pending[STRESSOR_MAX_THREADS];
    struct stressor_scheduler_state state;
};

/* One integer of `least` to `most`, as its 64 bits: both hashes and -1 are taken. `of` is the
 * scheduler's name where the number is one of its own, else NULL. */
static int
read_integer(PyObject *object, const char *of, const char *what, int64_t least, uint64_t most,
             uint64_t *bits)
{
    int overflow;
    int64_t number = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (number == -1 && PyErr_Occurred()) {
        return -1;
    }
    *bits = (uint64_t)number;
    if (overflow > 0) {
        *bits = PyLong_AsUnsignedLongLong(object);
        if (PyErr_Occurred()) {
            PyErr_Clear();
            overflow = -1;
        }
    }
    bool fits = overflow == 0 && number < 0
                    ? number >= least
                    : overflow >= 0 && *bits <= most && (least < 0 || *bits >= (uint64_t)least);
    if (!fits) {
        PyErr_Format(PyExc_ValueError, "%s%s%s%s must be %lld to %llu, not %R", what,
                     of ? " of scheduler '" : "", of ? of : "", of ? "'" : "", (long long)least,
                     (unsigned long long)most, object);
        return -1;
    }
    return 0;
}

const struct stressor_scheduler *
stressor_read_scheduler(const char *name)
{
    const struct stressor_scheduler *found = stressor_scheduler_named(name);
    if (found != NULL) {
        return found;
    }
    PyObject *names = PyUnicode_FromString("");
    for (size_t i = 0; names != NULL && stressor_schedulers[i] != NULL; i++) {
        const char *separator = i == 0 ? "" : ", ";
        Py_SETREF(names,
                  PyUnicode_FromFormat("%U%s%s", names, separator, stressor_schedulers[i]->name));
    }
    if (names != NULL) {
        PyErr_Format(PyExc_ValueError, "no scheduler '%s'; choose from %U", name, names);
        Py_DECREF(names);
    }
    return NULL;
}

int
stressor_read_numbers(const struct stressor_scheduler *scheduler, PyObject *sequence,
                      int64_t numbers[STRESSOR_MAX_NUMBERS])
{
    PyObject *given = PySequence_Tuple(sequence); /* nobody else can change it */
    if (given == NULL) {
        return -1;
    }
    int result = -1;
    size_t count = stressor_number_count(scheduler);
    if (PyTuple_GET_SIZE(given) != (Py_ssize_t)count) {
        PyErr_Format(PyExc_ValueError, "scheduler '%s' takes %zu numbers, not %zd", scheduler->name,
                     count, PyTuple_GET_SIZE(given));
        goto done;
    }
    for (size_t i = 0; i < count; i++) {
        const struct stressor_number *number = &scheduler->numbers[i];
        uint64_t bits;
        if (read_integer(PyTuple_GET_ITEM(given, i), scheduler->name, number->name, number->least,
                         (uint64_t)number->most, &bits) < 0) {
            goto done;
        }
        numbers[i] = (int64_t)bits;
    }
    result = 0;
done:
    Py_DECREF(given);
    return result;
}

static PyObject *
make(PyTypeObject *type, PyObject *args, PyObject *kwargs)
{
    static char *names[] = {"name", "seed", "threads", "numbers", NULL};
    const char *name;
    PyObject *seed, *threads, *sequence;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "sOOO:Scheduler", names, &name, &seed, &threads,
                                     &sequence)) {
        return NULL;
    }
    const struct stressor_scheduler *scheduler = stressor_read_scheduler(name);
    uint64_t seed_bits, count;
    int64_t numbers[STRESSOR_MAX_NUMBERS] = {0};
    if (scheduler == NULL || read_integer(seed, NULL, "seed", 0, UINT64_MAX, &seed_bits) < 0 ||
        read_integer(threads, NULL, "threads", 1, STRESSOR_MAX_THREADS, &count) < 0 ||
        stressor_read_numbers(scheduler, sequence, numbers) < 0) {
        return NULL;
    }
    struct object *self = (struct object *)type->tp_alloc(type, 0); /* zeroed */
    if (self != NULL) {
        self->scheduler = scheduler;
        self->threads = (uint32_t)count;
        scheduler->begin(&self->state, seed_bits, self->threads, numbers);
    }
    return (PyObject *)self;
}

static void
forget(PyObject *self)
{
    PyTypeObject *type = Py_TYPE(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *
arrive(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    static const struct {
        const char *name;
        uint64_t most;
    } fields[] = {{"thread", STRESSOR_MAX_THREADS - 1},
                  {"site", UINT64_MAX},
                  {"object", UINT64_MAX},
                  {"visit", UINT32_MAX},
                  {"phase", 1},
                  {"category", UINT8_MAX}};
    enum { NEEDED = 4, FIELDS = sizeof(fields) / sizeof(*fields) };
    struct object *self = (struct object *)object;
    uint64_t read[FIELDS] = {0};
    if (count < NEEDED || count > FIELDS) {
        return PyErr_Format(PyExc_TypeError,
                            "arrive takes thread, site, object, visit and maybe phase and "
                            "category, not %zd arguments",
                            count);
    }
    for (Py_ssize_t i = 0; i < count; i++) {
        uint64_t most = i == 0 ? self->threads - 1 : fields[i].most;
        if (read_integer(args[i], NULL, fields[i].name, 0, most, &read[i]) < 0) {
            return NULL;
        }
    }
    Py_BEGIN_CRITICAL_SECTION(object);
    self->pending[read[0]] = (struct stressor_pending){.site = read[1],
                                                       .object = read[2],
                                                       .visit = (uint32_t)read[3],
                                                       .phase = (uint8_t)read[4],
                                                       .category = (uint8_t)read[5]};
    Py_END_CRITICAL_SECTION();
    Py_RETURN_NONE;
}

static PyObject *
choose(PyObject *object, PyObject *const *args, Py_ssize_t count)
{
    struct object *self = (struct object *)object;
    if (count != 4) {
        return PyErr_Format(PyExc_TypeError,
                            "choose takes ready, step, current and why, not %zd arguments", count);
    }
    uint64_t everybody = ~UINT64_C(0) >> (STRESSOR_MAX_THREADS - self->threads);
    uint64_t ready, step, current, why;
    if (read_integer(args[0], NULL, "ready (a bit per thread)", 1, everybody, &ready) < 0 ||
        read_integer(args[1], NULL, "step", 0, UINT64_MAX, &step) < 0 ||
        read_integer(args[2], NULL, "current", -1, self->threads - 1, &current) < 0 ||
        read_integer(args[3], NULL, "why", STRESSOR_WHY_BEGIN, STRESSOR_WHY_ENDED, &why) < 0) {
        return NULL;
    }
    struct stressor_point point = {.ready = ready,
                                   .step = step,
                                   .pending = self->pending,
                                   .current = (int32_t)current,
                                   .why = (uint8_t)why};
    int chosen;
    Py_BEGIN_CRITICAL_SECTION(object);
    chosen = self->scheduler->choose(&self->state, &point);
    Py_END_CRITICAL_SECTION();
    return PyLong_FromLong(chosen);
}

static PyMethodDef methods[] = {
    {"arrive", (PyCFunction)(void (*)(void))arrive, METH_FASTCALL, NULL},
    {"choose", (PyCFunction)(void (*)(void))choose, METH_FASTCALL, NULL},
    {NULL, NULL, 0, NULL},
};

static PyType_Slot slots[] = {
    {Py_tp_new, make},
    {Py_tp_dealloc, forget},
    {Py_tp_methods, methods},
    {0, NULL},
};

static PyType_Spec spec = {
    .name = "stressor._shim.Scheduler",
    .basicsize = sizeof(struct object),
    .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE,
    .slots = slots,
};

int
stressor_add_scheduler(PyObject *module)
{
    PyObject *type = PyType_FromModuleAndSpec(module, &spec, NULL);
    if (type == NULL) {
        return -1;
    }
    int result = PyModule_AddType(module, (PyTypeObject *)type);
    Py_DECREF(type);
    return result;
}

static PyObject *
numbers_of(const struct stressor_scheduler *scheduler)
{
    size_t count = stressor_number_count(scheduler);
    PyObject *list = PyList_New((Py_ssize_t)count);
    for (size_t i = 0; list != NULL && i < count; i++) {
        const struct stressor_number *number = &scheduler->numbers[i];
        PyObject *pair = Py_BuildValue("(sL)", number->name, (long long)number->usual);
        if (pair == NULL) {
            Py_CLEAR(list);
        } else {
            PyList_SET_ITEM(list, (Py_ssize_t)i, pair);
        }
    }
    return list;
}

PyObject *
stressor_shim_schedulers(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && stressor_schedulers[i] != NULL; i++) {
        const struct stressor_scheduler *scheduler = stressor_schedulers[i];
        PyObject *each = Py_BuildValue("(sN)", scheduler->name, numbers_of(scheduler));
        if (each == NULL || PyList_Append(list, each) < 0) {
            Py_CLEAR(list);
        }
        Py_XDECREF(each);
    }
    return list;
}
