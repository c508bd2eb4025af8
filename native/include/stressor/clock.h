/* Time below a site: the processor's time stamp to order events, the real clocks, a spin hint. */
#ifndef STRESSOR_CLOCK_H
#define STRESSOR_CLOCK_H

#include <stdint.h>
#include <time.h>

/* Nanoseconds on a real clock, whatever the interpreter is shown; 0 when there is no such clock. */
static inline uint64_t
stressor_clock_ns(clockid_t clock)
{
    struct timespec time;
    return clock_gettime(clock, &time) == 0
               ? (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec
               : 0;
}

#if defined(__x86_64__)
#include <x86intrin.h>

/* Orders events of all cores where the time stamp counter is invariant, as on every x86-64 server
 * of the last decade; the reader treats it as an order and never as a duration. */
static inline uint64_t
stressor_ticks(void)
{
    return __rdtsc();
}

static inline void
stressor_pause(void)
{
    _mm_pause();
}

#elif defined(__aarch64__)

static inline uint64_t
stressor_ticks(void)
{
    uint64_t ticks;
    __asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
}

static inline void
stressor_pause(void)
{
    __asm__ volatile("yield");
}

#else
#error "stressor's shim knows x86-64 and aarch64"
#endif

#endif
