#define _GNU_SOURCE
#include "stressor/standstill.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stressor/clock.h"
#include "stressor/seats.h"
#include "stressor/turnstile.h"
#include "stressor/virtualtime.h"

/* When a thread that makes no visit loses the turn: asleep, which no modelled call is, at so many looks
 * in a row; or having computed for half a second of its own processor time (in ticks of 10 ms, on every
 * Linux), which may be a loop that waits for another thread. A busy machine makes nobody late. */
enum { LOOKS_ASLEEP = 4, COMPUTING_TICKS = 50 };

/* So often somebody outside has to be seen awake before real time decides: a thread of ours that is on
 * its way to the barrier is no stranger for long. */
enum { LOOKS_AWAKE = 8 };

/* Between two attempts at what may have been given back unseen, while others may do so. */
enum { RETRY_NS = 20000000 };

/* What the last look saw; the owner's alone. */
static uint64_t seen_count, seen_ticks;
static int32_t seen_holder = -1;
static int looks_asleep;

/* The thread that looks: it waits with a time-out, but only to look again. */
static int owner;

/* ---- /proc without allocating -------------------------------------------------------------------- */

/* Reads /proc/self/task/TID/NAME into text; false when there is no such thread (any more). */
static bool
read_task(int tid, const char *name, char *text, size_t size)
{
    char path[64] = "/proc/self/task/", digits[12];
    size_t at = strlen(path), count = 0;
    do {
        digits[count++] = (char)('0' + tid % 10);
        tid /= 10;
    } while (tid > 0);
    while (count > 0) {
        path[at++] = digits[--count];
    }
    path[at++] = '/';
    memcpy(path + at, name, strlen(name) + 1);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) {
        return false;
    }
    ssize_t length = read(file, text, size - 1);
    close(file);
    text[length > 0 ? length : 0] = '\0';
    return length > 0;
}

struct task {
    char state;     /* the letter of proc(5) */
    uint64_t ticks; /* of processor time */
};

/* The number after so many spaces, 0 where there is none. */
static uint64_t
number_after(const char *text, int spaces)
{
    for (; spaces > 0 && text != NULL; spaces--) {
        text = strchr(text + 1, ' ');
    }
    uint64_t number = 0;
    for (text = text != NULL ? text + 1 : ""; *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint64_t)(*text - '0');
    }
    return number;
}

/* False for a thread that is gone. */
static bool
look_at_task(int tid, struct task *task)
{
    char text[512];
    const char *name_end; /* the name before it may hold anything */
    if (!read_task(tid, "stat", text, sizeof(text)) || (name_end = strrchr(text, ')')) == NULL) {
        return false;
    }
    task->state = name_end[1] == ' ' ? name_end[2] : 0;
    task->ticks = number_after(name_end, 12) + number_after(name_end, 13); /* user's, system's */
    return true;
}

/* Whether only another thread can make this one go on: it waits on a futex without a time-out
 * (futex(2): the fourth argument), or is gone. */
static bool
sleeps_for_ever(int tid)
{
    char text[256];
    if (!read_task(tid, "syscall", text, sizeof(text))) {
        struct task task;
        return !look_at_task(tid, &task);
    }
    unsigned long number = 0;
    const char *at = text;
    if (*at < '0' || *at > '9') {
        return false; /* "running" */
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (unsigned long)(*at - '0');
    }
    for (int argument = 1; argument < 4 && at != NULL; argument++) {
        at = strstr(at + 1, " 0x"); /* it stands before the first argument */
    }
    return number == SYS_futex && at != NULL && strncmp(at, " 0x0 ", 5) == 0;
}

/* Whether `tid` waits in the turnstile: those are known, and not asked. */
static bool
is_parked(int tid)
{
    for (uint32_t i = 0; i < stressor_turns.parties; i++) {
        const struct stressor_seat *seat = &stressor_turns.seats[i];
        if (seat->tid == tid) {
            return seat->place == STRESSOR_WAITING || seat->place == STRESSOR_READY;
        }
    }
    return false;
}

struct entry { /* getdents64(2) */
    uint64_t inode;
    int64_t offset;
    unsigned short length;
    unsigned char type;
    char name[];
};

static int
number_of(const char *name)
{
    int number = 0;
    for (; *name >= '0' && *name <= '9'; name++) {
        number = number * 10 + (*name - '0');
    }
    return *name == '\0' ? number : 0;
}

/* Whether no thread outside the turnstile can do anything for one inside. */
static bool
all_sleep(void)
{
    _Alignas(8) char buffer[2048];
    int folder = open("/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder < 0) {
        return true; /* nothing can be known: the turnstile's own view has to be enough */
    }
    bool asleep = true;
    long length;
    while (asleep && (length = syscall(SYS_getdents64, folder, buffer, sizeof(buffer))) > 0) {
        for (long at = 0; asleep && at < length;) {
            const struct entry *entry = (const struct entry *)(buffer + at);
            int tid = number_of(entry->name);
            asleep = tid == 0 || tid == owner || is_parked(tid) || sleeps_for_ever(tid);
            at += entry->length;
        }
    }
    close(folder);
    return asleep;
}

