/* Built-in measurements, because no outside clock can see a nanosecond. */
#ifndef STRESSOR_BENCH_H
#define STRESSOR_BENCH_H

#include <stdint.h>

/* Nanoseconds per iteration of `what`, or a negative number: no such measurement. Attached. Arms and
 * disarms the shim: not while a trial runs. */
double stressor_bench(const char *what, int64_t iterations);
/* The same for controlled mode, with threads of its own; detached. */
double stressor_bench_turns(const char *what, int64_t iterations);

#endif
