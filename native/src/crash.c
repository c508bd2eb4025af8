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

/* The thread that writes the record; 0: nobody yet. */
static pid_t writer;
static pid_t owner;
static sigjmp_buf unwinding_failed;
static volatile sig_atomic_t unwinding;
static volatile sig_atomic_t chained; /* the previous handler was called: a crash now is its own */

/* Where a thread was interrupted. */
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
    return (struct place){context->uc_mcontext.pc, context->uc_mcontext.sp};
#endif
}

static void
pretend_at(ucontext_t *context, struct place place)
{
#if defined(__x86_64__)
    context->uc_mcontext.gregs[REG_RIP] = (greg_t)place.pc;
    context->uc_mcontext.gregs[REG_RSP] = (greg_t)place.stack;
#else
    context->uc_mcontext.pc = place.pc;
    context->uc_mcontext.sp = place.stack;
#endif
}

/* The place that a call to `place` would have returned to. Faults on a damaged stack. */
static struct place
caller_of(const ucontext_t *context, struct place place)
{
#if defined(__x86_64__)
    (void)context;
    return (struct place){*(const uint64_t *)place.stack, place.stack + 8};
#else
    return (struct place){context->uc_mcontext.regs[30], place.stack};
#endif
}

/* How many frames there are; they were zero before. */
static uint32_t
count_frames(const struct stressor_crash *crash)
{
    uint32_t count = 1;
    while (count < STRESSOR_MAX_FRAMES && crash->frames[count] != 0) {
        count++;
    }
    return count;
}

/* Fills the frames in, from the second on when the first is no code: a call through a null or wild
 * pointer leaves nothing to unwind from, but its caller is known, and the unwinder reads the
 * interrupted registers out of `context`. Each step may fault; then the next one is tried. */
static void
write_frames(struct stressor_crash *crash, ucontext_t *context)
{
    static volatile sig_atomic_t faults; /* survives the jump */
    struct place place = interrupted_at(context);
    unwinding = 1;
    if (sigsetjmp(unwinding_failed, 1) != 0) {
        faults++;
    }
    if (faults == 0) {
        (void)stressor_unwind(crash->frames, STRESSOR_MAX_FRAMES, place.pc);
    }
    if (faults <= 1 && count_frames(crash) < 2) {
        faults = 1;
        struct place caller = caller_of(context, place);
        crash->frames[0] = place.pc;
        crash->frames[1] = caller.pc;
        pretend_at(context, caller);
        (void)stressor_unwind(crash->frames + 1, STRESSOR_MAX_FRAMES - 1, caller.pc);
    }
    pretend_at(context, place);
    unwinding = 0;
    __atomic_store_n(&crash->frame_count, count_frames(crash), __ATOMIC_RELEASE);
}

static void
write_record(int signal, const siginfo_t *info, ucontext_t *context)
{
    struct stressor_crash *crash = &stressor_record->crash;
    struct stressor_thread *self = stressor_self;
    crash->thread = self != NULL ? self->id : -1;
    /* A signal that was sent has no address. */
    crash->address = info->si_code > 0 ? (uint64_t)(uintptr_t)info->si_addr : 0;
    crash->frames[0] = interrupted_at(context).pc;
    crash->frame_count = 1;
    __atomic_store_n(&crash->signal, (uint32_t)signal, __ATOMIC_RELEASE);
    write_frames(crash, context);
}

/* The disk that holds the record is full or the file was cut: our fault and not the target's. */
static void
end_without_record(void)
{
    static const char text[] = "stressor: the record cannot be written: its disk is full, or "
                               "somebody cut the file. Free some space and try again.\n";
    (void)!write(STDERR_FILENO, text, sizeof(text) - 1);
    _exit(70); /* EX_SOFTWARE, as all of stressor's own faults */
}

static bool
is_in_record(const void *address)
{
    uintptr_t start = (uintptr_t)stressor_record;
    return (uintptr_t)address - start < sizeof(*stressor_record);
}

/* The place of a signal among ours, or -1. */
static int
index_of(int signal)
{
    for (int i = 0; i < SIGNALS; i++) {
        if (signals[i] == signal) {
            return i;
        }
    }
    return -1;
}

int
stressor_crash_sigaction(int signal, const struct sigaction *action, struct sigaction *old)
{
    int i = owner != 0 ? index_of(signal) : -1;
    if (i < 0) {
        return sigaction(signal, action, old);
    }
    struct sigaction held = previous[i];
    if (action != NULL) {
        previous[i] = *action;
    }
    if (old != NULL) {
        *old = held;
    }
    return 0;
}

static void
call_previous(int signal, siginfo_t *info, void *context)
{
    const struct sigaction *old = &previous[index_of(signal)];
    if (old->sa_flags & SA_SIGINFO) {
        old->sa_sigaction(signal, info, context);
    } else if (old->sa_handler != SIG_DFL && old->sa_handler != SIG_IGN) {
        old->sa_handler(signal);
    }
}

/* Only the process that installed the handlers has a record of its own. The first thread writes it
 * and goes on, the others stay here until it has ended the process. */
static void
witness(int signal, const siginfo_t *info, ucontext_t *context)
{
    pid_t me = gettid(), nobody = 0;
    if (__atomic_compare_exchange_n(&writer, &nobody, me, false, __ATOMIC_ACQ_REL,
                                    __ATOMIC_ACQUIRE)) {
        if (stressor_self != NULL) {
            stressor_self->inside = true; /* handlers below may call through our slots */
        }
        write_record(signal, info, context);
        return;
    }
    while (nobody != me) {
        (void)pause();
    }
    if (unwinding) {
        siglongjmp(unwinding_failed, 1);
    }
}

static void
on_crash(int signal, siginfo_t *info, void *context)
{
    if (signal == SIGBUS && is_in_record(info->si_addr)) {
        end_without_record();
    }
    bool ours = getpid() == owner, again = ours && chained;
    if (ours) {
        witness(signal, info, context);
        chained = 1;
    }
    if (!again) { /* else it was the previous handler that crashed */
        call_previous(signal, info, context);
    }
    struct sigaction plain = {.sa_handler = SIG_DFL};
    (void)sigaction(signal, &plain, NULL);
    (void)raise(signal);
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
