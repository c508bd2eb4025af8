/* Objects whose end is seen, and whose memory is nobody else's afterwards.
 *
 * A witness notes its deallocation with how often that happened, then drops what it refers to. The
 * memory is kept: its words can be read after its end, and what a twin frees too early or too often
 * does no harm. So a round costs some hundred bytes, and the child ends with the trial. */
#ifndef STRESSOR_PROBES_WITNESS_H
#define STRESSOR_PROBES_WITNESS_H

#include "journal.h"

struct witness {
    PyObject ob_base;
    const char *end;  /* what its deallocation is noted as; NULL: not at all */
    PyObject *refers; /* owned; may be NULL */
    PyObject *weakrefs;
    long serial;
    int died; /* atomic */
};

/* The names under which the three words of an object are noted. */
struct words {
    const char *tid, *local, *shared;
};

/* Memory without an object. NULL with an exception set. Any attached thread. */
struct witness *witness_reserve(void);

/* The object in it, owned by the calling thread; a reference to `refers` is taken over. */
PyObject *witness_make(struct witness *witness, const char *end, PyObject *refers);

/* Note each word by itself, as no thread can read all three at once. ob_tid: only whether it is 0. */
void witness_words(const PyObject *op, const struct words *names);

int witness_died(const struct witness *witness);

/* A new reference to the first item of a list, as the interpreter gets it; NULL: the list is empty. */
PyObject *witness_in(PyObject *list);

/* For twins: the same for the one witness that is ever in the list, counted too late and without a look
 * whether it is still there. */
PyObject *witness_in_unchecked(PyObject *list, struct witness *witness);

#endif
