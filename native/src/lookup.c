#define _GNU_SOURCE
#include <dlfcn.h>
#include <string.h>

#include "stressor/interpose.h"
#include "stressor/gate.h"

/* Symbol names to indices: open addressing over the catalogue, filled once. */
enum { NAMES = 1024 };
static uint16_t names[NAMES];

static uint32_t
name_hash(const char *name)
{
    uint32_t hash = 2166136261u;
    for (; *name != '\0'; name++) {
        hash = (hash ^ (unsigned char)*name) * 16777619u;
    }
    return hash;
}

void
stressor_bind_symbols(void)
{
    if (names[name_hash(stressor_symbols[0].name) % NAMES] != 0) {
        return;
    }
    for (size_t i = 0; i < stressor_symbol_count; i++) {
        if (stressor_symbols[i].kind == STRESSOR_REDIRECT) {
            continue; /* no slot leads there */
        }
        /* The default, newest version of a libc symbol: the one that extensions are linked with. */
        stressor_symbols[i].real = dlsym(RTLD_DEFAULT, stressor_symbols[i].name);
        uint32_t at = name_hash(stressor_symbols[i].name);
        while (names[at % NAMES] != 0) {
            at++;
        }
        names[at % NAMES] = (uint16_t)(i + 1);
    }
}

int
stressor_symbol_index(const char *name)
{
    for (uint32_t at = name_hash(name); names[at % NAMES] != 0; at++) {
        int index = names[at % NAMES] - 1;
        if (strcmp(stressor_symbols[index].name, name) == 0) {
            return stressor_symbols[index].real != NULL ? index : -1;
        }
    }
    return -1;
}
