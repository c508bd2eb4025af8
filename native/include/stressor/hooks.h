/* Hook sites: what CPython itself calls us for. Object creation and destruction (PyRefTracer, 3.13),
 * allocation and release in the `mem` and `obj` domains (PyMem_SetAllocator).
 *
 * A hook may run with a container's lock held or with the world stopped: pauses there are bounded
 * delays like everywhere, never a wait for another thread to finish.
 */
#ifndef STRESSOR_HOOKS_H
#define STRESSOR_HOOKS_H

/* Installs what is wanted. Attached, no worker running; other threads of the target may run. Returns
 * 0 or -1 with an exception set. A tracer that somebody else installed is called after ours.
 *
 * An allocator is five words that others read one by one, so it is changed with the world stopped. The
 * tracer is read as two words, the function first: setting ours, which has no data, cannot be seen
 * half done, but taking it away can. It stays for good, and does nothing while the shim is disarmed. */
int stressor_hooks_install(int tracer, int allocators);

/* Restores the allocators. Attached. */
void stressor_hooks_remove(void);

#endif
