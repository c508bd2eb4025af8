/* Two objects with a mutex each, and what a thread can see of its critical sections on them. */
#ifndef STRESSOR_PROBES_SECTIONS_H
#define STRESSOR_PROBES_SECTIONS_H

#include "journal.h"

enum { A, B, OBJECTS };
enum { RECORD_INACTIVE = 1 }; /* bit of a pointer to a record */

struct scene {
    PyObject *object[OBJECTS]; /* by address */
    int *count;                /* per object, guarded by its section */
};

/* Of what `scene_new` gave to Python, which owns all. */
struct scene scene_of(PyObject *state);

/* Whether an object's mutex is locked now. */
int64_t scene_locked(const struct scene *scene, int which);

/* Note where the thread is, which records it has, and which of the objects are locked. */
void scene_look(const struct scene *scene, const char *in_place);

/* Detach, look, attach. */
void scene_detach(const struct scene *scene);

#endif
