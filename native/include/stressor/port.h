/* The port: what the probes of `native/probes` get from the shim, through a capsule.
 *
 * A probe drives a real mechanism and writes down what it sees. Each note is also a site, so that
 * threads may be delayed, or lose their turn, between two notes; and a probe may listen to the
 * visits of all other sites. Nothing else uses this.
 */
#ifndef STRESSOR_PORT_H
#define STRESSOR_PORT_H

#include <stdint.h>

#define STRESSOR_PORT "stressor._shim._port"
#define STRESSOR_PORT_VERSION 1u

/* What is called at each side of a visit, below the site: it must not block, allocate or call Python.
 * `site` is the symbol's name (static), `after` 0 or 1. Calling worker, inside the gate. */
typedef void stressor_listener(const char *site, int after, const void *object);

struct stressor_port {
    uint32_t version;
    /* A visit of the site `op:note:WHAT`; `what` is a literal, told apart by its address. Any thread;
     * one that is no worker passes freely. */
    void (*visit)(const char *what);
    /* NULL stops it. Owner of the child, no worker running. */
    void (*listen)(stressor_listener *listener);
};

#endif
