/* The contract of each catalogued symbol: that of its category, but for the symbols named here.
 *
 * Source: "Thread State and the Global Interpreter Lock" and the functions' own pages in the C API's
 * reference, which lets nothing be called without an attached thread state that is not said to be. */
#include "stressor/contract.h"

#include <string.h>

uint8_t stressor_contract[STRESSOR_MAX_SYMBOLS];

enum {
    STATE = STRESSOR_WANTS_STATE,
    LIVE = STRESSOR_WANTS_STATE | STRESSOR_WANTS_OBJECT,
    REFERENCE = LIVE | STRESSOR_MAY_DO_NOTHING,
};

/* Locks, and what blocks in the C library, may be used by any thread. */
static const uint8_t categories[] = {
    [STRESSOR_REFCOUNT] = REFERENCE, [STRESSOR_THREAD_STATE] = STATE,
    [STRESSOR_CRITICAL_SECTION] = 0, /* the section's own monitor looks */
    [STRESSOR_BORROWED_REF] = LIVE,  [STRESSOR_CONTAINER] = LIVE,
    [STRESSOR_MEMORY] = STATE,       [STRESSOR_COLLECTOR] = LIVE,
    [STRESSOR_CATEGORY_OP] = 0,
};

static const struct {
    const char *name;
    uint8_t contract;
} exceptions[] = {
    /* How a thread gets attached, or makes and frees what it needs for that. */
    {"PyEval_RestoreThread", STRESSOR_ATTACHES},
    {"PyEval_AcquireThread", STRESSOR_ATTACHES},
    {"PyThreadState_Swap", STRESSOR_ATTACHES},
    {"PyGILState_Ensure", 0},
    {"PyThreadState_New", 0},
    {"PyThreadState_Delete", 0},
    {"Py_AddPendingCall", 0}, /* made for threads that are not attached */
    /* The C library's memory under another name. */
    {"PyMem_RawMalloc", 0},
    {"PyMem_RawCalloc", 0},
    {"PyMem_RawRealloc", 0},
    {"PyMem_RawFree", 0},
    /* Freeing NULL does nothing. */
    {"PyMem_Free", STATE | STRESSOR_MAY_DO_NOTHING},
    {"PyObject_Free", STATE | STRESSOR_MAY_DO_NOTHING},
    {"PyBuffer_Release", 0}, /* a view, which may be empty: then it does nothing */
    /* The object is new or dying: its counts are being set up, or nobody keeps them any more. */
    {"_Py_NewReference", STATE},
    {"_Py_SetRefcnt", STATE},
    {"_Py_Dealloc", STATE},
    {"PyObject_GC_Del", STATE},
    {"PyObject_GC_UnTrack", STATE},
    {"PyObject_ClearWeakRefs", STATE},
    {"_PyObject_GC_Resize", STATE},
    /* The caller gives a reference back; by _Py_MergeZeroLocalRefcount it has done so already. */
    {"_Py_DecRefShared", REFERENCE | STRESSOR_DROPS},
    {"_Py_DecRefSharedDebug", REFERENCE | STRESSOR_DROPS},
    {"_Py_DecRef", REFERENCE | STRESSOR_DROPS},
    {"Py_DecRef", REFERENCE | STRESSOR_DROPS},
};

static uint8_t
contract_of(const struct stressor_symbol *symbol)
{
    if (symbol->kind != STRESSOR_CALL) {
        return 0; /* the C library's, or the interpreter's own call, which may be of the same name */
    }
    for (size_t i = 0; i < sizeof(exceptions) / sizeof(exceptions[0]); i++) {
        if (strcmp(exceptions[i].name, symbol->name) == 0) {
            return exceptions[i].contract;
        }
    }
    return symbol->category < sizeof(categories) ? categories[symbol->category] : 0;
}

void
stressor_contract_prepare(void)
{
    for (size_t i = 0; i < stressor_symbol_count; i++) {
        stressor_contract[i] = contract_of(&stressor_symbols[i]);
    }
}
