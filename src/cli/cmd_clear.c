/* weir clear: what a running probe has counted starts from 0 again. */
#include "base/file.h"
#include "cli/command.h"
#include "cli/probe_status.h"
#include "cli/show_router.h"

#include <stdio.h>
#include <string.h>

enum { OPT_STORE = 1, OPT_INSTANCE, WORDS = 512 };

static const struct opt opts[] = {
    {OPT_STORE, "store", 's', "DIR", "the probe's store, if it has one"},
    {OPT_INSTANCE, "instance", 0, "NAME", "its instance (probe)"},
};

static int cmd_clear_run(int argc, char **argv)
{
    struct opt_scan scan = opt_scan_of(opts, COUNT_OF(opts), argc, argv);
    const char *dir = NULL;
    const char *instance = "probe";
    char words[WORDS] = "";
    char path[FILE_PATH];
    struct err err;
    int id;

    while ((id = opt_next(&scan, &err)) != OPT_END) {
        if (id == ERR_CONFIG)
            return command_usage_error(&cmd_clear, err.text);
        if (id == OPT_STORE)
            dir = scan.value;
        else if (id == OPT_INSTANCE)
            instance = scan.value;
        else if (!command_join(words, sizeof words, scan.value))
            return command_usage_error(&cmd_clear, "too many words");
    }
    if (words[0] == '\0')
        return command_usage_error(&cmd_clear, "expected what to clear: ip flow stats, flow "
                                               "monitor NAME or flow exporter NAME");
    const struct show_router how = {.socket = path};
    if (probe_socket(path, sizeof path, dir, instance, &err) != 0) {
        (void)fprintf(stderr, "weir clear: %s\n", err.text);
        return 1;
    }
    return clear_router(&how, words);
}

const struct command cmd_clear = {
    .name = "clear",
    .summary = "let a running probe's statistics begin anew",
    .usage = "[options] ip flow stats | flow monitor NAME [cache] | flow exporter NAME",
    .details =
        "In the routers' words. What 'weir show ip ...' and 'weir show flow ...' tell counts "
        "from here on; 'weir show probe' and counters go on. With 'cache' the flows of the "
        "monitor end as well, and are exported.",
    .examples = "weir clear ip flow stats\n    the traditional cache, and its export\n"
                "weir clear flow monitor FM-1 cache\n    its flows go out now\n",
    .opts = opts,
    .n_opts = COUNT_OF(opts),
    .run = cmd_clear_run,
};
