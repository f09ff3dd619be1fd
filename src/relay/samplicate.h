/* samplicate: receivers and the configuration file as samplicate has them.
 *
 *   RECEIVER  HOST[/PORT[/N[,TTL]]], an IPv6 address in brackets. PORT may be a range, "7000-7010"
 * or "7000+10" (ten of them); N: one datagram in N, the first; without, every one. file
 * SOURCE[/MASK]: RECEIVER RECEIVER ...      # up to the end of the line
 *
 * Every line that matches gets a copy, and so do receivers of the command line. A source 0.0.0.0 or
 * [::] is everybody's, whatever its mask.
 *
 * What differs from samplicate: flags hold for the file wherever they stand; all 16 octets of an
 * IPv6 source count; bits of a source behind its mask do not; a line without receivers is an error.
 */
#ifndef RELAY_SAMPLICATE_H
#define RELAY_SAMPLICATE_H

#include "base/err.h"
#include "relay/setup.h"

enum samplicate_family { SAMPLICATE_ANY, SAMPLICATE_V4, SAMPLICATE_V6 };

/* Names become addresses; looks: they stay as "0.0.0.0", for who only reads. */
struct samplicate_reader {
    enum samplicate_family family;
    bool looks;
    struct relay_setup *out;
};

/* A receiver of the command line: it gets what anybody sends. */
int samplicate_receiver(struct samplicate_reader *r, const char *text, uint32_t pause_us,
                        struct err *err) MUST_USE;

/* ERR_CONFIG: "FILE:LINE: expected ...". */
int samplicate_read(struct samplicate_reader *r, const char *file, const char *text, size_t len,
                    struct err *err) MUST_USE;
int samplicate_read_file(struct samplicate_reader *r, const char *path, struct err *err) MUST_USE;

/* A number, or the name of a service. */
int samplicate_port(const char *text, uint16_t *out, struct err *err) MUST_USE;

/* An address, or a host's name. */
int samplicate_host(const struct samplicate_reader *r, const char *text, struct addr *out,
                    struct err *err) MUST_USE;

#endif
