/* The ABI classes that sites.def is written in, and how a wrapper calls through them. */
#ifndef STRESSOR_ABI_H
#define STRESSOR_ABI_H

#include <stdint.h>

typedef void *P;
typedef intptr_t Z;
typedef int I;
typedef long long L;

#endif
