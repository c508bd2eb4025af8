#define _GNU_SOURCE
#include <Python.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/prctl.h>

#include "stressor/gate.h"
#include "stressor/interpose.h"
#include "stressor/layout.h"
#include "stressor/module.h"
#include "stressor/monitors.h"
#include "stressor/objects.h"

static const char *const detach_reasons[] = {
    [STRESSOR_NEVER] = "",
    [STRESSOR_DYING] = "may run a destructor or wait for the merge queue",
    [STRESSOR_PYTHON] = "runs Python code when the callable is a Python function",
};
static const char *const relocation_names[] = {"JUMP_SLOT", "GLOB_DAT", "ABS64"};

/* Appends a stolen reference. */
static int
append(PyObject *list, PyObject *item)
{
    if (item == NULL) {
        return -1;
    }
    int result = PyList_Append(list, item);
    Py_DECREF(item);
    return result;
}

PyObject *
stressor_catalogue(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < stressor_symbol_count; i++) {
        const struct stressor_symbol *symbol = &stressor_symbols[i];
        PyObject *item = Py_BuildValue(
            "{s:s,s:i,s:i,s:O,s:s,s:i,s:i,s:s}", "name", symbol->name, "category", symbol->category,
            "phases", symbol->phases, "borrows", symbol->borrows ? Py_True : Py_False, "may_detach",
            detach_reasons[symbol->detach], "kind", symbol->kind, "turns",
            STRESSOR_BOTH & ~symbol->brief, "first", symbol->first != NULL ? symbol->first : "");
        if (append(list, item) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

PyObject *
stressor_layout(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
#define SIZE(type) "size." #type, (int)sizeof(struct stressor_##type)
#define AT(type, field) #type "." #field, (int)offsetof(struct stressor_##type, field)
    return Py_BuildValue(
        "{s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i, s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,s:i,"
        "s:i,s:i,s:i, s:i,s:i,s:i,s:i,s:i}",
        SIZE(record), SIZE(crash), SIZE(loss), SIZE(breach), SIZE(module), SIZE(site), SIZE(lane),
        SIZE(event), SIZE(control), SIZE(step), SIZE(wait), AT(record, threads),
        AT(record, strangers), AT(record, crash), AT(record, losses), AT(record, breaches),
        AT(record, modules), AT(record, sites), AT(record, lanes), AT(record, control),
        AT(lane, before), AT(lane, after), AT(lane, ring), AT(control, deadlock),
        AT(control, diverged_at), AT(control, diverged_step), AT(control, waits), AT(control, log));
#undef SIZE
#undef AT
}

static const char *const law_names[] = {
    [STRESSOR_SECTION_INNERMOST] = "innermost",
    [STRESSOR_SECTION_OPEN] = "open",
    [STRESSOR_SECTION_ONCE] = "once",
    [STRESSOR_SECTION_CLOSED] = "closed",
    [STRESSOR_SECTION_ATTACHED] = "section-attached",
    [STRESSOR_CALL_ATTACHED] = "attached",
    [STRESSOR_STATE_KEPT] = "kept",
    [STRESSOR_STATE_FREE] = "free",
    [STRESSOR_STATE_BOUND] = "bound",
    [STRESSOR_COUNT_MERGED] = "not-negative",
    [STRESSOR_COUNT_OWNED] = "owned-not-negative",
    [STRESSOR_COUNT_OWNER] = "owner",
    [STRESSOR_COUNT_HELD] = "held",
};

PyObject *
stressor_laws(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    PyObject *list = PyList_New(0);
    for (size_t i = 0; list != NULL && i < sizeof(law_names) / sizeof(law_names[0]); i++) {
        if (append(list, PyUnicode_FromString(law_names[i])) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

PyObject *
stressor_supported(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    const char *refused = stressor_layout_refuses();
    return PyUnicode_FromString(refused != NULL ? refused : "");
}

PyObject *
stressor_loaded_modules(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    stressor_refresh_modules();
    PyObject *list = PyList_New(0);
    for (uint32_t i = 0; list != NULL && i < stressor_record->module_count; i++) {
        if (append(list, PyUnicode_DecodeFSDefault(stressor_record->modules[i].path)) < 0) {
            Py_CLEAR(list);
        }
    }
    return list;
}

PyObject *
stressor_disable_randomization(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    int current = personality(0xffffffff);
    if (current == -1 || (!(current & ADDR_NO_RANDOMIZE) &&
                          personality((unsigned long)current | ADDR_NO_RANDOMIZE) == -1)) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    return PyBool_FromLong(current & ADDR_NO_RANDOMIZE);
}

PyObject *
stressor_die_with_parent(PyObject *module, PyObject *unused)
{
    (void)module, (void)unused;
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) {
        return PyErr_SetFromErrno(PyExc_OSError);
    }
    Py_RETURN_NONE;
}

/* The file name of module `index`. */
static const char *
file_name(uint32_t index)
{
    const char *path = stressor_record->modules[index].path;
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

static PyObject *
covered(uint32_t module, size_t index, int relocation, uint32_t count)
{
    const struct stressor_symbol *symbol = &stressor_symbols[index];
    return Py_BuildValue("{s:s,s:s,s:s,s:i,s:s,s:I}", "module", file_name(module), "path",
                         stressor_record->modules[module].path, "symbol", symbol->name, "category",
                         symbol->category, "relocation", relocation_names[relocation], "count",
                         count);
}

/* Slots of one module, symbol and kind are counted together. */
static int
list_slots(PyObject *list, uint32_t module, bool *seen)
{
    uint32_t counts[STRESSOR_MAX_SYMBOLS][3] = {{0}};
    for (size_t i = 0; i < stressor_slot_count; i++) {
        const struct stressor_slot *slot = &stressor_slots[i];
        if (slot->module == module && slot->symbol < STRESSOR_MAX_SYMBOLS) {
            counts[slot->symbol][slot->relocation]++;
        }
    }
    for (size_t symbol = 0; symbol < stressor_symbol_count; symbol++) {
        for (int relocation = 0; relocation < 3; relocation++) {
            uint32_t count = counts[symbol][relocation];
            if (count == 0) {
                continue;
            }
            *seen = true;
            if (append(list, covered(module, symbol, relocation, count)) < 0) {
                return -1;
            }
        }
    }
    return 0;
}

static PyObject *
uncovered(uint32_t module)
{
    return Py_BuildValue("{s:s,s:s,s:s}", "module", file_name(module), "path",
                         stressor_record->modules[module].path, "reason",
                         stressor_module_refuses(module));
}

static int
list_modules(PyObject *slots, PyObject *without)
{
    for (uint32_t i = 0; i < stressor_record->module_count; i++) {
        bool seen = false;
        if (stressor_module_state[i] & STRESSOR_MODULE_BLOCKS) {
            continue; /* nobody asked for it */
        }
        if (list_slots(slots, i, &seen) < 0 ||
            (i > 0 && !seen && stressor_module_matches(i) && append(without, uncovered(i)) < 0)) {
            return -1;
        }
    }
    return 0;
}

PyObject *
stressor_survey(void)
{
    PyObject *slots = PyList_New(0), *without = PyList_New(0);
    if (slots == NULL || without == NULL || list_modules(slots, without) < 0) {
        Py_XDECREF(slots);
        Py_XDECREF(without);
        return NULL;
    }
    return Py_BuildValue("(NN)", slots, without);
}
