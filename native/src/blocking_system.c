#define _GNU_SOURCE
#include "stressor/blocking.h"

#include <errno.h>
#include <linux/futex.h>
#include <poll.h>
#include <stdbool.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "stressor/turnstile.h"
#include "stressor/virtualtime.h"

/* ---- descriptors: what makes one ready may be outside, so only the real call can wait for it ------- */

/* As long as others can go on they go first; the last one left waits really. A loop that polls is so
 * no livelock, and another thread's write is seen. Tells whether to look once more. */
static bool
others_went(struct stressor_thread *self)
{
    if (!stressor_turn_others_ready(self)) {
        return false;
    }
    stressor_turn_yield(self);
    return true;
}

I
stressor_model_poll(P fds, Z n, I ms)
{
    struct stressor_thread *self = stressor_turn_self();
    int found = 0;
    while (self != NULL && ms != 0 && (found = poll(fds, (nfds_t)n, 0)) == 0 && others_went(self)) {
    }
    return found != 0 ? found : poll(fds, (nfds_t)n, ms);
}

I
stressor_model_select(I n, P r, P w, P e, P timeout)
{
    struct stressor_thread *self = stressor_turn_self();
    fd_set *sets[3] = {r, w, e}, asked[3];
    for (int i = 0; i < 3 && self != NULL; i++) {
        if (sets[i] != NULL) {
            asked[i] = *sets[i];
        }
    }
    int found = 0;
    bool again = self != NULL;
    while (again) {
        struct timeval none = {0, 0};
        found = select(n, r, w, e, &none);
        again = found == 0 && others_went(self);
        for (int i = 0; i < 3 && found == 0; i++) {
            if (sets[i] != NULL) {
                *sets[i] = asked[i];
            }
        }
    }
    return found != 0 ? found : select(n, r, w, e, timeout);
}

I
stressor_model_epoll_wait(I fd, P events, I n, I ms)
{
    struct stressor_thread *self = stressor_turn_self();
    int found = 0;
    while (self != NULL && ms != 0 && (found = epoll_wait(fd, events, n, 0)) == 0 &&
           others_went(self)) {
    }
    return found != 0 ? found : epoll_wait(fd, events, n, ms);
}

/* ---- futexes, which Rust's standard library calls directly ----------------------------------------- */

static uint64_t
futex_deadline(int operation, const struct timespec *limit)
{
    if (limit == NULL) {
        return STRESSOR_NEVER_NS;
    }
    if ((operation & FUTEX_CMD_MASK) == FUTEX_WAIT) {
        return stressor_time_after(limit);
    }
    clockid_t clock = operation & FUTEX_CLOCK_REALTIME ? CLOCK_REALTIME : CLOCK_MONOTONIC;
    return stressor_time_at(clock, limit);
}

static L
wait_on_futex(struct stressor_thread *self, const uint32_t *word, int operation, uint32_t expected,
              const struct timespec *limit)
{
    stressor_turn_enlist(self, word, futex_deadline(operation, limit), false);
    if (__atomic_load_n(word, __ATOMIC_SEQ_CST) != expected) {
        stressor_turn_delist(self);
        errno = EAGAIN;
        return -1;
    }
    if (stressor_turn_park(self)) {
        return 0;
    }
    errno = ETIMEDOUT;
    return -1;
}

L
stressor_model_syscall(L n, L a, L b, L c, L d, L e, L f)
{
    int command = n == SYS_futex ? (int)b & FUTEX_CMD_MASK : -1;
    bool waits = command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET;
    bool wakes = command == FUTEX_WAKE || command == FUTEX_WAKE_BITSET;
    struct stressor_thread *self = waits ? stressor_turn_self() : NULL;
    if (self != NULL) {
        return wait_on_futex(self, (const uint32_t *)(uintptr_t)a, (int)b, (uint32_t)c,
                             (const struct timespec *)(uintptr_t)d);
    }
    L result = syscall(n, a, b, c, d, e, f);
    if (wakes && stressor_controlled) {
        int saved = errno;
        stressor_turn_wake((const void *)(uintptr_t)a, (uint32_t)c);
        errno = saved;
    }
    return result;
}
