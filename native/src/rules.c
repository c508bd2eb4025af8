/* Rules as the Python face takes them: tuples of thirteen numbers. */
#include <Python.h>

#include "stressor/module.h"
#include "stressor/policy.h"

/* One number of a rule. Hashes use all 64 bits and -1 is "any", so both ranges are taken. */
static int
read_number(PyObject *object, int64_t *number)
{
    int overflow;
    *number = PyLong_AsLongLongAndOverflow(object, &overflow);
    if (overflow > 0) {
        *number = (int64_t)PyLong_AsUnsignedLongLong(object);
    }
    if (overflow < 0 || PyErr_ExceptionMatches(PyExc_OverflowError)) {
        PyErr_Format(PyExc_ValueError, "a rule's numbers have 64 bits: %R", object);
    }
    return PyErr_Occurred() != NULL ? -1 : 0;
}

static int
read_rule(PyObject *tuple, struct stressor_rule *rule)
{
    int64_t numbers[STRESSOR_RULE_FIELDS];
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != STRESSOR_RULE_FIELDS) {
        PyErr_Format(PyExc_ValueError, "a rule has %d numbers", STRESSOR_RULE_FIELDS);
        return -1;
    }
    for (int i = 0; i < STRESSOR_RULE_FIELDS; i++) {
        if (read_number(PyTuple_GET_ITEM(tuple, i), &numbers[i]) < 0) {
            return -1;
        }
    }
    const char *wrong = stressor_rule_parse(rule, numbers);
    if (wrong != NULL) {
        PyErr_Format(PyExc_ValueError, "a rule has a wrong %s: %R", wrong, tuple);
        return -1;
    }
    return 0;
}

int
stressor_read_rules(PyObject *list)
{
    if (!PyList_Check(list) || PyList_GET_SIZE(list) > STRESSOR_MAX_RULES) {
        PyErr_Format(PyExc_ValueError, "wanted a list of at most %d rules", STRESSOR_MAX_RULES);
        return -1;
    }
    stressor_rule_count = 0;
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(list); i++) {
        if (read_rule(PyList_GET_ITEM(list, i), &stressor_rules[i]) < 0) {
            return -1;
        }
    }
    stressor_rule_count = (uint32_t)PyList_GET_SIZE(list);
    return 0;
}

PyObject *
stressor_shim_decide(PyObject *module, PyObject *args)
{
    (void)module;
    unsigned long long seed, site;
    unsigned int round, visit;
    int thread, phase;
    PyObject *rules;
    if (!PyArg_ParseTuple(args, "KIiKIOi:decide", &seed, &round, &thread, &site, &visit, &rules,
                          &phase)) {
        return NULL;
    }
    uint64_t base = stressor_round_base(seed, round);
    if (!PyList_Check(rules)) {
        PyErr_SetString(PyExc_ValueError, "wanted a list of rules");
        return NULL;
    }
    for (Py_ssize_t i = 0; i < PyList_GET_SIZE(rules); i++) {
        struct stressor_rule rule;
        uint32_t ns;
        if (read_rule(PyList_GET_ITEM(rules, i), &rule) < 0) {
            return NULL;
        }
        if (stressor_rule_acts(&rule, base, thread, site, visit, phase, &ns)) {
            return Py_BuildValue("(iI)", rule.action, ns);
        }
    }
    return Py_BuildValue("(ii)", STRESSOR_GO, 0);
}
