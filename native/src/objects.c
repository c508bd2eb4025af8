#define _GNU_SOURCE
#include "stressor/objects.h"

#include <fnmatch.h>
#include <string.h>
#include <unistd.h>

#include "stressor/interpose.h"
#include "stressor/record.h"

static char globs[STRESSOR_MAX_GLOBS][STRESSOR_GLOB_BYTES];
static size_t glob_count;

uint8_t stressor_module_state[STRESSOR_MAX_MODULES];

static void
find_extent(const struct dl_phdr_info *info, uintptr_t *start, uintptr_t *end)
{
    *start = UINTPTR_MAX;
    *end = 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        if (header->p_type == PT_LOAD) {
            uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;
            *start = from < *start ? from : *start;
            *end = to > *end ? to : *end;
        }
    }
}

/* The end of the path, as far as a module has room for it. */
static const char *
path_of(const struct dl_phdr_info *info)
{
    static char executable[4096]; /* PATH_MAX; written under the loader's lock, always the same */
    const char *path = info->dlpi_name;
    if (path == NULL || path[0] == '\0') {
        ssize_t length = readlink("/proc/self/exe", executable, sizeof(executable) - 1);
        executable[length > 0 ? length : 0] = '\0';
        path = executable;
    }
    size_t length = strlen(path), size = sizeof(stressor_record->modules[0].path) - 1;
    return length > size ? path + length - size : path;
}

uint32_t
stressor_list_module(const struct dl_phdr_info *info)
{
    struct stressor_record *record = stressor_record;
    const char *path = path_of(info);
    uintptr_t start, end;
    find_extent(info, &start, &end);
    uint32_t index = 0;
    while (index < record->module_count && record->modules[index].start != start) {
        index++;
    }
    if (index == STRESSOR_MAX_MODULES) {
        __atomic_fetch_or(&record->overflow, STRESSOR_FULL_MODULES, __ATOMIC_RELAXED);
        return UINT32_MAX;
    }
    struct stressor_module *module = &record->modules[index];
    if (index < record->module_count && module->end == end && strcmp(module->path, path) == 0) {
        return index;
    }
    /* Another object took the place of an unloaded one: its slots are gone with it. */
    stressor_forget_slots(index);
    stressor_module_state[index] = 0;
    module->base = info->dlpi_addr;
    module->start = start;
    module->end = end;
    memcpy(module->path, path, strlen(path) + 1);
    if (index == record->module_count) {
        __atomic_store_n(&record->module_count, index + 1, __ATOMIC_RELEASE);
    }
    return index;
}

bool
stressor_module_matches(uint32_t module)
{
    const char *path = stressor_record->modules[module].path;
    const char *slash = strrchr(path, '/');
    for (size_t i = 0; i < glob_count; i++) {
        if (fnmatch(globs[i], path, 0) == 0 ||
            (slash != NULL && fnmatch(globs[i], slash + 1, 0) == 0)) {
            return true;
        }
    }
    return false;
}

bool
stressor_module_is_system(uint32_t module)
{
    static const char *const names[] = {
        "libc.so",  "libc-",   "ld-linux", "libpthread", "libm.so",    "libdl",      "librt",
        "libgcc_s", "libasan", "libtsan",  "libubsan",   "linux-vdso", "linux-gate", "libmvec"};
    const char *path = stressor_record->modules[module].path;
    const char *slash = strrchr(path, '/');
    const char *name = slash != NULL ? slash + 1 : path;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strncmp(name, names[i], strlen(names[i])) == 0) {
            return true;
        }
    }
    return false;
}

const char *
stressor_module_refuses(uint32_t module)
{
    uint8_t state = stressor_module_state[module];
    if (state & STRESSOR_MODULE_OURS) {
        return "is stressor's own";
    }
    if (state & STRESSOR_MODULE_UNWRITABLE) {
        return "has read-only slots that the system refuses to make writable";
    }
    if (state & STRESSOR_MODULE_ELSEWHERE) {
        return "uses its own copies of the catalogued symbols, or other versions of them";
    }
    return "imports no catalogued symbol through a slot";
}

static bool
has_glob(const char *pattern)
{
    for (size_t i = 0; i < glob_count; i++) {
        if (strcmp(globs[i], pattern) == 0) {
            return true;
        }
    }
    return false;
}

int
stressor_add_globs(const char *const *patterns, size_t count)
{
    size_t before = glob_count;
    for (size_t i = 0; i < count; i++) {
        size_t length = strlen(patterns[i]);
        if (has_glob(patterns[i])) {
            continue;
        }
        if (glob_count == STRESSOR_MAX_GLOBS || length >= STRESSOR_GLOB_BYTES) {
            glob_count = before;
            return -1;
        }
        memcpy(globs[glob_count++], patterns[i], length + 1);
    }
    return 0;
}

bool
stressor_has_globs(void)
{
    return glob_count > 0;
}

void
stressor_forget_globs(void)
{
    memset(stressor_module_state, 0, sizeof(stressor_module_state));
    glob_count = 0;
}
