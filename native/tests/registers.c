/* What a redirected call may not change: every register that the caller could still rely on, because
 * it knows what the function does with them, and all that the function gives back.
 *
 * A function of two instructions is called through a trampoline, as the interpreter's own would be, by
 * an assembler caller that has put a number of its own into each register. Our own code is stood in for
 * by functions that change every register they are allowed to change. Exits with 1 at the first register
 * that is another one, and prints which. */
#define _GNU_SOURCE
#include <Python.h>
#include <stdio.h>
#include <stdlib.h>

#include "trampolines.c"

enum { GENERAL = 14, VECTORS = 16 };

/* Filled in by the caller before and after: %rax, %rcx, %rdx, %rsi, %rdi, %r8 to %r15, %rbx, vectors. */
struct registers {
    uint64_t general[GENERAL];
    uint64_t vectors[VECTORS][2];
};

static struct registers given, back, seen;

/* ---- stand-ins ---------------------------------------------------------------------------------- */

STRESSOR_TLS struct stressor_thread *stressor_self;
static struct stressor_thread thread;
static struct stressor_lane lane;
static uint8_t nobody_near;
uint8_t *stressor_armed_near = &nobody_near;
struct stressor_symbol stressor_symbols[] = {{.name = "callee", .first = "number"}};

static int arrived, departed, misaligned;
static uintptr_t place;
static const void *object;

__attribute__((noinline)) static void
change_all(void)
{
    misaligned += ((uintptr_t)__builtin_frame_address(0) & 15) != 0;
    __asm__ volatile(
        "mov $-1, %%rax; mov $-1, %%rcx; mov $-1, %%rdx; mov $-1, %%rsi\n"
        "mov $-1, %%rdi; mov $-1, %%r8; mov $-1, %%r9; mov $-1, %%r10; mov $-1, %%r11\n"
        "pcmpeqd %%xmm0, %%xmm0; pcmpeqd %%xmm1, %%xmm1; pcmpeqd %%xmm2, %%xmm2\n"
        "pcmpeqd %%xmm3, %%xmm3; pcmpeqd %%xmm4, %%xmm4; pcmpeqd %%xmm5, %%xmm5\n"
        "pcmpeqd %%xmm6, %%xmm6; pcmpeqd %%xmm7, %%xmm7; pcmpeqd %%xmm8, %%xmm8\n"
        "pcmpeqd %%xmm9, %%xmm9; pcmpeqd %%xmm10, %%xmm10; pcmpeqd %%xmm11, %%xmm11\n"
        "pcmpeqd %%xmm12, %%xmm12; pcmpeqd %%xmm13, %%xmm13\n"
        "pcmpeqd %%xmm14, %%xmm14; pcmpeqd %%xmm15, %%xmm15\n"
        :
        :
        : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "xmm0", "xmm1", "xmm2",
          "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12",
          "xmm13", "xmm14", "xmm15");
}

void
stressor_arrive(struct stressor_pass *pass, uint32_t symbol, uintptr_t caller, const void *first)
{
    arrived += symbol == 0;
    place = caller;
    object = first;
    memset(pass, 0x5a, sizeof(*pass));
    change_all();
}

void
stressor_depart(struct stressor_pass *pass)
{
    const unsigned char *bytes = (const unsigned char *)pass;
    departed += bytes[0] == 0x5a && bytes[sizeof(*pass) - 1] == 0x5a;
    change_all();
}

/* ---- the caller and the function ------------------------------------------------------------------ */

/* Formatting would move these lines again each time. */
/* clang-format off */
#define GENERAL_REGISTERS(X, to) \
    X(rcx, 1, to) X(rdx, 2, to) X(rsi, 3, to) X(rdi, 4, to) X(r8, 5, to) X(r9, 6, to) \
    X(r10, 7, to) X(r11, 8, to) X(r12, 9, to) X(r13, 10, to) X(r14, 11, to) X(r15, 12, to) \
    X(rbx, 13, to)
#define VECTOR_REGISTERS(X, to) \
    X(0, to) X(1, to) X(2, to) X(3, to) X(4, to) X(5, to) X(6, to) X(7, to) X(8, to) X(9, to) \
    X(10, to) X(11, to) X(12, to) X(13, to) X(14, to) X(15, to)
/* clang-format on */
#define LOAD(name, i, from) "mov " #from "+8*" #i "(%rip), %" #name "\n"
#define STORE(name, i, to) "mov %" #name ", " #to "+8*" #i "(%rip)\n"
#define LOAD_VECTOR(i, from) "movups " #from "+112+16*" #i "(%rip), %xmm" #i "\n"
#define STORE_VECTOR(i, to) "movups %xmm" #i ", " #to "+112+16*" #i "(%rip)\n"

