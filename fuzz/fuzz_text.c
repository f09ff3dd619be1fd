/* Numbers, durations, times and addresses as users write them: what prints must read back. */
#include "base/addr.h"
#include "base/text.h"
#include "fuzz.h"

#include <assert.h>
#include <string.h>

static void times(const char *s, size_t n)
{
    char printed[TEXT_TIME];
    uint64_t count;
    int64_t ms;
    int64_t again;

    if (text_count(s, n, 1000000, &count, NULL) == 0)
        assert(count <= 1000000);
    if (text_duration(s, n, &ms, NULL) == 0)
        assert(ms >= 0);
    if (text_time(s, n, 0, &ms, NULL) == 0 && ms >= 0 && ms < INT64_C(253402300800000)) {
        size_t len = text_print_time(ms, printed);
        assert(text_time(printed, len, 0, &again, NULL) == 0 && again == ms);
    }
}

static void addresses(const char *s)
{
    char printed[ADDR_PORT_TEXT];
    struct addr a = {{0}};
    struct addr again = {{0}};
    struct prefix p;
    uint16_t port;

    if (addr_parse(s, &a, NULL) == 0) {
        (void)addr_print(&a, printed);
        assert(addr_parse(printed, &again, NULL) == 0 && addr_eq(&a, &again));
    }
    if (prefix_parse(s, &p, NULL) == 0)
        assert(prefix_has(&p, &p.addr));
    if (addr_port_parse(s, &a, &port, NULL) == 0) {
        (void)addr_port_print(&a, port, printed);
        assert(addr_port_parse(printed, &again, &port, NULL) == 0 && addr_eq(&a, &again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char text[128];

    if (size >= sizeof text)
        return 0;
    memcpy(text, data, size);
    text[size] = '\0';
    times(text, size);
    addresses(text);
    return 0;
}
