/* Preloaded: a system that lets nobody make memory writable, as hardened ones do. */
#include <errno.h>
#include <stddef.h>
#include <sys/mman.h>

__attribute__((visibility("default"))) int
mprotect(void *start, size_t length, int protection)
{
    (void)start, (void)length;
    errno = EACCES;
    return protection & PROT_WRITE ? -1 : 0;
}
