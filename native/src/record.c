#define _GNU_SOURCE
#include "stressor/record.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Zero pages: costs nothing until it is written, and no site has to ask whether a record is open.
 */
static struct stressor_record private_record;
struct stressor_record *stressor_record = &private_record;

static void
stamp(struct stressor_record *record)
{
    record->magic = STRESSOR_RECORD_MAGIC;
    record->version = STRESSOR_RECORD_VERSION;
    record->size_low = (uint32_t)sizeof(struct stressor_record);
}

/* What outlives a trial: the modules, and that there were too many of them or of their slots. */
enum { LASTING = STRESSOR_FULL_MODULES | STRESSOR_FULL_SLOTS };

static void
copy_modules(struct stressor_record *to, const struct stressor_record *from)
{
    to->module_count = from->module_count;
    to->overflow = from->overflow & LASTING;
    memcpy(to->modules, from->modules, from->module_count * sizeof(to->modules[0]));
}

int
stressor_record_open(const char *path)
{
    int file = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) {
        return errno;
    }
    struct stressor_record *mapped = MAP_FAILED;
    if (ftruncate(file, sizeof(struct stressor_record)) == 0) {
        mapped =
            mmap(NULL, sizeof(struct stressor_record), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    }
    int error = errno;
    close(file);
    if (mapped == MAP_FAILED) {
        return error;
    }
    copy_modules(mapped, stressor_record);
    stamp(mapped);
    stressor_record = mapped;
    return 0;
}

void
stressor_record_abandon(void)
{
    if (stressor_record != &private_record) {
        copy_modules(&private_record, stressor_record);
        stressor_record = &private_record;
    }
}

static void
clear_lane(struct stressor_lane *lane, uint32_t sites)
{
    lane->written = 0;
    lane->call = -1;
    lane->finished = 0;
    memset(lane->before, 0, sites * sizeof(lane->before[0]));
    memset(lane->after, 0, sites * sizeof(lane->after[0]));
}

void
stressor_record_reset(void)
{
    struct stressor_record *record = stressor_record;
    for (uint32_t i = 0; i < record->threads; i++) {
        record->lanes[i].progress = 0;
        clear_lane(&record->lanes[i], record->site_count);
    }
    memset(record->sites, 0, record->site_count * sizeof(record->sites[0]));
    memset(record->losses, 0, sizeof(record->losses));
    memset(record->breaches, 0, sizeof(record->breaches));
    memset(&record->crash, 0, sizeof(record->crash));
    record->threads = record->round = record->armed = 0;
    record->site_count = record->loss_count = record->breach_count = 0;
    record->overflow &= LASTING;
    record->strangers = 0;
    stamp(record);
}

void
stressor_record_next_round(uint32_t round)
{
    struct stressor_record *record = stressor_record;
    uint32_t sites = record->site_count;
    for (uint32_t i = 0; i < record->threads; i++) {
        struct stressor_lane *lane = &record->lanes[i];
        for (uint32_t site = 0; site < sites; site++) {
            uint32_t before = lane->before[site], after = lane->after[site];
            record->sites[site].total += before > after ? before : after;
        }
        clear_lane(lane, sites);
    }
    record->round = round;
}
