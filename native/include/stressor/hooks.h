/* Hook sites: what CPython itself calls us for. Object creation and destruction (PyRefTracer, 3.13),
 * allocation and release in the `mem` and `obj` domains (PyMem_SetAllocator).
 *
 * A hook may run with a container's lock held or with the world stopped: pauses there are bounded
 * delays like everywhere, never a wait for another thread to finish.
 */
#ifndef STRESSOR_HOOKS_H
#define STRESSOR_HOOKS_H

/* Installs what is wanted. Attached, no worker running. Returns 0 or -1 with an exception set. A
 * tracer that somebody else installed is called after ours. */
int stressor_hooks_install(int tracer, int allocators);
int stressor_hooks_remove(void);

#endif
