#define _GNU_SOURCE
#include "stressor/bench.h"

#include <Python.h>
#include <string.h>
#include <time.h>

#include "stressor/gate.h"
#include "stressor/monitors.h"
#include "stressor/policy.h"

typedef PyObject *(*get_item)(PyObject *, Py_ssize_t);

static double
elapsed(const struct timespec *from)
{
    struct timespec to;
    clock_gettime(CLOCK_MONOTONIC, &to);
    return (double)(to.tv_sec - from->tv_sec) * 1e9 + (double)(to.tv_nsec - from->tv_nsec);
}

/* Out of line, so that every measurement calls from one place: one site. */
static __attribute__((noinline)) double
time_calls(get_item volatile *function, PyObject *list, int64_t iterations)
{
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t i = 0; i < iterations; i++) {
        (void)(*function)(list, 0);
    }
    return elapsed(&start) / (double)iterations;
}

static const struct stressor_symbol *
list_get_item(void)
{
    for (size_t i = 0; i < stressor_symbol_count; i++) {
        if (strcmp(stressor_symbols[i].name, "PyList_GetItem") == 0) {
            return &stressor_symbols[i];
        }
    }
    return NULL;
}

static double
time_decisions(int64_t iterations)
{
    const int64_t numbers[STRESSOR_RULE_FIELDS] = {0,    0,    -1, -1, -1, 1 << 20, STRESSOR_SPIN,
                                                   1000, 9000, -1, 0,  -1, -1};
    struct stressor_rule rule;
    (void)stressor_rule_parse(&rule, numbers);
    struct timespec start;
    uint64_t sum = 0;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t i = 0; i < iterations; i++) {
        uint32_t ns = 0;
        sum += stressor_rule_acts(&rule, 7, 1, 99, (uint32_t)i, 0, &ns) + ns;
    }
    double time = elapsed(&start) / (double)iterations;
    return sum == 1 ? -1.0 : time; /* the sum is used, so the loop stays */
}

/* Detaching and attaching: one visit each, when the interpreter's calls of `_PyThreadState_Detach` are
 * redirected. */
static double
time_detaching(int64_t iterations, bool armed)
{
    if (armed) {
        stressor_rule_count = 0;
        stressor_arm(1, 1, false, false, false);
        stressor_enter(0);
        stressor_operation_begin(0, 0);
    }
    struct timespec start;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int64_t i = 0; i < iterations; i++) {
        PyEval_RestoreThread(PyEval_SaveThread());
    }
    double time = elapsed(&start) / (double)iterations;
    if (armed) {
        stressor_leave();
        stressor_disarm();
    }
    return time;
}

double
stressor_bench(const char *what, int64_t iterations)
{
    static get_item volatile function;
    if (strcmp(what, "decide") == 0) {
        return time_decisions(iterations);
    }
    if (strcmp(what, "detach") == 0 || strcmp(what, "detach-armed") == 0) {
        return time_detaching(iterations, strcmp(what, "detach-armed") == 0);
    }
    bool direct = strcmp(what, "direct") == 0, armed = strcmp(what, "armed") == 0;
    bool recorded = strcmp(what, "recorded") == 0, watched = strcmp(what, "watched") == 0;
    armed = armed || watched;
    const struct stressor_symbol *symbol = list_get_item();
    if ((!direct && !armed && !recorded && strcmp(what, "disarmed") != 0) || symbol->real == NULL) {
        return -1.0;
    }
    PyObject *list = PyList_New(1);
    if (list == NULL) {
        PyErr_Clear();
        return -1.0;
    }
    PyList_SET_ITEM(list, 0, Py_NewRef(Py_None));
    function = (get_item)(direct ? symbol->real : symbol->wrapper);
    if (armed || recorded) {
        stressor_rule_count = 0;
        stressor_monitors_arm(watched ? STRESSOR_ALL_MONITORS : 0);
        stressor_arm(1, 1, true, false, recorded);
        stressor_enter(0);
    }
    double time = time_calls(&function, list, iterations);
    if (armed || recorded) {
        stressor_leave();
        stressor_disarm();
    }
    Py_DECREF(list);
    return time;
}
