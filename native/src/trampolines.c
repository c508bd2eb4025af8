#define _GNU_SOURCE
#include "stressor/trampolines.h"

#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "stressor/gate.h"

#if defined(__x86_64__)

/* ---- the stub ------------------------------------------------------------------------------------ */

/* What the stub reads by number. Written before any trampoline leads there, never after. */
static struct {
    uintptr_t place;
    uint32_t symbol;
} redirects[STRESSOR_MAX_REDIRECTS];
extern const void *stressor_redirect_reals[STRESSOR_MAX_REDIRECTS];
const void *stressor_redirect_reals[STRESSOR_MAX_REDIRECTS];

extern const char stressor_redirect_stub[];

/* Offsets that the stub has built in. */
#define THREAD_LANE 0
#define THREAD_INSIDE 16
#define LANE_CALL 16
#define ROOM_FOR_PASS 48
_Static_assert(offsetof(struct stressor_thread, lane) == THREAD_LANE, "as the stub has it");
_Static_assert(offsetof(struct stressor_thread, inside) == THREAD_INSIDE, "as the stub has it");
_Static_assert(offsetof(struct stressor_lane, call) == LANE_CALL, "as the stub has it");
_Static_assert(sizeof(struct stressor_pass) <= ROOM_FOR_PASS, "as the stub has it");

/* Returns the function to call. The object is looked at by address only: a function that takes no
 * argument leaves anything in its register. */
__attribute__((used)) const void *
stressor_redirect_arrive(struct stressor_pass *pass, uint32_t number, const void *first)
{
    uint32_t symbol = redirects[number].symbol;
    const void *object = stressor_symbols[symbol].first != NULL ? first : NULL;
    stressor_arrive(pass, symbol, redirects[number].place, object);
    return stressor_redirect_reals[number];
}

#define TEXT_(x) #x
#define TEXT(x) TEXT_(x)
#define EACH_VECTOR(X)                                                                             \
    X(0) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14) X(15)
#define KEEP(i) "movaps %xmm" #i ", 16*" #i "(%rsp)\n"
#define PUT_BACK(i) "movaps 16*" #i "(%rsp), %xmm" #i "\n"

/* On entry the trampoline has pushed its number above the return address. The frame, from %rbp down:
 *   +8 return address, 0 caller's %rbp (where the number was), -8 %rax, -16 number, then the function,
 *   -24 %rcx, -32 %rdx, -40 %rsi, -48 %rdi, -56 to -80 %r8 to %r11, -128 the pass.
 * Below it, 16-aligned and only while our own code runs, the vector registers. The way past the gate
 * (1:) reads its target from below the stack pointer, where the ABI lets no signal handler write. */
#define REGISTERS_KEPT                                                                             \
    "mov %rax, -8(%rbp)\n mov %rcx, -24(%rbp)\n mov %rdx, -32(%rbp)\n mov %rsi, -40(%rbp)\n"       \
    "mov %rdi, -48(%rbp)\n mov %r8, -56(%rbp)\n mov %r9, -64(%rbp)\n mov %r10, -72(%rbp)\n"        \
    "mov %r11, -80(%rbp)\n lea -256(%rsp), %rsp\n" EACH_VECTOR(KEEP)
#define REGISTERS_PUT_BACK                                                                         \
    EACH_VECTOR(PUT_BACK)                                                                          \
    "lea 256(%rsp), %rsp\n"                                                                        \
    "mov -8(%rbp), %rax\n mov -24(%rbp), %rcx\n mov -32(%rbp), %rdx\n mov -40(%rbp), %rsi\n"       \
    "mov -48(%rbp), %rdi\n mov -56(%rbp), %r8\n mov -64(%rbp), %r9\n mov -72(%rbp), %r10\n"        \
    "mov -80(%rbp), %r11\n"

