#include "relay/samplicate.h"

#include "base/conf.h"
#include "base/file.h"
#include "base/mem.h"
#include "base/text.h"
#include "net/sock.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PORT = 2000, TTL = 64, TTL_MAX = 255, HOST = 256, WORD = 320 };

void relay_setup_free(struct relay_setup *s)
{
    free(s->receivers);
    free(s->rules);
    *s = (struct relay_setup){.port = 0};
}

int samplicate_host(const struct samplicate_reader *r, const char *text, struct addr *out,
                    struct err *err)
{
    static const int families[] = {AF_UNSPEC, AF_INET, AF_INET6};
    const struct addrinfo hints = {.ai_family = families[r->family], .ai_socktype = SOCK_DGRAM};
    struct sockaddr_storage ss = {0};
    struct addrinfo *found;
    uint16_t port;

    if (addr_parse(text, out, NULL) == 0) {
        if (r->family == SAMPLICATE_ANY || addr_is_v4(out) == (r->family == SAMPLICATE_V4))
            return 0;
        return err_set(err, ERR_CONFIG, "\"%.100s\" is of another version of IP than -4 or -6 says",
                       text);
    }
    if (r->looks) {
        *out = addr_of_v4((const uint8_t[4]){0});
        return 0;
    }
    int bad = getaddrinfo(text, NULL, &hints, &found);
    if (bad)
        return err_set(err, ERR_CONFIG, "\"%.100s\": %s", text, gai_strerror(bad));
    memcpy(&ss, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    sock_addr(&ss, out, &port);
    return 0;
}

int samplicate_port(const char *text, uint16_t *out, struct err *err)
{
    const struct servent *s;
    uint64_t n;

    if (text_count(text, strlen(text), UINT16_MAX, &n, NULL) == 0 && n > 0) {
        *out = (uint16_t)n;
        return 0;
    }
    s = getservbyname(text, "udp");
    if (!s)
        return err_set(err, ERR_CONFIG,
                       "expected a port, 1 to 65535, or the name of a service, found \"%.60s\"",
                       text);
    *out = be16toh((uint16_t)s->s_port);
    return 0;
}

/* --- receivers --- */

/* "host", "1.2.3.4", "[::1]", up to '/' or the end; *rest is behind it. */
static int cut_host(const char *text, char host[static HOST], const char **rest, struct err *err)
{
    const char *begin = text;
    size_t n = strcspn(text, "/");

    if (*text == '[') {
        begin = text + 1;
        n = strcspn(begin, "]");
        if (begin[n] != ']' || (begin[n + 1] != '\0' && begin[n + 1] != '/'))
            return err_set(err, ERR_CONFIG, "expected [ADDRESS] and /PORT, found \"%.60s\"", text);
    }
    if (n == 0 || n >= HOST)
        return err_set(err, ERR_CONFIG, "expected a host, found \"%.60s\"", text);
    memcpy(host, begin, n);
    host[n] = '\0';
    *rest = begin + n + (*text == '[');
    return 0;
}

/* "7000", "snmp-trap", "7000-7010", "7000+10", "": from, and how many. */
static int read_ports(const char *text, uint16_t *from, uint32_t *count, struct err *err)
{
    size_t n = strcspn(text, "+-");
    char first[WORD];
    uint64_t last;

    *from = PORT;
    *count = 1;
    if (*text == '\0')
        return 0;
    (void)snprintf(first, sizeof first, "%.*s", (int)n, text);
    if (text[n] == '\0' || text_count(first, n, UINT16_MAX, &last, NULL) != 0)
        return samplicate_port(text, from, err); /* names of services may have a '-' */
    int bad = samplicate_port(first, from, err);
    if (bad)
        return bad;
    const char *more = text + n + 1;
    if (text_count(more, strlen(more), UINT16_MAX, &last, NULL) != 0)
        return err_set(err, ERR_CONFIG, "expected PORT-PORT or PORT+COUNT, found \"%.60s\"", text);
    uint64_t many = text[n] == '+' ? last : last >= *from ? last - *from + 1 : 0;
    if (many == 0 || *from + many - 1 > UINT16_MAX)
        return err_set(err, ERR_CONFIG, "there are no such ports: \"%.60s\"", text);
    *count = (uint32_t)many;
    return 0;
}

/* "N", "N,TTL", ",TTL", "". */
static int read_every(const char *text, uint32_t *every, uint8_t *ttl, struct err *err)
{
    size_t n = strcspn(text, ",");
    uint64_t v;

    if (n > 0) {
        if (text_count(text, n, UINT32_MAX, &v, NULL) != 0 || v == 0)
            return err_set(err, ERR_CONFIG, "expected one datagram in N, found \"%.60s\"", text);
        *every = (uint32_t)v;
    }
    if (text[n] == '\0')
        return 0;
    if (text_count(text + n + 1, strlen(text + n + 1), TTL_MAX, &v, NULL) != 0 || v == 0)
        return err_set(err, ERR_CONFIG, "expected a TTL, 1 to 255, found \"%.60s\"", text + n + 1);
    *ttl = (uint8_t)v;
    return 0;
}

static int read_receiver(const struct samplicate_reader *r, const char *text,
                         struct relay_receiver *out, uint32_t *count, struct err *err)
{
    struct relay_receiver x = {.every = 1, .ttl = TTL};
    char host[HOST];
    char ports[WORD];
    const char *rest;
    int bad = cut_host(text, host, &rest, err);

