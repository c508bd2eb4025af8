#define _GNU_SOURCE
#include "lastnotes.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include "journal.h"

enum { LAST_NOTES = 512, MICROSECONDS = 400 };

static const char *const words[LAST_WORDS] = {
    [LAST_WAITS] = "waits",
    [LAST_EXITS] = "exits",
    [LAST_ATTACH] = "attach",
    [LAST_ATTACHED] = "attached",
    [LAST_LOCK] = "lock",
    [LAST_HAS_LOCK] = "has the lock",
    [LAST_LET_GO] = "let go",
    [LAST_DETACH] = "detach",
    [LAST_DETACHED] = "detached",
    [LAST_DESTRUCTOR] = "destructor",
    [LAST_TAKES_LOCK] = "takes lock",
    [LAST_TOOK_LOCK] = "took lock",
    [LAST_START] = "start",
    [LAST_STARTED] = "started",
    [LAST_RUNS] = "runs",
    [LAST_ENDS] = "ends",
    [LAST_BEGINS] = "begins",
    [LAST_WAITED] = "waited",
    [LAST_FINALIZED] = "finalized",
    [LAST_SLEEPS] = "sleeps",
};

struct last {
    int32_t slot, word;
    int64_t value;
    int32_t ready; /* atomic; the process may end between taking a number and this */
};

/* Shared with the process that started this one. */
struct last_notes {
    uint32_t count; /* atomic; may exceed LAST_NOTES */
    struct last notes[LAST_NOTES];
};

static struct last_notes *mine;
static uint64_t seed;
static int ready, rested; /* atomic */
static _Thread_local uint64_t drawn;

/* xorshift64*: each thread has its own sequence, which depends on the seed and its first slot. */
static uint32_t
draw(int slot)
{
    if (drawn == 0) {
        drawn = (seed + 1) * 0x9E3779B97F4A7C15u + (uint64_t)(slot + 1) * 0xBF58476D1CE4E5B9u;
        drawn |= 1;
    }
    drawn ^= drawn >> 12;
    drawn ^= drawn << 25;
    drawn ^= drawn >> 27;
    return (uint32_t)((drawn * 0x2545F4914F6CDD1Du) >> 32);
}

void
last_pause(int slot)
{
    if (seed == 0) {
        return;
    }
    uint32_t now = draw(slot);
    if (now % 4 == 0) {
        usleep(now / 4 % MICROSECONDS);
    } else if (now % 4 == 1) {
        sched_yield();
    }
}

void
last_note(int slot, enum last_word word, int64_t value)
{
    uint32_t number = __atomic_fetch_add(&mine->count, 1, __ATOMIC_ACQ_REL);
    if (number < LAST_NOTES) {
        struct last *note = &mine->notes[number];
        note->slot = slot;
        note->word = word;
        note->value = value;
        __atomic_store_n(&note->ready, 1, __ATOMIC_RELEASE);
    }
    last_pause(slot);
}

void
last_ready(void)
{
    __atomic_fetch_add(&ready, 1, __ATOMIC_RELEASE);
}

void
last_rest(void)
{
    __atomic_fetch_add(&rested, 1, __ATOMIC_RELEASE);
}

