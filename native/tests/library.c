/* A plain shared library, to be loaded and unloaded. */
#include <sched.h>

int give_way(void);

int
give_way(void)
{
    /* Not as a tail call, which would leave no return address in here. */
    volatile int result = sched_yield();
    return result;
}
