#include "stressor/hooks.h"

#include <Python.h>
#include <stdbool.h>

#include "stressor/gate.h"
#include "stressor/ledger.h"

static PyRefTracer earlier_tracer;
static void *earlier_data;
static bool tracing;

static int
on_reference(PyObject *object, PyRefTracerEvent event, void *data)
{
    (void)data;
    if (__atomic_load_n(&stressor_armed, __ATOMIC_RELAXED)) {
        bool destroyed = event == PyRefTracer_DESTROY;
        if (destroyed && stressor_ledger_on) {
            stressor_ledger_destroyed(object);
        }
        if (stressor_hooks_on) {
            PyTypeObject *type = Py_TYPE(object);
            stressor_visit_hook((uintptr_t)type, destroyed ? "destroy" : "create", type->tp_name,
                                object, destroyed ? STRESSOR_PHASE_BEFORE : STRESSOR_PHASE_AFTER);
        }
    }
    return earlier_tracer != NULL ? earlier_tracer(object, event, earlier_data) : 0;
}

/* One wrapped allocator. Written while no worker runs. */
struct domain {
    PyMemAllocatorDomain id;
    const char *name;
    bool wrapped;
    PyMemAllocatorEx real;
};

static struct domain domains[] = {
    {.id = PYMEM_DOMAIN_MEM, .name = "mem"},
    {.id = PYMEM_DOMAIN_OBJ, .name = "obj"},
};

static void
visit(struct domain *domain, const char *event, const void *block, enum stressor_phase phase)
{
    if (stressor_hooks_on && __atomic_load_n(&stressor_armed, __ATOMIC_RELAXED)) {
        stressor_visit_hook((uintptr_t)domain, event, domain->name, block, phase);
    }
}

static void *
wrap_malloc(void *context, size_t size)
{
    struct domain *domain = context;
    void *block = domain->real.malloc(domain->real.ctx, size);
    visit(domain, "allocate", block, STRESSOR_PHASE_AFTER);
    return block;
}

static void *
wrap_calloc(void *context, size_t count, size_t size)
{
    struct domain *domain = context;
    void *block = domain->real.calloc(domain->real.ctx, count, size);
    visit(domain, "allocate", block, STRESSOR_PHASE_AFTER);
    return block;
}

static void *
wrap_realloc(void *context, void *block, size_t size)
{
    struct domain *domain = context;
    visit(domain, "release", block, STRESSOR_PHASE_BEFORE);
    block = domain->real.realloc(domain->real.ctx, block, size);
    visit(domain, "allocate", block, STRESSOR_PHASE_AFTER);
    return block;
}

static void
wrap_free(void *context, void *block)
{
    struct domain *domain = context;
    visit(domain, "release", block, STRESSOR_PHASE_BEFORE);
    domain->real.free(domain->real.ctx, block);
}

static void
wrap_domain(struct domain *domain)
{
    if (!domain->wrapped) {
        PyMem_GetAllocator(domain->id, &domain->real);
        PyMemAllocatorEx ours = {domain, wrap_malloc, wrap_calloc, wrap_realloc, wrap_free};
        PyMem_SetAllocator(domain->id, &ours);
        domain->wrapped = true;
    }
}

static void
unwrap_domain(struct domain *domain)
{
    if (domain->wrapped) {
        PyMem_SetAllocator(domain->id, &domain->real);
        domain->wrapped = false;
    }
}

/* Called for each object with the world stopped; once is enough. */
static int
set_allocators(PyObject *object, void *change)
{
    (void)object;
    for (size_t i = 0; i < sizeof(domains) / sizeof(domains[0]); i++) {
        (*(void (**)(struct domain *))change)(&domains[i]);
    }
    return 0;
}

int
stressor_hooks_install(int tracer, int allocators)
{
    if (tracer && !tracing) {
        earlier_tracer = PyRefTracer_GetTracer(&earlier_data);
        if (PyRefTracer_SetTracer(on_reference, NULL) < 0) {
            return -1;
        }
        tracing = true;
    }
    if (allocators && !domains[0].wrapped) {
        void (*change)(struct domain *) = wrap_domain;
        PyUnstable_GC_VisitObjects(set_allocators, (void *)&change);
    }
    return 0;
}

void
stressor_hooks_remove(void)
{
    void (*change)(struct domain *) = unwrap_domain;
    if (domains[0].wrapped) { /* or else nobody has to stop */
        PyUnstable_GC_VisitObjects(set_allocators, (void *)&change);
    }
}
