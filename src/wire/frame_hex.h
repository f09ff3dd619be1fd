/* frame_hex: frames for tests, written as their specifications draw them, in hexadecimal; spaces
 * are ours. */
#ifndef WIRE_FRAME_HEX_H
#define WIRE_FRAME_HEX_H

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

struct frame {
    uint8_t data[400];
    size_t len;
};

static inline struct frame frame_of(const char *hex)
{
    struct frame f = {0};

    while (*hex) {
        if (*hex == ' ') {
            hex++;
            continue;
        }
        char pair[3] = {hex[0], hex[1], 0};
        f.data[f.len++] = (uint8_t)strtoul(pair, NULL, 16);
        hex += 2;
    }
    return f;
}

#endif
