/* One wrapper per catalogued symbol, made from sites.def.
 *
 * A disarmed wrapper is one load, one branch and a jump. `RETURN_ADDRESS` is the place in the
 * extension that made the call and, with the symbol, the identity of the site; it is only right
 * because wrappers are never inlined into one another. */
#include <stdint.h>
#include <sys/syscall.h>

#include "stressor/abi.h"
#include "stressor/blocking.h"
#include "stressor/gate.h"
#include "stressor/monitors.h"
#include "stressor/turnstile.h"

#define RETURN_ADDRESS() ((uintptr_t)__builtin_return_address(0))

enum symbol {
#define CALL(name, ...) SYM_##name,
#define CALL_VOID(name, ...) SYM_##name,
#define BORROW(name, ...) SYM_##name,
#define SPECIAL(name, ...) SYM_##name,
#define BLOCK(name, ...) SYM_##name,
#define BEGIN_SECTION(name, ...) SYM_##name,
#define END_SECTION(name, ...) SYM_##name,
#include "sites.def"
#undef CALL
#undef CALL_VOID
#undef BORROW
#undef SPECIAL
#undef BLOCK
#undef BEGIN_SECTION
#undef END_SECTION
#define REDIRECT(name, ...) INNER_##name, /* some are in both lists */
#include "runtime.def"
#undef REDIRECT
    SYM_COUNT
};

#define REAL(name, type) ((type)stressor_symbols[SYM_##name].real)
#define ARMED() STRESSOR_UNLIKELY(__atomic_load_n(&stressor_armed, __ATOMIC_RELAXED))

/* `made` is the call between the two sides. */
#define WRAPPER(name, result_type, params, args, object, made)                                     \
    static result_type wrap_##name params                                                          \
    {                                                                                              \
        typedef result_type(*real_type) params;                                                    \
        if (!ARMED()) {                                                                            \
            return REAL(name, real_type) args;                                                     \
        }                                                                                          \
        struct stressor_pass pass;                                                                 \
        stressor_arrive(&pass, SYM_##name, RETURN_ADDRESS(), (const void *)(uintptr_t)(object));   \
        result_type result = made;                                                                 \
        stressor_depart(&pass);                                                                    \
        return result;                                                                             \
    }

#define CALL(name, category, phases, detach, result_type, params, args, object)                    \
    WRAPPER(name, result_type, params, args, object, REAL(name, real_type) args)

/* `looked` is done between the BEFORE side and the call. */
#define WRAPPER_VOID(name, params, args, object, looked)                                           \
    static void wrap_##name params                                                                 \
    {                                                                                              \
        typedef void(*real_type) params;                                                           \
        if (!ARMED()) {                                                                            \
            REAL(name, real_type) args;                                                            \
            return;                                                                                \
        }                                                                                          \
        struct stressor_pass pass;                                                                 \
        stressor_arrive(&pass, SYM_##name, RETURN_ADDRESS(), (const void *)(uintptr_t)(object));   \
        looked;                                                                                    \
        REAL(name, real_type) args;                                                                \
        stressor_depart(&pass);                                                                    \
    }

#define CALL_VOID(name, category, phases, detach, params, args, object)                            \
    WRAPPER_VOID(name, params, args, object, (void)0)

#define BEGIN_SECTION(name, params, args, object)                                                  \
    WRAPPER_VOID(name, params, args, object, stressor_monitors_begin_section(&pass, c))

#define END_SECTION(name, params, args, object)                                                    \
    WRAPPER_VOID(name, params, args, object, stressor_monitors_end_section(&pass, c))

#define BORROW(name, params, args, object)                                                         \
    static P wrap_##name params                                                                    \
    {                                                                                              \
        typedef P(*real_type) params;                                                              \
        if (!ARMED()) {                                                                            \
            return REAL(name, real_type) args;                                                     \
        }                                                                                          \
        struct stressor_pass pass;                                                                 \
        stressor_arrive(&pass, SYM_##name, RETURN_ADDRESS(), (const void *)(uintptr_t)(object));   \
        return stressor_depart_borrowing(&pass, REAL(name, real_type) args);                       \
    }

#define BLOCK(name, phases, result_type, params, args, object)                                     \
    WRAPPER(name, result_type, params, args, object,                                               \
            stressor_controlled ? stressor_model_##name args : REAL(name, real_type) args)

#define SPECIAL(name, category, phases, detach)

#include "sites.def"

static I
wrap_PyDict_Next(P a, Z *position, P *key, P *value)
{
    typedef I (*real_type)(P, Z *, P *, P *);
    if (!ARMED()) {
        return REAL(PyDict_Next, real_type)(a, position, key, value);
    }
    struct stressor_pass pass;
    stressor_arrive(&pass, SYM_PyDict_Next, RETURN_ADDRESS(), a);
    P none_key = NULL, none_value = NULL;
    P *keys = key != NULL ? key : &none_key, *values = value != NULL ? value : &none_value;
    I found = REAL(PyDict_Next, real_type)(a, position, keys, values);
    if (found) {
        stressor_depart_borrowing_two(&pass, keys, values);
    } else {
        stressor_depart(&pass);
    }
    return found;
}

#undef CALL
#undef CALL_VOID
#undef BORROW
#undef BLOCK
#undef BEGIN_SECTION
#undef END_SECTION
#undef SPECIAL

#define ENTRY(id, kind_, category_, phases_, detach_, borrows_)                                    \
    [SYM_##id] = {.name = #id,                                                                     \
                  .kind = kind_,                                                                   \
                  .category = STRESSOR_##category_,                                                \
                  .phases = STRESSOR_##phases_,                                                    \
                  .detach = STRESSOR_##detach_,                                                    \
                  .borrows = borrows_,                                                             \
                  .wrapper = (void *)wrap_##id},
#define CALL(name, category, phases, detach, ...)                                                  \
    ENTRY(name, STRESSOR_CALL, category, phases, detach, 0)
#define CALL_VOID(name, category, phases, detach, ...)                                             \
    ENTRY(name, STRESSOR_CALL, category, phases, detach, 0)
#define BEGIN_SECTION(name, ...) ENTRY(name, STRESSOR_CALL, CRITICAL_SECTION, BOTH, NEVER, 0)
#define END_SECTION(name, ...) ENTRY(name, STRESSOR_CALL, CRITICAL_SECTION, BOTH, NEVER, 0)
#define BORROW(name, ...) ENTRY(name, STRESSOR_CALL, BORROWED_REF, BOTH, NEVER, 1)
#define SPECIAL(name, category, phases, detach)                                                    \
    ENTRY(name, STRESSOR_CALL, category, phases, detach, 1)
#define BLOCK(name, phases, ...) ENTRY(name, STRESSOR_BLOCK, CATEGORY_BLOCK, phases, NEVER, 0)

#define REDIRECT(id, category_, phases_, turns, first_)                                            \
    [INNER_##id] = {.name = #id,                                                                   \
                    .kind = STRESSOR_REDIRECT,                                                     \
                    .category = STRESSOR_##category_,                                              \
                    .phases = STRESSOR_##phases_,                                                  \
                    .detach = STRESSOR_NEVER,                                                      \
                    .brief = STRESSOR_BOTH & ~STRESSOR_##turns,                                    \
                    .first = first_},

struct stressor_symbol stressor_symbols[] = {
#include "sites.def"
#include "runtime.def"
};
const size_t stressor_symbol_count = SYM_COUNT;
const uint32_t stressor_yield_symbol = SYM_sched_yield;
_Static_assert((int)SYM_COUNT <= (int)STRESSOR_MAX_SYMBOLS, "tables have room for the catalogue");
