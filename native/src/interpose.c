#define _GNU_SOURCE
#include "stressor/interpose.h"

#include <dlfcn.h>
#include <elf.h>
#include <errno.h>
#include <link.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stressor/crash.h"
#include "stressor/gate.h"
#include "stressor/layout.h"
#include "stressor/objects.h"
#include "stressor/virtualtime.h"

#if defined(__x86_64__)
#define TYPE_JUMP_SLOT R_X86_64_JUMP_SLOT
#define TYPE_GLOB_DAT R_X86_64_GLOB_DAT
#define TYPE_ABS64 R_X86_64_64
#elif defined(__aarch64__)
#define TYPE_JUMP_SLOT R_AARCH64_JUMP_SLOT
#define TYPE_GLOB_DAT R_AARCH64_GLOB_DAT
#define TYPE_ABS64 R_AARCH64_ABS64
#endif

struct stressor_slot stressor_slots[STRESSOR_MAX_SLOTS];
size_t stressor_slot_count;

/* ---- slots that are no sites -------------------------------------------------------------------- */

/* dlopen: to catch modules that are loaded later. */
static void *(*real_dlopen)(const char *, int);

static void instrument_loaded(void);

static void *
wrap_dlopen(const char *path, int mode)
{
    void *handle = real_dlopen(path, mode);
    if (handle != NULL && stressor_has_globs()) {
        int saved = errno;
        struct stressor_thread *self = stressor_guard();
        instrument_loaded();
        if (self != NULL) {
            self->inside = false;
        }
        errno = saved;
    }
    return handle;
}

/* The wrapper of a symbol that is none of the catalogue's, or NULL. */
static void *
service_wrapper(const char *name, bool interpreter)
{
    void *clock = stressor_time_wrapper(name);
    if (clock != NULL || !interpreter) {
        return clock;
    }
    if (strcmp(name, "dlopen") == 0) {
        real_dlopen = (void *(*)(const char *, int))dlsym(RTLD_DEFAULT, name);
        return (void *)wrap_dlopen;
    }
    /* So that faulthandler neither takes our handlers away nor hides them: Py_FatalError makes it
     * restore what was there before it. */
    return strcmp(name, "sigaction") == 0 ? (void *)stressor_crash_sigaction : NULL;
}

/* ---- one module ------------------------------------------------------------------------------- */

struct image {
    uintptr_t base;
    uintptr_t start;
    uintptr_t end;
    uint32_t module;
    bool interpreter;
    bool blocks_only; /* calls of the C-API are not looked at */
    const ElfW(Sym) * symbols;
    const char *strings;
    const ElfW(Rela) * tables[2];
    size_t counts[2];
    uintptr_t relro_start;
    uintptr_t relro_end;
};

static void
read_dynamic(struct image *image, const ElfW(Dyn) * entry)
{
    size_t sizes[2] = {0, 0};
    for (; entry->d_tag != DT_NULL; entry++) {
        /* glibc relocates these addresses in place, musl does not. */
        uintptr_t place = entry->d_un.d_ptr;
        uintptr_t address = place < image->base ? place + image->base : place;
        switch (entry->d_tag) {
        case DT_SYMTAB:
            image->symbols = (const ElfW(Sym) *)address;
            break;
        case DT_STRTAB:
            image->strings = (const char *)address;
            break;
        case DT_JMPREL:
            image->tables[0] = (const ElfW(Rela) *)address;
            break;
        case DT_PLTRELSZ:
            sizes[0] = entry->d_un.d_val;
            break;
        case DT_RELA:
            image->tables[1] = (const ElfW(Rela) *)address;
            break;
        case DT_RELASZ:
            sizes[1] = entry->d_un.d_val;
            break;
        }
    }
    for (int i = 0; i < 2; i++) {
        image->counts[i] = image->tables[i] != NULL ? sizes[i] / sizeof(ElfW(Rela)) : 0;
    }
}

