#include "stressor/ledger.h"

#include <Python.h>
#include <stdio.h>
#include <string.h>

#include "stressor/layout.h"
#include "stressor/unwind.h"

/* A borrowed cell is 0, an object's address (even), or LOST | slot << 1. */
#define LOST ((uintptr_t)1)

/* How many cells are in use: lets the tracer leave after one load. */
static uint32_t active;

/* Loss slots that are taken, one bit each. A slot goes back when its borrower was quicker, and at the
 * end of the round when nobody was seen to use its substitute. */
static uint32_t taken;
_Static_assert(STRESSOR_MAX_LOSSES < 32, "one bit of `taken` for each slot");

/* States of a loss's `used`. A process that dies in between leaves a use without its text. */
enum { UNUSED, USED, WRITING };

/* One substitute per loss slot. The tail of zeroes is for callers that read fields of the type that
 * they expected: they find NULLs there, not somebody else's memory. */
static struct {
    PyObject object;
    char zeroes[512];
} substitutes[STRESSOR_MAX_LOSSES];
static int64_t counts[STRESSOR_MAX_LOSSES];

static PyTypeObject *substitute_type;

/* The first one to see it used tells how; `what` may be NULL. */
static void
mark_used(struct stressor_loss *loss, const char *how, const char *what)
{
    uint32_t unused = UNUSED;
    if (__atomic_load_n(&loss->used, __ATOMIC_RELAXED) == UNUSED &&
        __atomic_compare_exchange_n(&loss->used, &unused, WRITING, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_RELAXED)) {
        snprintf(loss->how, sizeof(loss->how), "%s%s%s", how, what != NULL ? " " : "",
                 what != NULL ? what : "");
        __atomic_store_n(&loss->used, USED, __ATOMIC_RELEASE);
    }
}

/* ---- what a substitute answers: that it was used --------------------------------------------- */

static PyObject *
used_object(PyObject *self)
{
    (void)stressor_ledger_meet(self, "operated on");
    PyErr_SetString(PyExc_SystemError, "stressor: this object was destroyed while it was borrowed");
    return NULL;
}

static PyObject *
used_compare(PyObject *self, PyObject *other, int op)
{
    (void)other, (void)op;
    return used_object(self);
}

static PyObject *
used_attribute(PyObject *self, PyObject *name)
{
    (void)name;
    return used_object(self);
}

static Py_hash_t
used_hash(PyObject *self)
{
    (void)used_object(self);
    return -1;
}

static PyObject *
used_call(PyObject *self, PyObject *args, PyObject *kwargs)
{
    (void)args, (void)kwargs;
    return used_object(self);
}

static void
never_destroyed(PyObject *self)
{
    (void)self;
}

int
stressor_ledger_prepare(void)
{
    if (substitute_type != NULL) {
        return 0;
    }
    PyType_Slot slots[] = {
        {Py_tp_repr, used_object},        {Py_tp_str, used_object},
        {Py_tp_hash, used_hash},          {Py_tp_richcompare, used_compare},
        {Py_tp_getattro, used_attribute}, {Py_tp_call, used_call},
        {Py_tp_iter, used_object},        {Py_tp_iternext, used_object},
        {Py_nb_index, used_object},       {Py_nb_int, used_object},
        {Py_nb_float, used_object},       {Py_mp_subscript, used_attribute},
        {Py_tp_dealloc, never_destroyed}, {0, NULL},
    };
    PyType_Spec spec = {
        .name = "stressor.Destroyed",
        .basicsize = sizeof(substitutes[0]),
        .flags = Py_TPFLAGS_DEFAULT | Py_TPFLAGS_IMMUTABLETYPE | Py_TPFLAGS_DISALLOW_INSTANTIATION,
        .slots = slots,
    };
    substitute_type = (PyTypeObject *)PyType_FromSpec(&spec);
    if (substitute_type == NULL) {
        return -1;
    }
    stressor_unwind_prepare();
    return 0;
}

static void
renew_substitute(int slot)
{
    memset(&substitutes[slot], 0, sizeof(substitutes[slot]));
    substitutes[slot].object.ob_type = substitute_type;
    stressor_disown(&substitutes[slot].object);
    counts[slot] = stressor_shared_word(&substitutes[slot].object);
}

void
stressor_ledger_reset(void)
{
    active = 0;
    taken = 0;
    for (int i = 0; i < STRESSOR_MAX_LOSSES; i++) {
        renew_substitute(i);
    }
}

void
stressor_ledger_next_round(void)
{
    for (int i = 0; i < STRESSOR_MAX_LOSSES; i++) {
        struct stressor_loss *loss = &stressor_record->losses[i];
        if ((taken & (1u << i)) && loss->used == UNUSED) {
            memset(loss, 0, sizeof(*loss));
            renew_substitute(i);
            taken &= ~(1u << i);
        }
    }
    for (uint32_t i = 0; i < stressor_record->threads; i++) {
        stressor_threads[i].open_loss = false;
    }
}

static int
slot_of(const void *object)
{
    const char *place = object, *first = (const char *)substitutes;
    if (place < first || place >= first + sizeof(substitutes)) {
        return -1;
    }
    return (int)((size_t)(place - first) / sizeof(substitutes[0]));
}

bool
stressor_ledger_meet(const void *object, const char *how)
{
    int slot = slot_of(object);
    if (slot < 0) {
        return false;
    }
    mark_used(&stressor_record->losses[slot], how, NULL);
    return true;
}

