#include "cli/progress.h"

#include "base/clock.h"

#include <stdio.h>
#include <unistd.h>

enum { BAR = 24, EVERY_MS = 200 };

struct progress progress_of(void)
{
    return (struct progress){.shown = isatty(STDERR_FILENO) != 0,
                             .next_mono_ms = clock_mono_ms() + EVERY_MS};
}

bool progress_due(struct progress *p)
{
    if (!p->shown || clock_mono_ms() < p->next_mono_ms)
        return false;
    p->next_mono_ms = clock_mono_ms() + EVERY_MS;
    return true;
}

void progress_show(struct progress *p, uint64_t at, uint64_t of, const char *text)
{
    char bar[BAR + 1];
    unsigned share = of ? (unsigned)((at < of ? at : of) * 100 / of) : 0;

    for (unsigned i = 0; i < BAR; i++)
        bar[i] = i < share * BAR / 100 ? '#' : '.';
    bar[BAR] = '\0';
    if (of)
        (void)fprintf(stderr, "\r%s %3u %%  %s\033[K", bar, share, text);
    else
        (void)fprintf(stderr, "\r%s\033[K", text);
    p->dirty = true;
}

void progress_end(struct progress *p)
{
    if (p->dirty)
        (void)fprintf(stderr, "\r\033[K");
    p->dirty = false;
}
