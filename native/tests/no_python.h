/* Stand-ins for what the gate, the ledger and the monitors want of Python, and a catalogue of three. */
#ifndef NO_PYTHON_H
#define NO_PYTHON_H

struct stressor_symbol stressor_symbols[] = {
    {"before_and_after", STRESSOR_CALL, STRESSOR_CONTAINER, STRESSOR_BOTH, STRESSOR_NEVER,
     .borrows = 0},
    {"borrowing", STRESSOR_CALL, STRESSOR_BORROWED_REF, STRESSOR_BOTH, STRESSOR_NEVER,
     .borrows = 1},
    {"dropping", STRESSOR_CALL, STRESSOR_REFCOUNT, STRESSOR_BOTH, STRESSOR_DYING, .borrows = 0},
};
const size_t stressor_symbol_count = 3;
enum { BOTH_SIDES, BORROWING, DROPPING };

static bool stop_requested;

bool
stressor_stop_requested(const void *state)
{
    (void)state;
    return __atomic_load_n(&stop_requested, __ATOMIC_RELAXED);
}

const void *
stressor_thread_state(void)
{
    return &stop_requested;
}

bool
stressor_dying_may_detach(const void *object)
{
    return object != NULL;
}

bool
stressor_call_may_detach(const void *callable)
{
    return callable != NULL;
}

void
stressor_disown(void *object)
{
    ((PyObject *)object)->ob_ref_shared = 0;
}

int64_t
stressor_shared_word(const void *object)
{
    return __atomic_load_n(&((PyObject *)object)->ob_ref_shared, __ATOMIC_RELAXED);
}

bool
stressor_may_resurrect(const void *object)
{
    (void)object;
    return false;
}

void
stressor_read_state(const void *state, struct stressor_state_words *words)
{
    (void)state;
    *words =
        (struct stressor_state_words){.maker = (unsigned long)pthread_self(), .attached = true};
}

/* Every object's count is wrong. */
void
stressor_read_counts(const void *object, struct stressor_count_words *words)
{
    (void)object;
    *words = (struct stressor_count_words){.shared = -1, .merged = true};
}

bool
stressor_section_is_elided(const void *section)
{
    return section == NULL;
}

bool
stressor_section_is_open(uintptr_t innermost, const void *section)
{
    return innermost == (uintptr_t)section;
}

PyThreadState *
PyEval_SaveThread(void)
{
    return NULL;
}

void
PyEval_RestoreThread(PyThreadState *state)
{
    (void)state;
}

static PyTypeObject some_type = {.tp_name = "some type"};
static PyObject system_error;
PyObject *PyExc_SystemError = &system_error;

PyObject *
PyType_FromSpec(PyType_Spec *spec)
{
    (void)spec;
    return (PyObject *)&some_type;
}

void
PyErr_SetString(PyObject *type, const char *text)
{
    (void)type, (void)text;
}

#endif
