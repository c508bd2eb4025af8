/* The crash record: what a dying process says of itself.
 *
 * Handlers for SIGSEGV, SIGBUS, SIGFPE, SIGILL and SIGABRT, on top of those already installed, which
 * still run afterwards (faulthandler among them). The first thread to crash writes the record; others
 * wait in their handler for the process to end.
 */
#ifndef STRESSOR_CRASH_H
#define STRESSOR_CRASH_H

struct sigaction;

/* Stands for the interpreter's sigaction. Once our handlers are installed, those of our signals that
 * it sets are kept as the ones to run after ours, and are what it gets back. */
int stressor_crash_sigaction(int signal, const struct sigaction *action, struct sigaction *old);

/* Returns 0 or an errno. Owner of the process, before workers. */
int stressor_crash_install(void);

/* Gives the calling thread a signal stack, so that a stack overflow can be told too. Returns 0 or an
 * errno. Worker `slot`'s stack is kept for the process's life. */
int stressor_crash_stack(unsigned slot);

#endif
