#include "base/near.h"

#include <string.h>

static size_t least(size_t a, size_t b) { return a < b ? a : b; }

/* Optimal string alignment, three rows at a time. */
size_t near_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NEAR_MAX + 1] = {{0}};

    a_len = least(a_len, NEAR_MAX);
    b_len = least(b_len, NEAR_MAX);
    for (size_t j = 0; j <= b_len; j++)
        rows[0][j] = j;
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t cost = a[i - 1] != b[j - 1];
            row[j] = least(least(above[j], row[j - 1]) + 1, above[j - 1] + cost);
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], above2[j - 2] + 1);
        }
    }
    return rows[a_len % 3][b_len];
}

struct near near_of(const char *word, size_t len)
{
    return (struct near){.word = word, .len = len, .distance = NEAR_MAX + 1};
}

void near_try(struct near *n, const char *known)
{
    size_t len = strlen(known);
    /* What was typed so far may be the beginning of the word. */
    size_t d = n->len >= 2 && n->len < len && memcmp(n->word, known, n->len) == 0
                   ? 1
                   : near_distance(n->word, n->len, known, len);
    if (d < n->distance) {
        n->distance = d;
        n->best = known;
    }
}

const char *near_best(const struct near *n)
{
    size_t most = n->len <= 3 ? 1 : n->len <= 6 ? 2 : 3;
    return n->distance <= most && n->distance < n->len ? n->best : NULL;
}
