#include "net/bpf.h"

#include "base/mem.h"

#include <pcap/pcap.h>
#include <stdlib.h>
#include <sys/socket.h>

enum { HANDLE_BUFFER = 1 << 16 /* of a handle that nothing is read from */ };

static struct bpf returns(uint32_t bytes)
{
    struct bpf b = {.code = mem_new(1, sizeof *b.code), .n = 1};

    b.code[0] = (struct sock_filter){.code = BPF_RET | BPF_K, .k = bytes};
    return b;
}

struct bpf bpf_nothing(void) { return returns(0); }

void bpf_free(struct bpf *b)
{
    free(b->code);
    *b = (struct bpf){0};
}

/* Only a handle that is at work at an interface makes programs that look for VLAN tags where the
 * kernel puts them. */
static int handle_of(const char *dev, uint32_t keep_bytes, pcap_t **out, struct err *err)
{
    char text[PCAP_ERRBUF_SIZE] = "";

    if (!dev) {
        *out = pcap_open_dead(DLT_RAW, (int)keep_bytes);
        return *out ? 0 : err_set(err, ERR_SYS, "no memory for a filter");
    }
    pcap_t *p = pcap_create(dev, text);
    if (!p)
        return err_set(err, ERR_SYS, "%s: %s", dev, text);
    (void)pcap_set_snaplen(p, (int)keep_bytes);
    (void)pcap_set_buffer_size(p, HANDLE_BUFFER);
    int r = pcap_activate(p);
    if (r < 0) {
        r = err_set(err, ERR_SYS, "%s: %s", dev, pcap_geterr(p));
        pcap_close(p);
        return r;
    }
    *out = p;
    return 0;
}

int bpf_make(const char *text, const char *dev, uint32_t keep_bytes, struct bpf *out,
             struct err *err)
{
    struct bpf_program program;
    pcap_t *p = NULL;

    if (!text) {
        *out = returns(keep_bytes);
        return 0;
    }
    int r = handle_of(dev, keep_bytes, &p, err);
    if (r)
        return r;
    if (pcap_compile(p, &program, text, 1, PCAP_NETMASK_UNKNOWN) != 0) {
        r = err_set(err, ERR_CONFIG, "filter '%s': %s", text, pcap_geterr(p));
        pcap_close(p);
        return r;
    }
    struct bpf b = {.code = mem_new(program.bf_len, sizeof *b.code),
                    .n = (unsigned short)program.bf_len};
    for (unsigned i = 0; i < program.bf_len; i++) {
        const struct bpf_insn *in = &program.bf_insns[i];
        b.code[i] = (struct sock_filter){in->code, in->jt, in->jf, in->k};
    }
    pcap_freecode(&program);
    pcap_close(p);
    *out = b;
    return 0;
}

int bpf_attach(const struct bpf *b, int fd, struct err *err)
{
    const struct sock_fprog f = {.len = b->n, .filter = b->code};

    if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &f, sizeof f) != 0)
        return err_sys(err, "filter of %u instructions", b->n);
    return 0;
}