/* False when the system refuses to make the page writable. */
static bool
store(const struct stressor_slot *slot, void *value)
{
    size_t length = slot->relro_end - slot->relro_start;
    void *start = (void *)slot->relro_start;
    if (length != 0 && mprotect(start, length, PROT_READ | PROT_WRITE) != 0) {
        return false;
    }
    __atomic_store_n(slot->place, value, __ATOMIC_RELEASE);
    if (length != 0) {
        (void)mprotect(start, length, PROT_READ);
    }
    return true;
}

static void
rewrite(const struct image *image, void **place, int symbol, enum stressor_relocation relocation,
        void *wrapper)
{
    if (*place == wrapper) {
        return;
    }
    if (stressor_slot_count == STRESSOR_MAX_SLOTS) {
        __atomic_fetch_or(&stressor_record->overflow, STRESSOR_FULL_SLOTS, __ATOMIC_RELAXED);
        return;
    }
    struct stressor_slot *slot = &stressor_slots[stressor_slot_count];
    *slot = (struct stressor_slot){.place = place,
                                   .original = *place,
                                   .module = image->module,
                                   .symbol = (uint16_t)symbol,
                                   .relocation = (uint16_t)relocation};
    uintptr_t at = (uintptr_t)place;
    if (at >= image->relro_start && at < image->relro_end) {
        slot->relro_start = image->relro_start;
        slot->relro_end = image->relro_end;
    }
    if (store(slot, wrapper)) {
        stressor_slot_count++;
    } else {
        stressor_module_state[image->module] |= STRESSOR_MODULE_UNWRITABLE;
    }
}

/* Whether the slot leads to `real`, or will: before the first call a lazily bound one still points
 * into its own object, as does one that is bound to the object's own definition. */
static bool
leads_to(const struct image *image, const void *const *place, const ElfW(Sym) * symbol,
         enum stressor_relocation relocation, const void *real)
{
    uintptr_t value = (uintptr_t)*place;
    bool lazy = relocation == STRESSOR_JUMP_SLOT && symbol->st_shndx == SHN_UNDEF &&
                value >= image->start && value < image->end;
    return *place == real || lazy;
}

static void
consider(const struct image *image, const ElfW(Rela) * rela)
{
    enum stressor_relocation relocation;
    switch (ELF64_R_TYPE(rela->r_info)) {
    case TYPE_JUMP_SLOT:
        relocation = STRESSOR_JUMP_SLOT;
        break;
    case TYPE_GLOB_DAT:
        relocation = STRESSOR_GLOB_DAT;
        break;
    case TYPE_ABS64:
        relocation = STRESSOR_ABS64;
        break;
    default:
        return;
    }
    uint32_t index = ELF64_R_SYM(rela->r_info);
    if (index == 0 || (relocation == STRESSOR_ABS64 && rela->r_addend != 0)) {
        return;
    }
    const char *name = image->strings + image->symbols[index].st_name;
    void **place = (void **)(image->base + rela->r_offset);
    void *service = service_wrapper(name, image->interpreter);
    if (service != NULL) {
        rewrite(image, place, STRESSOR_NO_SYMBOL, relocation, service);
        return;
    }
    int symbol = stressor_symbol_index(name);
    if (symbol < 0 || (image->blocks_only && stressor_symbols[symbol].kind != STRESSOR_BLOCK) ||
        *place == stressor_symbols[symbol].wrapper) {
        return;
    }
    if (!leads_to(image, (const void *const *)place, &image->symbols[index], relocation,
                  stressor_symbols[symbol].real)) {
        stressor_module_state[image->module] |= STRESSOR_MODULE_ELSEWHERE;
        return;
    }
    rewrite(image, place, symbol, relocation, stressor_symbols[symbol].wrapper);
}

static void
rewrite_image(struct image *image)
{
    for (int table = 0; table < 2; table++) {
        for (size_t i = 0; i < image->counts[table]; i++) {
            consider(image, &image->tables[table][i]);
        }
    }
}