/* last_open(descriptor, seed): in the process that will finalize, before it has threads. */
static PyObject *
last_open(PyObject *module, PyObject *args)
{
    (void)module;
    int descriptor;
    unsigned long long number;
    if (!PyArg_ParseTuple(args, "iK:last_open", &descriptor, &number)) {
        return NULL;
    }
    void *memory = mmap(NULL, sizeof(*mine), PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (memory == MAP_FAILED) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    mine = memory;
    seed = number;
    Py_RETURN_NONE;
}

/* last_note(slot, word, value): the word by its name. */
static PyObject *
last_note_python(PyObject *module, PyObject *args)
{
    (void)module;
    int slot;
    const char *name;
    long long value = 0;
    if (!PyArg_ParseTuple(args, "is|L:last_note", &slot, &name, &value)) {
        return NULL;
    }
    for (int word = 0; word < LAST_WORDS; word++) {
        if (strcmp(words[word], name) == 0) {
            last_note(slot, word, value);
            Py_RETURN_NONE;
        }
    }
    return PyErr_Format(PyExc_ValueError, "no such word: %s", name);
}

static void
drop_kept(PyObject *capsule)
{
    last_note((int)(intptr_t)PyCapsule_GetContext(capsule), LAST_ENDS, 0);
}

/* last_keep(slot): note for the slot when the caller's thread state is cleared, which is the last thing
 * that can be seen of a thread. */
static PyObject *
last_keep(PyObject *module, PyObject *slot)
{
    (void)module;
    PyObject *kept = PyCapsule_New(&seed, NULL, drop_kept);
    PyObject *where = PyThreadState_GetDict();
    if (kept == NULL || where == NULL ||
        PyCapsule_SetContext(kept, (void *)(intptr_t)PyLong_AsLong(slot)) < 0 ||
        PyDict_SetItemString(where, "stressor", kept) < 0) {
        Py_XDECREF(kept);
        return PyErr_Occurred() ? NULL : PyErr_NoMemory();
    }
    Py_DECREF(kept);
    Py_RETURN_NONE;
}

/* last_rested(): the caller is done with what it does. */
static PyObject *
last_rested(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    last_rest();
    Py_RETURN_NONE;
}

/* last_await(ready, rested): come back when so many threads are ready; with the seed 0, when so many rest.
 * Whoever started the process limits its time. */
static PyObject *
last_await(PyObject *module, PyObject *args)
{
    (void)module;
    int wanted, simplest;
    if (!PyArg_ParseTuple(args, "ii:last_await", &wanted, &simplest)) {
        return NULL;
    }
    const int *come = &ready;
    if (seed == 0) {
        come = &rested;
        wanted = simplest;
    }
    Py_BEGIN_ALLOW_THREADS
    while (__atomic_load_n(come, __ATOMIC_ACQUIRE) < wanted) {
        usleep(20);
    }
    Py_END_ALLOW_THREADS
    Py_RETURN_NONE;
}

static int finalizer;

static void
finalized(void)
{
    last_note(finalizer, LAST_FINALIZED, 0);
}

/* last_at_end(slot): note for the thread that finalizes that it has come to the end of that. */
static PyObject *
last_at_end(PyObject *module, PyObject *slot)
{
    (void)module;
    finalizer = (int)PyLong_AsLong(slot);
    Py_AtExit(finalized);
    Py_RETURN_NONE;
}

/* last_size() -> bytes of the memory that is to be shared. */
static PyObject *
last_size(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    return PyLong_FromSize_t(sizeof(struct last_notes));
}

/* last_collect(memory: bytes): add the notes of a process that has ended to the journal. The caller's
 * slot is another one afterwards. */
static PyObject *
last_collect(PyObject *module, PyObject *memory)
{
    (void)module;
    if (!PyBytes_Check(memory) || PyBytes_GET_SIZE(memory) != sizeof(struct last_notes)) {
        PyErr_SetString(PyExc_ValueError, "not the memory of such a process");
        return NULL;
    }
    struct last_notes found; /* a copy: bytes need not be aligned */
    memcpy(&found, PyBytes_AS_STRING(memory), sizeof(found));
    if (found.count > LAST_NOTES) {
        PyErr_SetString(PyExc_ValueError, "more notes than there is room for");
        return NULL;
    }
    for (uint32_t i = 0; i < found.count; i++) {
        const struct last *note = &found.notes[i];
        /* Who got a number and did not come to write has done nothing after it. */
        if (note->ready && note->word >= 0 && note->word < LAST_WORDS) {
            probe_act_for(note->slot);
            probe_note_quietly(words[note->word], note->value);
        }
    }
    Py_RETURN_NONE;
}

PyMethodDef probe_lastnotes[] = {
    {"last_open", last_open, METH_VARARGS, NULL},
    {"last_note", last_note_python, METH_VARARGS, NULL},
    {"last_keep", last_keep, METH_O, NULL},
    {"last_rested", last_rested, METH_NOARGS, NULL},
    {"last_await", last_await, METH_VARARGS, NULL},
    {"last_at_end", last_at_end, METH_O, NULL},
    {"last_size", last_size, METH_NOARGS, NULL},
    {"last_collect", last_collect, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
