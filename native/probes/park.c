/* LK-RAW and LK-PARK: the real parking lot, and the raw mutex of a bucket as far as it can be seen.
 *
 * The interpreter exports no function of the raw mutex and its buckets are local. But what
 * _PyParkingLot_Unpark is given to call runs with the bucket's mutex locked: two such calls on addresses
 * that share a bucket exclude each other, which is what can be held against LK-RAW. */
#include "internals.h"
#include "journal.h"

#include <sched.h>

enum { BUCKETS = 257 }; /* NUM_BUCKETS: the remainder of an address names its bucket */
enum { SHORT_NS = 50 * 1000, PATIENCE = 100 };

#ifdef PROBE_INTERNALS

struct scene {
    uint8_t a[BUCKETS]; /* only the first byte is used, and b's: same bucket */
    uint8_t b;
    uint8_t lock[2][BUCKETS]; /* addresses of LK-RAW's one bucket, by thread */
    int inside;               /* threads that hold the bucket's mutex; a plain load and store */
    uint8_t arrived;          /* atomic: somebody is about to park */
};

static PyObject *
park_new(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    static const struct scene scene;
    return PyByteArray_FromStringAndSize((const char *)&scene, sizeof(scene));
}

static struct scene *
scene_of(PyObject *state)
{
    return (struct scene *)PyByteArray_AS_STRING(state);
}

/* LK-RAW. */
static void
with_bucket(void *argument, void *park_argument, int has_more)
{
    (void)park_argument, (void)has_more;
    struct scene *scene = argument;
    probe_note("locked", 0);
    int inside = scene->inside;
    probe_note("alone", inside);
    scene->inside = inside + 1;
    probe_note("inside", 0);
    scene->inside--;
    probe_note("unlock", 0);
}

static void
unpark(const void *address, _Py_unpark_fn_t *function, void *argument)
{
    _PyParkingLot_Unpark(address, function, argument);
}

/* The twin: the same without the bucket. */
static void
just_call(const void *address, _Py_unpark_fn_t *function, void *argument)
{
    (void)address;
    function(argument, NULL, 0);
}

static PyObject *
raw(PyObject *state, void (*unparks)(const void *, _Py_unpark_fn_t *, void *))
{
    if (probe_join(0)) {
        struct scene *scene = scene_of(state);
        probe_note("lock", 0);
        unparks(scene->lock[probe_slot() % 2], with_bucket, scene);
        probe_note("unlocked", 0);
        probe_leave();
    }
    Py_RETURN_NONE;
}

static PyObject *
raw_round(PyObject *module, PyObject *state)
{
    (void)module;
    return raw(state, unpark);
}

static PyObject *
raw_round_without_bucket(PyObject *module, PyObject *state)
{
    (void)module;
    return raw(state, just_call);
}

/* LK-PARK. The waker comes first, so that nobody sleeps in vain. */
enum { WAKER, ON_A, ON_B, TIMED };

static void
store(uint8_t *value, const char *before, const char *after)
{
    probe_note(before, 0);
    __atomic_store_n(value, 1, __ATOMIC_SEQ_CST);
    probe_note(after, 0);
}

static void
taken(void *argument, void *park_argument, int has_more)
{
    (void)argument, (void)has_more;
    probe_note("taken", park_argument != NULL);
}

static void
let_others_park(struct scene *scene)
{
    for (int i = 0; i < PATIENCE && !__atomic_load_n(&scene->arrived, __ATOMIC_ACQUIRE); i++) {
        sched_yield();
    }
}

static void
wake_first_of_b(struct scene *scene)
{
    store(&scene->b, "store b", "stored b");
    probe_note("unpark", 0);
    _PyParkingLot_Unpark(&scene->b, taken, NULL);
    probe_note("unparked", 0);
}

static void
wake_them(struct scene *scene)
{
    let_others_park(scene);
    store(scene->a, "store a", "stored a");
    probe_note("unpark all", 0);
    _PyParkingLot_UnparkAll(scene->a);
    probe_note("unparked all", 0);
    wake_first_of_b(scene);
}

/* The twin: believes that it does no harm to wake before the value is stored. */
static void
wake_early(struct scene *scene)
{
    let_others_park(scene);
    _PyParkingLot_UnparkAll(scene->a);
    store(scene->a, "store a", "stored a");
    probe_note("unpark all", 0);
    _PyParkingLot_UnparkAll(scene->a);
    probe_note("unparked all", 0);
    wake_first_of_b(scene);
}

/* The twin: takes the waiters of the other address in the bucket. */
static void
wake_bucket(struct scene *scene)
{
    let_others_park(scene);
    store(scene->a, "store a", "stored a");
    probe_note("unpark all", 0);
    _PyParkingLot_UnparkAll(scene->a);
    _PyParkingLot_UnparkAll(&scene->b);
    probe_note("unparked all", 0);
    wake_first_of_b(scene);
}

static void
park(struct scene *scene, const uint8_t *value, PyTime_t limit)
{
    static const uint8_t expected;
    probe_note("park", 0);
    __atomic_store_n(&scene->arrived, 1, __ATOMIC_RELEASE);
    int result = _PyParkingLot_Park(value, &expected, sizeof(*value), limit, scene, /*detach=*/1);
    probe_note("parked", result);
}

static PyObject *
act(PyObject *state, void (*wakes)(struct scene *))
{
    struct scene *scene = scene_of(state);
    if (probe_join(WAKER)) {
        wakes(scene);
    } else if (probe_join(ON_B)) {
        park(scene, &scene->b, -1);
    } else if (probe_join(ON_A)) {
        park(scene, scene->a, -1);
    } else if (probe_join(TIMED)) {
        park(scene, scene->a, SHORT_NS);
    }
    probe_leave();
    Py_RETURN_NONE;
}

static PyObject *
park_round(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, wake_them);
}

static PyObject *
park_round_early(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, wake_early);
}

static PyObject *
park_round_bucket(PyObject *module, PyObject *state)
{
    (void)module;
    return act(state, wake_bucket);
}

#else
#define park_new probe_not_for_this_version
#define park_round probe_not_for_this_version
#define park_round_bucket probe_not_for_this_version
#define park_round_early probe_not_for_this_version
#define raw_round probe_not_for_this_version
#define raw_round_without_bucket probe_not_for_this_version
#endif

PyMethodDef probe_park[] = {
    {"park_new", park_new, METH_NOARGS, NULL},
    {"park_round", park_round, METH_O, NULL},
    {"park_round_bucket", park_round_bucket, METH_O, NULL},
    {"park_round_early", park_round_early, METH_O, NULL},
    {"raw_round", raw_round, METH_O, NULL},
    {"raw_round_without_bucket", raw_round_without_bucket, METH_O, NULL},
    {NULL, NULL, 0, NULL},
};
