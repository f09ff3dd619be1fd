#include "probe/setup.h"

#include "probe/origin.h"

#include <stdlib.h>

enum {
    ENTRIES = 1 << 19,
    ACTIVE_S = 1800,
    IDLE_S = 15,
    CLOSED_S = 5, /* behind FIN or RST: what is still on its way belongs to the flow */
    UPDATE_S = 1800,
    TEMPLATE_S = 600,
    PORT = 9995,
    VERSION = 9,
    TTL = 255,
    MTU = 1500
};

const char *const setup_option_names[SETUP_OPTIONS] = {
    [SETUP_INTERFACE_TABLE] = "interface-table",     [SETUP_SAMPLER_TABLE] = "sampler-table",
    [SETUP_EXPORTER_STATS] = "exporter-stats",       [SETUP_VRF_TABLE] = "vrf-table",
    [SETUP_APPLICATION_TABLE] = "application-table",
};

void setup_free(struct setup *s)
{
    free(s->rib);
    free(s->records);
    free(s->exporters);
    free(s->samplers);
    free(s->monitors);
    free(s->places);
    free(s->aliases);
    *s = (struct setup){0};
}

struct setup_exporter setup_exporter_default(void)
{
    return (struct setup_exporter){
        .port = PORT, .version = VERSION, .ttl = TTL, .mtu = MTU, .template_s = TEMPLATE_S};
}

struct setup_monitor setup_monitor_default(void)
{
    return (struct setup_monitor){.record = SETUP_NONE,
                                  .type = CACHE_NORMAL,
                                  .entries = ENTRIES,
                                  .active_s = ACTIVE_S,
                                  .update_s = UPDATE_S,
                                  .idle_s = {[CACHE_GENERIC] = IDLE_S}};
}

void setup_monitor_fill(struct setup_monitor *m)
{
    uint32_t generic = m->idle_s[CACHE_GENERIC];

    for (int i = 0; i < CACHE_CLASSES; i++)
        if (m->idle_s[i] == 0)
            m->idle_s[i] = (i == CACHE_TCP_FIN || i == CACHE_TCP_RST) && generic > CLOSED_S
                               ? CLOSED_S
                               : generic;
}

bool setup_wants_bgp(const struct setup *s)
{
    for (size_t i = 0; i < s->n_records; i++)
        for (size_t k = 0; k < s->records[i].n; k++) {
            const struct origin *o = origin_find(&s->records[i].fields[k]);
            if (o && origin_is_bgp(o))
                return true;
        }
    return false;
}
