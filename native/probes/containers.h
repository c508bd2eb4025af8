/* Objects that can be told apart by what they are and not by their address, and a place to publish one. */
#ifndef STRESSOR_PROBES_CONTAINERS_H
#define STRESSOR_PROBES_CONTAINERS_H

#include "journal.h"

/* A new object with this tag; freed as soon as nobody has it, so that its address is used again. */
static inline PyObject *
tagged_new(int tag)
{
    return PyFloat_FromDouble(tag);
}

/* The tag; 0 for none. */
static inline int
tag_of(PyObject *object)
{
    return object != NULL ? (int)PyFloat_AS_DOUBLE(object) : 0;
}

#endif
