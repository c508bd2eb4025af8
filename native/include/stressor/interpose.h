/* Interposition: rewriting the slots through which loaded objects call catalogued symbols.
 *
 * Only pointers in relocated data are written (JUMP_SLOT, GLOB_DAT, ABS64); no instruction is
 * touched. Pages of a RELRO segment are made writable for the store and read-only again after it.
 * One aligned pointer store per slot, so other threads may run; the owner of the process calls it,
 * and the dlopen wrapper calls it on the importing thread, under the import's own serialization.
 */
#ifndef STRESSOR_INTERPOSE_H
#define STRESSOR_INTERPOSE_H

#include <stddef.h>
#include <stdint.h>

enum {
    STRESSOR_MAX_SLOTS = 1 << 16,
    STRESSOR_MAX_GLOBS = 64,
    STRESSOR_NO_SYMBOL = UINT16_MAX, /* the slot of dlopen, which is no site */
};

struct stressor_slot {
    void **place;
    void *original;
    uint32_t module; /* index into the record's modules */
    uint16_t symbol;
    uint16_t relocation; /* enum stressor_relocation */
    uintptr_t relro_start; /* page range to unprotect around a store; 0: plainly writable */
    uintptr_t relro_end;
};

enum stressor_relocation { STRESSOR_JUMP_SLOT, STRESSOR_GLOB_DAT, STRESSOR_ABS64 };

extern struct stressor_slot stressor_slots[STRESSOR_MAX_SLOTS];
extern size_t stressor_slot_count;

/* Modules that match a glob (against the whole path or the file name) are rewritten, now and when
 * they are loaded later; the executable gets its libc slots rewritten. Returns 0, or -1 when there
 * are too many globs. */
int stressor_instrument(const char *const *globs, size_t count);

/* What is known of a module after `stressor_instrument`: matched by a glob? */
int stressor_module_matches(uint32_t module);

size_t stressor_restore(void);

/* Lists the loaded objects in the record. */
void stressor_refresh_modules(void);

#endif
