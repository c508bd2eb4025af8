#define _GNU_SOURCE
#include "stressor/redirect.h"

#include <dirent.h>
#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "stressor/gate.h"
#include "stressor/layout.h"
#include "stressor/trampolines.h"

const char *
stressor_redirect_refuses(void)
{
#if !defined(__x86_64__)
    return "only the machine code of x86-64 is known";
#else
    return stressor_runtime_refuses();
#endif
}

#if !defined(__x86_64__)

const char *
stressor_redirect(const char *build_id, const struct stressor_callsite *sites, size_t count)
{
    (void)build_id, (void)sites, (void)count;
    return stressor_redirect_refuses();
}

#else

static bool redirected;

/* ---- the interpreter's image ----------------------------------------------------------------------- */

struct image {
    struct stressor_extent all;
    uintptr_t code_start;
    uintptr_t code_end;
    char build_id[2 * 64 + 1];
};

static void
read_build_id(struct image *image, const char *at, size_t size)
{
    while (size >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)at;
        size_t name = (note->n_namesz + 3u) & ~3u, data = (note->n_descsz + 3u) & ~3u;
        size_t whole = sizeof(*note) + name + data;
        if (whole > size) {
            return;
        }
        const unsigned char *id = (const unsigned char *)at + sizeof(*note) + name;
        if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 && note->n_descsz <= 64 &&
            memcmp(at + sizeof(*note), "GNU", 4) == 0) {
            for (uint32_t i = 0; i < note->n_descsz; i++) {
                snprintf(image->build_id + (size_t)2 * i, 3, "%02x", id[i]);
            }
            return;
        }
        at += whole;
        size -= whole;
    }
}

static int
find_image(struct dl_phdr_info *info, size_t size, void *found)
{
    (void)size;
    struct image image = {.all = {.base = info->dlpi_addr, .start = UINTPTR_MAX}};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &info->dlpi_phdr[i];
        uintptr_t from = info->dlpi_addr + header->p_vaddr, to = from + header->p_memsz;
        if (header->p_type == PT_NOTE && image.build_id[0] == '\0') {
            read_build_id(&image, (const char *)from, header->p_memsz);
        }
        if (header->p_type != PT_LOAD) {
            continue;
        }
        image.all.start = from < image.all.start ? from : image.all.start;
        image.all.end = to > image.all.end ? to : image.all.end;
        if (header->p_flags & PF_X && stressor_interpreter_place() >= from &&
            stressor_interpreter_place() < to) {
            image.code_start = from;
            image.code_end = to;
        }
    }
    if (image.code_start != 0) {
        *(struct image *)found = image;
    }
    return image.code_start != 0;
}

/* ---- checks: nothing is written before all of them have passed ---------------------------------- */

/* An exported function must be where the file says that it is. */
static bool
is_elsewhere(const struct image *image, const struct stressor_callsite *site)
{
    const void *exported = dlsym(RTLD_DEFAULT, stressor_symbols[site->symbol].name);
    uintptr_t at = (uintptr_t)exported;
    bool ours = at >= image->code_start && at < image->code_end;
    return ours && at != image->all.base + site->target;
}

static const char *
check_site(const struct image *image, const struct stressor_callsite *site)
{
    uintptr_t end = image->all.base + site->end, target = image->all.base + site->target;
    if (end < image->code_start + 5 || end > image->code_end || target < image->code_start ||
        target >= image->code_end) {
        return "a call site, or where it leads, is outside of the interpreter's code";
    }
    const unsigned char *code = (const unsigned char *)end - 5;
    int32_t leads;
    memcpy(&leads, code + 1, sizeof(leads));
    if ((code[0] != 0xe8 && code[0] != 0xe9) || end + (uintptr_t)(intptr_t)leads != target) {
        return "a call site does not lead to its function: the code in memory is not that of the "
               "file";
    }
    return is_elsewhere(image, site) ? "an exported function is not where the file says" : NULL;
}

static int
count_threads(void)
{
    DIR *folder = opendir("/proc/self/task");
    int entries = 0;
    while (folder != NULL && readdir(folder) != NULL) {
        entries++;
    }
    if (folder != NULL) {
        (void)closedir(folder);
    }
    return entries - 2; /* "." and ".." */
}

/* A thread that was joined may be on its way out for a moment. */
static bool
has_one_thread(void)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    int threads = count_threads();
    for (int i = 0; i < 200 && threads > 1; i++) {
        (void)nanosleep(&moment, NULL);
        threads = count_threads();
    }
    return threads == 1;
}

/* ---- the call sites --------------------------------------------------------------------------------- */

/* The code stays executable all the time: a signal may come. */
static const char *
lead_to(const struct image *image, const struct stressor_callsite *sites, size_t count,
        const char *trampolines)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *start = (char *)(image->code_start & ~(page - 1));
    size_t size = (image->code_end - (uintptr_t)start + page - 1) & ~(page - 1);
    if (mprotect(start, size, PROT_READ | PROT_WRITE | PROT_EXEC) != 0) {
        return "the system refuses to make the interpreter's code writable";
    }
    for (size_t i = 0; i < count; i++) {
        char *end = (char *)(image->all.base + sites[i].end);
        int32_t leads = (int32_t)(trampolines + i * STRESSOR_TRAMPOLINE - end);
        memcpy(end - 4, &leads, sizeof(leads));
    }
    (void)mprotect(start, size, PROT_READ | PROT_EXEC);
    return NULL;
}

const char *
stressor_redirect(const char *build_id, const struct stressor_callsite *sites, size_t count)
{
    struct image image = {0};
    const char *why = stressor_redirect_refuses();
    if (why == NULL && redirected) {
        why = "this process has redirected calls already";
    }
    if (why == NULL && count > STRESSOR_MAX_REDIRECTS) {
        why = "these are more call sites than there is room for";
    }
    if (why == NULL && (dl_iterate_phdr(find_image, &image) == 0 || image.build_id[0] == '\0' ||
                        strcmp(image.build_id, build_id) != 0)) {
        why =
            "the interpreter that runs is not the file that was read: its build id is another one";
    }
    if (why == NULL && !has_one_thread()) {
        why = "other threads run already";
    }
    for (size_t i = 0; i < count && why == NULL; i++) {
        why = check_site(&image, &sites[i]);
    }
    const char *trampolines = NULL;
    if (why == NULL && count != 0) {
        why = stressor_make_trampolines(&image.all, sites, count, &trampolines);
    }
    if (why == NULL && count != 0) {
        why = lead_to(&image, sites, count, trampolines);
    }
    redirected = redirected || (why == NULL && count != 0);
    return why;
}

#endif