    *count = 1;
    x.port = PORT;
    if (bad == 0 && *rest == '/') {
        size_t n = strcspn(++rest, "/");
        (void)snprintf(ports, sizeof ports, "%.*s", (int)n, rest);
        bad = read_ports(ports, &x.port, count, err);
        rest += n;
        if (bad == 0 && *rest == '/')
            bad = read_every(rest + 1, &x.every, &x.ttl, err);
    }
    if (bad == 0)
        bad = samplicate_host(r, host, &x.to, err);
    if (bad == 0)
        *out = x;
    return bad;
}

static int add_receiver(struct samplicate_reader *r, const char *text, uint32_t pause_us,
                        struct err *err)
{
    struct relay_setup *s = r->out;
    struct relay_receiver x;
    char name[ADDR_PORT_TEXT];
    uint32_t count;
    int bad = read_receiver(r, text, &x, &count, err);

    if (bad)
        return bad;
    if (s->n_receivers + count > RELAY_RECEIVERS_MAX)
        return err_set(err, ERR_CONFIG, "at most %d receivers", RELAY_RECEIVERS_MAX);
    x.pause_us = pause_us;
    s->receivers = mem_resize(s->receivers, s->n_receivers + count, sizeof *s->receivers);
    for (uint32_t i = 0; i < count; i++, x.port++) {
        (void)addr_port_print(&x.to, x.port, name);
        (void)snprintf(x.name, sizeof x.name, "%s", name);
        s->receivers[s->n_receivers++] = x;
    }
    return 0;
}

static struct relay_rule *add_rule(struct relay_setup *s)
{
    s->rules = mem_resize(s->rules, s->n_rules + 1, sizeof *s->rules);
    struct relay_rule *rule = &s->rules[s->n_rules++];
    *rule = (struct relay_rule){.first = s->n_receivers};
    return rule;
}

int samplicate_receiver(struct samplicate_reader *r, const char *text, uint32_t pause_us,
                        struct err *err)
{
    struct relay_setup *s = r->out;
    bool first = s->n_rules == 0 || s->rules[s->n_rules - 1].line != 0;
    size_t before = s->n_receivers;