/* `call_it` and `jump_to_it` differ in how they reach the function: the second leaves it to return. */
__asm__(
    ".text\n"
    "callee:\n" STORE(rax, 0, seen) GENERAL_REGISTERS(STORE, seen) VECTOR_REGISTERS(
        STORE_VECTOR,
        seen) "mov %rsp, callee_stack(%rip)\n"
              "lea 1(%rax), %rax\n"
              "lea 1(%rdx), %rdx\n"
              "ret\n"
              "call_it:\n"
              "push %rbp; push %rbx; push %r12; push %r13; push %r14; push %r15\n"
              "sub odd(%rip), %rsp\n" LOAD(rax, 0, given) GENERAL_REGISTERS(LOAD, given)
                  VECTOR_REGISTERS(LOAD_VECTOR,
                                   given) "call tail_or_not\n"
                                          "after_call: " STORE(rax, 0, back)
                                              GENERAL_REGISTERS(STORE, back) VECTOR_REGISTERS(
                                                  STORE_VECTOR,
                                                  back) "add odd(%rip), %rsp\n"
                                                        "pop %r15; pop %r14; pop %r13; pop %r12; "
                                                        "pop %rbx; pop %rbp\n"
                                                        "ret\n"
                                                        "tail_or_not:\n"
                                                        "jmp *way(%rip)\n"
                                                        "jump_to_it:\n"
                                                        ".byte 0xe9; .long callee - after_jump\n"
                                                        "after_jump:\n");

extern const char callee[] __attribute__((visibility("hidden")));
extern const char jump_to_it[] __attribute__((visibility("hidden")));
extern const char after_jump[] __attribute__((visibility("hidden")));
void call_it(void) __attribute__((visibility("hidden")));

static uint64_t odd __attribute__((used));    /* bytes by which the caller aligns its stack less */
static const char *way __attribute__((used)); /* where the call leads */
static uint64_t callee_stack __attribute__((used)); /* the stack pointer in the function */

/* ---- checks --------------------------------------------------------------------------------------- */

static void
expect(const char *what, int holds)
{
    if (!holds) {
        fprintf(stderr, "%s (stack off by %d)\n", what, (int)odd);
        exit(1);
    }
}

static void
compare(const struct registers *want, const struct registers *got, const char *what)
{
    for (int i = 0; i < GENERAL; i++) {
        if (want->general[i] != got->general[i]) {
            fprintf(stderr, "%s: register %d is another one (stack off by %d)\n", what, i,
                    (int)odd);
            exit(1);
        }
    }
    expect(what, memcmp(want->vectors, got->vectors, sizeof(want->vectors)) == 0);
}

static void
pass_once(const char *trampoline, int visits)
{
    struct registers returned = given;
    arrived = departed = misaligned = 0;
    way = trampoline;
    call_it();
    compare(&given, &seen, "as the function got it");
    returned.general[0]++; /* what the function did */
    returned.general[2]++;
    compare(&returned, &back, "as the caller got it");
    expect("the visits are not what they should be", arrived == visits && departed == visits);
    expect("our own code got a stack that is not aligned", misaligned == 0);
    if (visits != 0) {
        expect("the place is another one", place == (uintptr_t)after_jump);
        expect("the object is another one", object == (const void *)(uintptr_t)given.general[4]);
        expect("the function got a stack that is not aligned", callee_stack % 16 == 8);
    }
}

int
main(void)
{
    const char *trampoline;
    struct stressor_extent all = {.base = (uintptr_t)callee & ~0xfffull,
                                  .start = (uintptr_t)callee & ~0xfffull,
                                  .end = ((uintptr_t)callee & ~0xfffull) + 0x10000};
    struct stressor_callsite site = {.end = (uintptr_t)after_jump - all.base,
                                     .target = (uintptr_t)callee - all.base};
    expect("no trampoline", stressor_make_trampolines(&all, &site, 1, &trampoline) == NULL);
    for (uint64_t i = 0; i < GENERAL; i++) {
        given.general[i] = 0x0101010101010101u * (i + 1);
    }
    for (uint64_t i = 0; i < VECTORS; i++) {
        given.vectors[i][0] = given.vectors[i][1] = 0x1010101010101010u + i;
    }
    thread.lane = &lane;
    for (odd = 0; odd <= 8; odd += 8) {
        stressor_self = NULL;
        *stressor_armed_near = 0;
        pass_once(trampoline, 0);
        *stressor_armed_near = 1;
        pass_once(trampoline, 0); /* a stranger */
        stressor_self = &thread;
        pass_once(trampoline, 1);
        thread.inside = true;
        pass_once(trampoline, 0);
        thread.inside = false;
        lane.call = -1;
        pass_once(trampoline, 0);
        lane.call = 0;
    }
    return 0;
}
