#define _GNU_SOURCE
#include "stressor/standstill.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stressor/seats.h"
#include "stressor/turnstile.h"

/* How long a thread may keep the turn without a visit: asleep, which no modelled call is, and
 * computing, which may be a loop that waits for another thread. */
enum { ASLEEP_NS = 20000000, COMPUTING_NS = 500000000 };

/* The turn since when it has been the same: under the turnstile's lock. */
static uint64_t seen_count, seen_at;
static int32_t seen_holder = -1;

/* The thread that looks: it waits with a time-out, but only to look again. */
static int owner;

/* The real clock: ours is never rewritten. */
static uint64_t
now_ns(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

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

/* The letter of proc(5); 0 for a thread that is gone. The name in parentheses may hold anything. */
static char
state_of(int tid)
{
    char text[256];
    if (!read_task(tid, "stat", text, sizeof(text))) {
        return 0;
    }
    const char *end = strrchr(text, ')');
    return end != NULL && end[1] == ' ' ? end[2] : 0;
}

/* Whether only another thread can make this one go on: it waits on a futex without a time-out
 * (futex(2): the fourth argument), or is gone. */
static bool
sleeps_for_ever(int tid)
{
    char text[256];
    if (!read_task(tid, "syscall", text, sizeof(text))) {
        return state_of(tid) == 0;
    }
    unsigned long number = 0;
    const char *at = text;
    if (*at < '0' || *at > '9') {
        return false; /* "running" */
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        number = number * 10 + (unsigned long)(*at - '0');
    }
    for (int argument = 0; argument < 4 && at != NULL; argument++) {
        at = strstr(at + 1, " 0x");
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

/* ---- nobody has the turn -------------------------------------------------------------------------- */

/* The lock is held and given back. */
static void
expire_next(void)
{
    int next = -1;
    for (int i = 0; i < (int)stressor_turns.parties; i++) {
        const struct stressor_seat *seat = &stressor_turns.seats[i];
        if (seat->place == STRESSOR_WAITING && seat->deadline != STRESSOR_NEVER_NS &&
            (next < 0 || seat->deadline < stressor_turns.seats[next].deadline)) {
            next = i;
        }
    }
    if (next < 0) {
        __atomic_store_n(&stressor_record->control.deadlock, 1, __ATOMIC_RELEASE);
        stressor_turns_release();
        return;
    }
    struct stressor_seat *seat = &stressor_turns.seats[next];
    uint64_t *now = &stressor_record->control.now;
    *now = seat->deadline > *now ? seat->deadline : *now;
    seat->timed_out = true;
    stressor_turns_place(next, STRESSOR_READY);
    stressor_turns_resume(STRESSOR_WHY_EXPIRED);
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
    if (!idle || !all_sleep()) {
        return;
    }
    stressor_turns_acquire();
    if (is_idle() && stressor_turns.changes == changes) {
        expire_next();
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
    uint64_t now = now_ns(), count = stressor_record->control.count;
    if (holder < 0 || holder != seen_holder || count != seen_count) {
        seen_holder = holder;
        seen_count = count;
        seen_at = now;
        stressor_turns_release();
        return;
    }
    int tid = stressor_turns.seats[holder].tid;
    uint64_t quiet = now - seen_at;
    stressor_turns_release();
    if (quiet < ASLEEP_NS || (quiet < COMPUTING_NS && state_of(tid) != 'S')) {
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