/* ---- all modules ------------------------------------------------------------------------------ */

void
stressor_forget_slots(uint32_t module)
{
    size_t kept = 0;
    for (size_t i = 0; i < stressor_slot_count; i++) {
        if (stressor_slots[i].module != module) {
            stressor_slots[kept++] = stressor_slots[i];
        }
    }
    stressor_slot_count = kept;
}

static bool
holds(const struct image *image, uintptr_t address)
{
    return address >= image->start && address < image->end;
}

static void
rewrite_object(const struct dl_phdr_info *info, struct image *image)
{
    const ElfW(Dyn) *dynamic = NULL;
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t at = info->dlpi_addr + header->p_vaddr;
        if (header->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)at;
        } else if (header->p_type == PT_GNU_RELRO) {
            /* The loader protects whole pages only: what shares the last page stays writable. */
            image->relro_start = at & ~(page - 1);
            image->relro_end = (at + header->p_memsz) & ~(page - 1);
        }
    }
    if (dynamic != NULL) {
        read_dynamic(image, dynamic);
    }
    if (image->symbols != NULL && image->strings != NULL) {
        rewrite_image(image);
    }
}

static int
visit_object(struct dl_phdr_info *info, size_t size, void *rewriting)
{
    (void)size;
    uint32_t index = stressor_list_module(info);
    if (rewriting == NULL || index == UINT32_MAX ||
        (stressor_module_state[index] & STRESSOR_MODULE_DONE)) {
        return 0;
    }
    struct image image = {.base = info->dlpi_addr,
                          .start = stressor_record->modules[index].start,
                          .end = stressor_record->modules[index].end,
                          .module = index};
    /* The interpreter is the executable, or a shared library that the executable loads. */
    image.interpreter = index == 0 || holds(&image, stressor_interpreter_place());
    bool matches = stressor_module_matches(index);
    uint8_t seen = stressor_module_state[index];
    /* A lock may be taken in the module under test and given back in a library that it uses: who waits
     * for whom is known only when every call that blocks or wakes is seen. */
    if (!image.interpreter && !matches &&
        ((seen & STRESSOR_MODULE_BLOCKS) || stressor_module_is_system(index))) {
        return 0;
    }
    image.blocks_only = image.interpreter || !matches;
    if (holds(&image, (uintptr_t)stressor_symbols)) {
        stressor_module_state[index] = STRESSOR_MODULE_DONE | STRESSOR_MODULE_OURS;
        return 0;
    }
    rewrite_object(info, &image);
    if (image.interpreter || matches) {
        stressor_module_state[index] &= (uint8_t)~STRESSOR_MODULE_BLOCKS;
        stressor_module_state[index] |= STRESSOR_MODULE_DONE;
    } else {
        stressor_module_state[index] |= STRESSOR_MODULE_BLOCKS;
    }
    return 0;
}

static void
instrument_loaded(void)
{
    int yes = 1;
    (void)dl_iterate_phdr(visit_object, &yes);
}

void
stressor_refresh_modules(void)
{
    (void)dl_iterate_phdr(visit_object, NULL);
}

int
stressor_instrument(const char *const *patterns, size_t count)
{
    stressor_bind_symbols();
    if (stressor_add_globs(patterns, count) < 0) {
        return -1;
    }
    instrument_loaded();
    return 0;
}

static int
restore_object(struct dl_phdr_info *info, size_t size, void *count)
{
    (void)size;
    uint32_t index = stressor_list_module(info);
    for (size_t i = 0; i < stressor_slot_count; i++) {
        const struct stressor_slot *slot = &stressor_slots[i];
        if (slot->module == index && store(slot, slot->original)) {
            ++*(size_t *)count;
        }
    }
    return 0;
}

size_t
stressor_restore(void)
{
    size_t count = 0;
    (void)dl_iterate_phdr(restore_object, &count);
    stressor_slot_count = 0;
    stressor_forget_globs();
    return count;
}