void
stressor_ledger_passed(const void *object, uint32_t symbol)
{
    int slot = slot_of(object);
    if (slot >= 0) {
        bool counting = stressor_symbols[symbol].category == STRESSOR_REFCOUNT;
        mark_used(&stressor_record->losses[slot], counting ? "counted" : "passed to",
                  counting ? NULL : stressor_symbols[symbol].name);
    }
}

void
stressor_ledger_borrow(struct stressor_thread *self, int cell, void *object)
{
    if (object == NULL) {
        return;
    }
    /* Sequentially consistent, and the cell before the count: a destroyer that sees the count sees
     * the cell. One that comes earlier destroyed the object before our pause. */
    __atomic_store_n(&self->borrowed[cell], (uintptr_t)object, __ATOMIC_SEQ_CST);
    __atomic_fetch_add(&active, 1, __ATOMIC_SEQ_CST);
}

void *
stressor_ledger_return(struct stressor_thread *self, int cell, void *object,
                       const struct stressor_pass *pass)
{
    if (object == NULL) {
        return NULL;
    }
    uintptr_t held = __atomic_exchange_n(&self->borrowed[cell], 0, __ATOMIC_SEQ_CST);
    __atomic_fetch_sub(&active, 1, __ATOMIC_SEQ_CST);
    if (!(held & LOST)) {
        return object;
    }
    uintptr_t slot = held >> 1;
    struct stressor_loss *loss = &stressor_record->losses[slot];
    loss->site = pass->site;
    loss->visit = pass->visit;
    loss->thread = self->id;
    self->inside = true; /* the unwinder may call through a slot */
    loss->borrower_count =
        stressor_unwind(loss->borrower, STRESSOR_MAX_FRAMES, STRESSOR_WHOLE_STACK);
    self->inside = false;
    __atomic_store_n(&loss->site_known, 1, __ATOMIC_RELEASE);
    self->open_loss = true;
    return &substitutes[slot].object;
}

static void
record_destroyer(struct stressor_loss *loss, const void *object)
{
    struct stressor_thread *self = stressor_self;
    loss->destroyer = self != NULL ? self->id : -1;
    snprintf(loss->type, sizeof(loss->type), "%s", Py_TYPE((PyObject *)object)->tp_name);
    loss->destroyer_count =
        stressor_unwind(loss->destroyer_frames, STRESSOR_MAX_FRAMES, STRESSOR_WHOLE_STACK);
}

/* A loss slot for the caller alone, or -1. */
static int
take_slot(void)
{
    uint32_t held = __atomic_load_n(&taken, __ATOMIC_RELAXED);
    int slot;
    do {
        slot = __builtin_ctz(~held);
        if (slot >= STRESSOR_MAX_LOSSES) {
            __atomic_fetch_or(&stressor_record->overflow, STRESSOR_FULL_LOSSES, __ATOMIC_RELAXED);
            return -1;
        }
    } while (!__atomic_compare_exchange_n(&taken, &held, held | (1u << slot), false,
                                          __ATOMIC_ACQ_REL, __ATOMIC_RELAXED));
    uint32_t count = __atomic_load_n(&stressor_record->loss_count, __ATOMIC_RELAXED);
    while (count < (uint32_t)slot + 1 &&
           !__atomic_compare_exchange_n(&stressor_record->loss_count, &count, (uint32_t)slot + 1,
                                        false, __ATOMIC_ACQ_REL, __ATOMIC_RELAXED)) {
    }
    return slot;
}

static void
lose(uintptr_t *cell, const void *object)
{
    int slot = take_slot();
    if (slot < 0) {
        return;
    }
    record_destroyer(&stressor_record->losses[slot], object);
    uintptr_t expected = (uintptr_t)object;
    /* Fails when the borrower's pause ended meanwhile: then nothing was seen. */
    if (!__atomic_compare_exchange_n(cell, &expected, ((uintptr_t)slot << 1) | LOST, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
        __atomic_fetch_and(&taken, ~(1u << slot), __ATOMIC_RELEASE);
    }
}

void
stressor_ledger_destroyed(void *object)
{
    if (STRESSOR_LIKELY(__atomic_load_n(&active, __ATOMIC_SEQ_CST) == 0) ||
        stressor_may_resurrect(object)) {
        return;
    }
    struct stressor_thread *guarded = stressor_guard(); /* the unwinder may call through a slot */
    for (uint32_t i = 0; i < stressor_record->threads; i++) {
        for (int cell = 0; cell < 2; cell++) {
            uintptr_t *borrowed = &stressor_threads[i].borrowed[cell];
            if (__atomic_load_n(borrowed, __ATOMIC_SEQ_CST) == (uintptr_t)object) {
                lose(borrowed, object);
            }
        }
    }
    if (guarded != NULL) {
        guarded->inside = false;
    }
}

void
stressor_ledger_settle(struct stressor_thread *self, const void *result)
{
    if (result != NULL) {
        (void)stressor_ledger_meet(result, "returned");
    }
    for (uint32_t i = 0; i < STRESSOR_MAX_LOSSES; i++) {
        struct stressor_loss *loss = &stressor_record->losses[i];
        if (__atomic_load_n(&loss->site_known, __ATOMIC_ACQUIRE) && loss->thread == self->id &&
            stressor_shared_word(&substitutes[i].object) != counts[i]) {
            mark_used(loss, "counted", NULL);
        }
    }
}
