#include "collect/put_health.h"

#include "base/attr.h"
#include "collect/put.h"

static const struct {
    enum health_says bit;
    const char *name;
} says[] = {
    {HEALTH_BYTES, "bytes"}, {HEALTH_PACKETS, "packets"}, {HEALTH_INTERFACE, "interface"},
    {HEALTH_AS, "as"},       {HEALTH_MASK, "mask"},       {HEALTH_TCP_FLAGS, "tcp_flags"},
    {HEALTH_TIMES, "times"}, {HEALTH_UPTIMES, "uptimes"}, {HEALTH_ENTRY, "entry"},
    {HEALTH_EXIT, "exit"},
};

static void put_words(struct json *j, const char *key, unsigned bits)
{
    json_key(j, key);
    json_open(j, '[');
    for (size_t i = 0; i < COUNT_OF(says); i++)
        if (bits & says[i].bit)
            json_text(j, says[i].name);
    json_close(j, ']');
}

static void put_rates(struct json *j, unsigned bits)
{
    json_key(j, "rates_from");
    json_open(j, '[');
    for (uint8_t code = RATE_NONE; code <= RATE_DEFAULT; code++)
        if (bits >> code & 1)
            json_text(j, field_enum_name(FIELD_RATE_FROM, code));
    json_close(j, ']');
}

static void put_clock(struct json *j, const struct health *h)
{
    bool over = h->clock_spans > 0;

    put_time(j, "clock_ms", over ? h->clock_last_ms : h->clock_best_ms);
    put_number(j, "clock_spans", h->clock_spans);
    put_time(j, "clock_moved_ms", over ? h->clock_last_ms - h->clock_first_ms : 0);
    put_time(j, "clock_moved_in_ms", h->clock_last_at_ms - h->clock_first_at_ms);
}

static void put_times(struct json *j, const struct health *h)
{
    put_number(j, "timed", h->timed);
    put_time(j, "longest_ms", h->longest_ms);
    put_number(j, "over_minute", h->over_minute);
    put_number(j, "over_five_minutes", h->over_five);
    put_number(j, "over_day", h->over_day);
    put_number(j, "backward", h->backward);
    put_number(j, "ahead", h->ahead);
}

void put_health(struct json *j, const struct health *h)
{
    put_clock(j, h);
    put_time(j, "quiet_ms", h->quiet_ms);
    put_number(j, "silences", h->silences);
    put_time(j, "silence_ms", h->silence_ms);
    put_number(j, "looked", h->looked);
    put_number(j, "tcp", h->tcp);
    put_words(j, "sent", h->sent);
    put_words(j, "told", h->told);
    put_rates(j, h->rates);
    put_number(j, "header_mode", h->header >> 14);
    put_number(j, "header_interval", h->header & 0x3fff);
    put_number(j, "unknown_sampler", h->unknown_sampler);
    put_number(j, "sampler", h->sampler);
    put_times(j, h);
    put_number(j, "watched", h->watched);
    put_number(j, "doubles", h->doubles);
    put_number(j, "held", h->held);
    put_number(j, "released", h->released);
    put_number(j, "malformed", h->malformed);
    if (h->malformed > 0) {
        put_text(j, "malformed_why", count_table[h->malformed_why].name);
        put_number(j, "malformed_set", h->malformed_set);
        put_time(j, "malformed_ms", h->malformed_ms);
    }
}