    if (first)
        (void)add_rule(s);
    int bad = add_receiver(r, text, pause_us, err);
    s->rules[s->n_rules - 1].n += s->n_receivers - before;
    return bad;
}

/* --- the file --- */

static int read_bits(const char *text, bool v4, uint8_t *out, struct err *err)
{
    unsigned most = v4 ? 32 : 128;
    struct addr mask;
    uint64_t bits;

    if (text_count(text, strlen(text), most, &bits, NULL) == 0) {
        *out = (uint8_t)(bits + (v4 ? ADDR_V4_BITS : 0u));
        return 0;
    }
    if (!v4 || addr_parse(text, &mask, NULL) != 0 || !addr_is_v4(&mask))
        return err_set(err, ERR_CONFIG, "expected a mask, 0 to %u%s, found \"%.60s\"", most,
                       v4 ? " or 255.255.255.0" : "", text);
    uint8_t ones;
    if (!addr_netmask(&mask, &ones))
        return err_set(err, ERR_CONFIG, "expected a mask of ones, then zeros, found \"%.60s\"",
                       text);
    *out = (uint8_t)(ADDR_V4_BITS + ones);
    return 0;
}

static int read_source(const struct samplicate_reader *r, const char *text, struct relay_rule *out,
                       struct err *err)
{
    char host[HOST];
    const char *rest;
    int bad = cut_host(text, host, &rest, err);

    if (bad == 0)
        bad = samplicate_host(r, host, &out->from.addr, err);
    if (bad)
        return bad;
    out->from.bits = 128;
    if (*rest == '/')
        bad = read_bits(rest + 1, addr_is_v4(&out->from.addr), &out->from.bits, err);
    out->all = addr_is_zero(&out->from.addr);
    out->from.addr = addr_mask(out->from.addr, out->from.bits);
    return bad;
}

/* The colon behind the source: of an IPv6 one it is behind the bracket. */
static char *colon_of(char *line)
{
    char *from = line;

    if (*line == '[') {
        from = strchr(line, ']');
        if (!from)
            return NULL;
    }
    return strchr(from, ':');
}

static int take_line(struct samplicate_reader *r, char *line, size_t number, struct err *err)
{
    static const char blanks[] = " \t\r";
    char *save;

    line[strcspn(line, "#")] = '\0';
    line += strspn(line, blanks);
    if (*line == '\0')
        return 0;
    char *colon = colon_of(line);
    if (!colon)
        return err_set(err, ERR_CONFIG, "expected SOURCE: RECEIVER ..., found no colon");
    *colon = '\0';
    line[strcspn(line, blanks)] = '\0';
    if (r->out->n_rules == RELAY_RULES_MAX)
        return err_set(err, ERR_CONFIG, "at most %d lines", RELAY_RULES_MAX);
    struct relay_rule *rule = add_rule(r->out);
    size_t at = r->out->n_rules - 1;
    rule->line = number;
    int bad = read_source(r, line, rule, err);
    for (char *w = strtok_r(colon + 1, blanks, &save); w && bad == 0;
         w = strtok_r(NULL, blanks, &save))
        bad = add_receiver(r, w, 0, err);
    rule = &r->out->rules[at];
    rule->n = r->out->n_receivers - rule->first;
    if (bad == 0 && rule->n == 0)
        bad = err_set(err, ERR_CONFIG, "expected a receiver behind the colon, found none");
    return bad;
}

int samplicate_read(struct samplicate_reader *r, const char *file, const char *text, size_t len,
                    struct err *err)
{
    size_t number = 0;
    int bad = 0;

    for (size_t at = 0; at < len && bad == 0;) {
        const char *stop = memchr(text + at, '\n', len - at);
        size_t n = stop ? (size_t)(stop - text) - at : len - at;
        char *line = mem_new(n + 1, 1);
        memcpy(line, text + at, n);
        bad = take_line(r, line, ++number, err);
        free(line);
        at += n + 1;
    }
    return bad ? err_in(err, bad, "%s:%zu", file, number) : 0;
}

int samplicate_read_file(struct samplicate_reader *r, const char *path, struct err *err)
{
    struct buf text;

    buf_init(&text, CONF_BYTES_MAX);
    int bad = file_read(path, &text, err);
    if (bad == 0)
        bad = samplicate_read(r, path, (const char *)text.data, text.len, err);
    buf_free(&text);
    return bad;
}