__asm__(
    ".pushsection .text\n"
    ".p2align 4\n"
    ".globl stressor_redirect_stub\n"
    ".hidden stressor_redirect_stub\n"
    ".type stressor_redirect_stub, @function\n"
    "stressor_redirect_stub:\n"
    ".cfi_startproc\n"
    ".cfi_def_cfa_offset 16\n"
    "push %rax\n"
    ".cfi_adjust_cfa_offset 8\n"
    "mov 8(%rsp), %rax\n"
    "mov %rbp, 8(%rsp)\n"
    ".cfi_offset %rbp, -16\n"
    "lea 8(%rsp), %rbp\n"
    ".cfi_def_cfa %rbp, 16\n"
    "push %rax\n"
    "push %rcx\n"
    "mov stressor_self@GOTTPOFF(%rip), %rcx\n"
    "mov %fs:(%rcx), %rcx\n"
    "test %rcx, %rcx\n"
    "jz 1f\n"
    "cmpb $0, " TEXT(
        THREAD_INSIDE) "(%rcx)\n"
                       "jne 1f\n"
                       "mov " TEXT(
                           THREAD_LANE) "(%rcx), %rcx\n"
                                        "cmpl $0, " TEXT(
                                            LANE_CALL) "(%rcx)\n"
                                                       "jge 2f\n"
                                                       "1: lea stressor_redirect_reals(%rip), "
                                                       "%rcx\n"
                                                       "mov (%rcx,%rax,8), %rax\n"
                                                       "mov %rax, -16(%rbp)\n"
                                                       "mov -24(%rbp), %rcx\n"
                                                       "mov -8(%rbp), %rax\n"
                                                       "lea 8(%rbp), %rsp\n"
                                                       ".cfi_remember_state\n"
                                                       ".cfi_def_cfa %rsp, 8\n"
                                                       "mov (%rbp), %rbp\n"
                                                       ".cfi_restore %rbp\n"
                                                       "jmp *-24(%rsp)\n"
                                                       ".cfi_restore_state\n"
                                                       "2: lea -128(%rbp), %rsp\n"
                                                       "and $-16, %rsp\n"
                                                       "mov %rax, -16(%rbp)\n"
                                                       "mov -8(%rbp), %rax\n"
                                                       "mov -24(%rbp), %rcx\n" REGISTERS_KEPT
                                                       "lea -128(%rbp), %rdi\n"
                                                       "mov -16(%rbp), %esi\n"
                                                       "mov -48(%rbp), %rdx\n"
                                                       "call stressor_redirect_arrive\n"
                                                       "mov %rax, -16(%rbp)\n" REGISTERS_PUT_BACK
                                                       "call *-16(%rbp)\n" REGISTERS_KEPT
                                                       "lea -128(%rbp), %rdi\n"
                                                       "call stressor_depart\n" REGISTERS_PUT_BACK
                                                       "leave\n"
                                                       ".cfi_def_cfa %rsp, 8\n"
                                                       ".cfi_restore %rbp\n"
                                                       "ret\n"
                                                       ".cfi_endproc\n"
                                                       ".size stressor_redirect_stub, "
                                                       ".-stressor_redirect_stub\n"
                                                       ".popsection\n");

/* ---- memory within reach ------------------------------------------------------------------------------------ */

enum { NEAR_STEP = 1 << 20, NEAR_STEPS = 1024 };

/* The page before the trampolines: what they read. `armed` is the copy of stressor_armed in reach. */
struct near {
    uint8_t armed;
    const void *stub;
};

static void *
map_at(uintptr_t address, size_t size)
{
    void *made = mmap((void *)address, size, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (made != MAP_FAILED && (uintptr_t)made != address) { /* a kernel that knows it as a hint */
        (void)munmap(made, size);
        return NULL;
    }
    return made == MAP_FAILED ? NULL : made;
}

/* Memory that all of the object reaches with 32 bits. Below it first: above it the heap may grow. */
static char *
map_near(const struct stressor_extent *object, size_t size)
{
    uintptr_t low = object->start & ~(uintptr_t)(NEAR_STEP - 1);
    uintptr_t high = (object->end + NEAR_STEP) & ~(uintptr_t)(NEAR_STEP - 1);
    for (uintptr_t i = 1; i <= NEAR_STEPS; i++) {
        uintptr_t below = low - i * NEAR_STEP;
        void *made = size < NEAR_STEP && below < low ? map_at(below, size) : NULL;
        if (made == NULL) {
            made = map_at(high + i * NEAR_STEP, size);
        }
        if (made != NULL) {
            return made;
        }
    }
    return NULL;
}

static int32_t
distance(const void *to, const void *next)
{
    return (int32_t)((intptr_t)to - (intptr_t)next);
}

/*  0: cmpb $0, armed(%rip); jne 14; jmp real
 * 14: push $number; jmp *stub(%rip) */
static void
write_trampoline(unsigned char *code, uint32_t number, const struct near *near)
{
    const int32_t jumps[] = {distance(&near->armed, code + 7),
                             distance(stressor_redirect_reals[number], code + 14), (int32_t)number,
                             distance(&near->stub, code + 25)};
    const unsigned char text[] = {0x80, 0x3d, 0, 0, 0, 0, 0,    0x75, 0x05, 0xe9, 0, 0, 0,
                                  0,    0x68, 0, 0, 0, 0, 0xff, 0x25, 0,    0,    0, 0};
    memset(code, 0xcc, STRESSOR_TRAMPOLINE);
    memcpy(code, text, sizeof(text));
    memcpy(code + 2, &jumps[0], 4);
    memcpy(code + 10, &jumps[1], 4);
    memcpy(code + 15, &jumps[2], 4);
    memcpy(code + 21, &jumps[3], 4);
}

const char *
stressor_make_trampolines(const struct stressor_extent *object,
                          const struct stressor_callsite *sites, size_t count, const char **made)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    size_t size = (count * STRESSOR_TRAMPOLINE + 2 * page - 1) & ~(page - 1);
    char *memory = map_near(object, size);
    if (memory == NULL) {
        return "there is no room for trampolines within 1 GiB of the interpreter";
    }
    struct near *near = (struct near *)memory;
    near->stub = stressor_redirect_stub;
    for (size_t i = 0; i < count; i++) {
        redirects[i].place = object->base + sites[i].end;
        redirects[i].symbol = sites[i].symbol;
        stressor_redirect_reals[i] = (const void *)(object->base + sites[i].target);
        write_trampoline((unsigned char *)memory + page + i * STRESSOR_TRAMPOLINE, (uint32_t)i,
                         near);
    }
    if (mprotect(memory + page, size - page, PROT_READ | PROT_EXEC) != 0) {
        (void)munmap(memory, size);
        return "the system refuses to make memory that was written executable";
    }
    stressor_armed_near = &near->armed;
    *made = memory + page;
    return NULL;
}

#endif
