#define _GNU_SOURCE
#include "stressor/crash.h"

#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "stressor/gate.h"
#include "stressor/unwind.h"

static const int signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
enum { SIGNALS = sizeof(signals) / sizeof(signals[0]), STACK_BYTES = 1 << 16 };

static struct sigaction previous[SIGNALS];
static void *stacks[STRESSOR_MAX_THREADS + 1];

/* The thread that writes the record; 0: nobody yet. Only the process that installed the handlers has
 * a record of its own: what the target forks off shares the mapping and must not write it. */
static pid_t writer;
static pid_t owner;
static sigjmp_buf unwinding_failed;
static volatile sig_atomic_t unwinding;

struct place {
    uint64_t pc;
    uint64_t stack;
};

static struct place
interrupted_at(const ucontext_t *context)
{
#if defined(__x86_64__)
    return (struct place){(uint64_t)context->uc_mcontext.gregs[REG_RIP],
                          (uint64_t)context->uc_mcontext.gregs[REG_RSP]};
#else
    return (struct place){context->uc_mcontext.pc, context->uc_mcontext.regs[30]};
#endif
}

/* A call through a null or wild pointer leaves nothing to unwind from; the return address still
 * tells who called. */
static uint64_t
caller_of_wild_jump(struct place place)
{
#if defined(__x86_64__)
    return *(const uint64_t *)place.stack;
#else
    return place.stack;
#endif
}

static void
write_record(int signal, const siginfo_t *info, const ucontext_t *context)
{
    struct stressor_crash *crash = &stressor_record->crash;
    struct stressor_thread *self = stressor_self;
    struct place place = interrupted_at(context);
    crash->thread = self != NULL ? self->id : -1;
    crash->address = signal == SIGABRT ? 0 : (uint64_t)(uintptr_t)info->si_addr;
    crash->frames[0] = place.pc;
    crash->frame_count = 1;
    __atomic_store_n(&crash->signal, (uint32_t)signal, __ATOMIC_RELEASE);
    unwinding = 1;
    if (sigsetjmp(unwinding_failed, 1) == 0) {
        uint32_t count = stressor_unwind(crash->frames, STRESSOR_MAX_FRAMES, place.pc);
        if (count < 2) {
            crash->frames[0] = place.pc;
            crash->frames[1] = caller_of_wild_jump(place);
            uint64_t *rest = crash->frames + 1;
            uint32_t more = stressor_unwind(rest, STRESSOR_MAX_FRAMES - 1, crash->frames[1]);
            count = more > 0 ? more + 1 : 2;
        }
        crash->frame_count = count;
    }
    unwinding = 0;
}

static void
call_previous(int signal, siginfo_t *info, void *context)
{
    for (int i = 0; i < SIGNALS; i++) {
        if (signals[i] != signal) {
            continue;
        }
        const struct sigaction *old = &previous[i];
        if (old->sa_flags & SA_SIGINFO) {
            old->sa_sigaction(signal, info, context);
        } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
            old->sa_handler(signal);
        }
        struct sigaction plain = {.sa_handler = SIG_DFL};
        (void)sigaction(signal, &plain, NULL);
        (void)raise(signal);
    }
}

static void
on_crash(int signal, siginfo_t *info, void *context)
{
    pid_t me = gettid(), nobody = 0;
    if (getpid() != owner) {
        call_previous(signal, info, context);
        return;
    }
    if (!__atomic_compare_exchange_n(&writer, &nobody, me, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        if (nobody != me) {
            for (;;) {
                (void)pause(); /* the first one ends the process */
            }
        }
        if (unwinding) {
            siglongjmp(unwinding_failed, 1);
        }
    } else {
        if (stressor_self != NULL) {
            stressor_self->inside = true; /* handlers below may call through our slots */
        }
        write_record(signal, info, context);
    }
    call_previous(signal, info, context);
}

int
stressor_crash_stack(unsigned slot)
{
    if (slot > STRESSOR_MAX_THREADS) {
        return EINVAL;
    }
    if (stacks[slot] == NULL) {
        void *memory = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0);
        if (memory == MAP_FAILED) {
            return errno;
        }
        stacks[slot] = memory;
    }
    stack_t stack = {.ss_sp = stacks[slot], .ss_size = STACK_BYTES};
    return sigaltstack(&stack, NULL) == 0 ? 0 : errno;
}

int
stressor_crash_install(void)
{
    stressor_unwind_prepare();
    writer = 0;
    owner = getpid();
    struct sigaction action = {.sa_sigaction = on_crash,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    sigemptyset(&action.sa_mask);
    for (int i = 0; i < SIGNALS; i++) {
        struct sigaction old;
        if (sigaction(signals[i], &action, &old) != 0) {
            return errno;
        }
        if (!(old.sa_flags & SA_SIGINFO) || old.sa_sigaction != on_crash) {
            previous[i] = old;
        }
    }
    return stressor_crash_stack(STRESSOR_MAX_THREADS);
}
