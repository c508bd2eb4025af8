/* Interposition: rewriting the slots through which loaded objects call catalogued symbols.
 *
 * Only pointers in relocated data are written (JUMP_SLOT, GLOB_DAT, ABS64); no instruction is
 * touched. A slot that is bound to anything but the definition we would call (an own copy, another
 * version of the symbol) is left alone. Pages of a RELRO segment are made writable for the store and
 * read-only again after it. One aligned pointer store per slot, so other threads may run; the owner
 * of the process calls it, and the dlopen wrapper calls it on the importing thread. All writes are
 * made inside dl_iterate_phdr, whose lock keeps two of them apart and objects from being unloaded.
 */
#ifndef STRESSOR_INTERPOSE_H
#define STRESSOR_INTERPOSE_H

#include <stddef.h>
#include <stdint.h>

enum {
    STRESSOR_MAX_SLOTS = 1 << 16,
    STRESSOR_NO_SYMBOL = UINT16_MAX, /* the interpreter's slots that are no sites */
};

struct stressor_slot {
    void **place;
    void *original;
    uint32_t module; /* index into the record's modules */
    uint16_t symbol;
    uint16_t relocation;   /* enum stressor_relocation */
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

/* Finds the real function of each symbol; a symbol that this process lacks is never bound. Once. */
void stressor_bind_symbols(void);

/* The catalogue's index of a name that is bound, or -1. */
int stressor_symbol_index(const char *name);

/* Forgets the slots of an object that is gone. */
void stressor_forget_slots(uint32_t module);

/* Puts back the slots of all objects that are still loaded; returns how many. */
size_t stressor_restore(void);

/* Lists the loaded objects in the record. */
void stressor_refresh_modules(void);

#endif
