/* The loaded objects: listed in the record, matched by the user's globs, and what became of each.
 *
 * An object is told by where it lies, and by its path: one that is loaded where another was unloaded
 * takes that one's place in the list. All of it belongs to whoever is inside dl_iterate_phdr, whose
 * lock keeps two threads apart.
 */
#ifndef STRESSOR_OBJECTS_H
#define STRESSOR_OBJECTS_H

#include <link.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#pragma GCC visibility push(hidden)

enum { STRESSOR_MAX_GLOBS = 64, STRESSOR_GLOB_BYTES = 256 };

/* What was found out about a module while its slots were considered. */
enum {
    STRESSOR_MODULE_DONE = 1,
    STRESSOR_MODULE_OURS = 2,
    STRESSOR_MODULE_ELSEWHERE = 4,
    STRESSOR_MODULE_UNWRITABLE = 8,
    STRESSOR_MODULE_BLOCKS = 16, /* matches no glob: only what blocks and wakes is seen */
};

extern uint8_t stressor_module_state[];

/* The object's index in the record, where it is entered if need be; UINT32_MAX: no room. */
uint32_t stressor_list_module(const struct dl_phdr_info *info);

/* Adds globs, each one once. Returns 0, or -1 when there are too many or one is too long; then none
 * was added. */
int stressor_add_globs(const char *const *patterns, size_t count);
bool stressor_has_globs(void);

/* Whether a glob matches the path or the file name. */
bool stressor_module_matches(uint32_t module);

/* Whether it is the C library or the like, whose own slots are left alone: what they lead to is what
 * the wrappers call. */
bool stressor_module_is_system(uint32_t module);

/* Why a module that matches has no slots. */
const char *stressor_module_refuses(uint32_t module);

/* Forgets globs and states, not the modules. */
void stressor_forget_globs(void);

#pragma GCC visibility pop

#endif