/* Whether there are processes that may do something for us: a child that runs, or is to be waited
 * for. */
static bool
has_children(void)
{
    siginfo_t info;
    return waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 || errno != ECHILD;
}

/* ---- nobody has the turn: the lock is held and given back ------------------------------------------ */

static int
earliest(void)
{
    int next = -1;
    for (int i = 0; i < (int)stressor_turns.parties; i++) {
        const struct stressor_seat *seat = &stressor_turns.seats[i];
        if (seat->place == STRESSOR_WAITING && seat->deadline != STRESSOR_NEVER_NS &&
            (next < 0 || seat->deadline < stressor_turns.seats[next].deadline)) {
            next = i;
        }
    }
    return next;
}

static void
expire(int thread)
{
    struct stressor_seat *seat = &stressor_turns.seats[thread];
    stressor_time_reach(seat->deadline);
    seat->timed_out = true;
    stressor_turns_place(thread, STRESSOR_READY);
    stressor_turns_resume(STRESSOR_WHY_EXPIRED);
}

/* Lets all who wait for an object that can be tried have one more attempt: it may have been given
 * back by code whose calls we do not see. */
static bool
try_again(void)
{
    bool any = false;
    for (int i = 0; i < (int)stressor_turns.parties; i++) {
        const struct stressor_seat *seat = &stressor_turns.seats[i];
        if (seat->place == STRESSOR_WAITING && seat->tries) {
            stressor_turns_place(i, STRESSOR_READY);
            any = true;
        }
    }
    return any;
}

/* `alone`: nobody outside the turnstile can do anything for us. */
static void
settle(bool alone, uint64_t now)
{
    struct stressor_turns *turns = &stressor_turns;
    if (turns->idle_visits != turns->visits) {
        turns->idle_visits = turns->visits;
        turns->idle_since = now;
        turns->tried_at = 0;
        turns->looks = 0;
    }
    turns->looks++;
    if (turns->tried_at == 0 || (!alone && now - turns->tried_at >= RETRY_NS)) {
        turns->tried_at = now;
        if (try_again()) {
            stressor_turns_resume(STRESSOR_WHY_WOKEN);
            return;
        }
    }
    int next = earliest();
    if (next >= 0 && alone) {
        expire(next);
    } else if (next >= 0 && turns->looks >= LOOKS_AWAKE &&
               now - turns->idle_since + stressor_record->control.now >=
                   turns->seats[next].deadline) {
        stressor_record->control.revoked++; /* real time has decided, and may decide otherwise */
        expire(next);
    } else {
        if (next < 0 && alone) {
            __atomic_store_n(&stressor_record->control.deadlock, 1, __ATOMIC_RELEASE);
        }
        stressor_turns_release();
    }
}

static bool
is_idle(void)
{
    return stressor_turns.begun && stressor_turns.holder < 0 && stressor_turns.ready == 0 &&
           !stressor_record->control.deadlock;
}

static void
look_at_idleness(void)
{
    stressor_turns_acquire();
    bool idle = is_idle();
    uint64_t changes = stressor_turns.changes;
    stressor_turns_release();
    if (!idle) {
        return;
    }
    bool alone = all_sleep() && !has_children();
    stressor_turns_acquire();
    if (is_idle() && stressor_turns.changes == changes) {
        settle(alone, stressor_clock_ns(CLOCK_MONOTONIC));
    } else {
        stressor_turns_release();
    }
}

/* ---- somebody keeps it ---------------------------------------------------------------------------- */

static void
look_at_holder(void)
{
    stressor_turns_acquire();
    int holder = stressor_turns.holder;
    uint64_t count = stressor_record->control.count;
    int tid = holder >= 0 ? stressor_turns.seats[holder].tid : 0;
    stressor_turns_release();
    struct task task = {0};
    if (holder < 0 || !look_at_task(tid, &task)) {
        return;
    }
    if (holder != seen_holder || count != seen_count) {
        seen_holder = holder;
        seen_count = count;
        seen_ticks = task.ticks;
        looks_asleep = 0;
        return;
    }
    looks_asleep = task.state == 'S' ? looks_asleep + 1 : 0;
    if (looks_asleep < LOOKS_ASLEEP && task.ticks - seen_ticks < COMPUTING_TICKS) {
        return;
    }
    stressor_turns_acquire();
    if (stressor_turns.begun && stressor_turns.holder == holder &&
        stressor_record->control.count == count) {
        seen_holder = -1;
        stressor_turns_revoke();
    } else {
        stressor_turns_release();
    }
}

void
stressor_standstill_look(void)
{
    if (__atomic_load_n(&stressor_turns.holder, __ATOMIC_RELAXED) < 0) {
        look_at_idleness();
    } else {
        look_at_holder();
    }
}

void
stressor_standstill_open(void)
{
    owner = (int)syscall(SYS_gettid);
}
