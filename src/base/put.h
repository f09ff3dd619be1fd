/* put: members of JSON objects. */
#ifndef BASE_PUT_H
#define BASE_PUT_H

#include "base/addr.h"
#include "base/json.h"

static inline void put_number(struct json *j, const char *key, uint64_t n)
{
    json_key(j, key);
    json_u64(j, n);
}

static inline void put_time(struct json *j, const char *key, int64_t ms)
{
    json_key(j, key);
    json_i64(j, ms);
}

static inline void put_text(struct json *j, const char *key, const char *text)
{
    json_key(j, key);
    json_text(j, text);
}

static inline void put_address(struct json *j, const char *key, const struct addr *a, uint16_t port)
{
    char text[ADDR_PORT_TEXT];

    (void)addr_port_print(a, port, text);
    put_text(j, key, text);
}

#endif
