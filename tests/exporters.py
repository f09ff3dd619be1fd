"""Flow exporters of Debian, how to run each over a capture, and what each makes of the truth.

EXPORTERS has a row for each program and version that it exports. run() meters a capture into
127.0.0.1:PORT and returns when the program has sent all of it and has ended; none needs a live
interface, nor root. expected() turns what is true (traffic.flows) into what the program says, in
the names of weir's fields. What a program says differently from the truth, it says here:

softflowd 1.1.0  meters conversations, and exports each as two flows: both have the times of the
                 conversation, and the ToS of the first packet stands with the direction that sent it
                 (0 with the other, and with IPv6). Counts what pads a short frame. v9 gives the time
                 of export in whole seconds, and its uptime of another moment: its times are up to a
                 second early, or late on a busy machine. IPFIX gives times as uptime, and the start
                 in options data, unless -A asks for clock time. -b: one record for both directions, that of the lower address first; the
                 ICMP type is that direction's. -T ether: tagged directions don't find each other.
pmacctd 1.7.7    nfprobe stems from softflowd: the same conversations, times and ToS; padding is not
                 counted. ICMP type and code in the destination port in every version.
fprobe 1.1       IPv4 without VLAN tags. ICMP type in the source port, code in the destination port.
"""

import dataclasses
import ipaddress
import os
import shutil
import subprocess
import time

import traffic

SECONDS = 60  # that a program may take
FPROBE_QUEUE_S = 1.5  # for its queue of packets: at the end of its input it sends the flows it has, whatever still waits there
SBIN = os.pathsep.join([os.environ.get("PATH", ""), "/usr/sbin", "/sbin"])


@dataclasses.dataclass(frozen=True)
class Exporter:
    program: str
    version: int
    variant: str = ""
    options: tuple = ()
    clock: bool = True  # are first and last clock times? Else uptimes; options data say since when

    @property
    def name(self):
        return f"{self.program}-v{self.version}" + (f"-{self.variant}" if self.variant else "")

    @property
    def path(self):
        """None if the program is not installed."""
        return shutil.which(self.program, path=SBIN)

    def run(self, capture, port, folder):
        """Meter `capture` into 127.0.0.1:port; files the program needs go into `folder`."""
        argv = {"softflowd": softflowd, "fprobe": fprobe, "pmacctd": pmacctd}[self.program](self, capture, port, folder)
        with subprocess.Popen([self.path, *argv], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT) as process:
            try:
                if self.program == "fprobe":
                    with open(capture, "rb") as f:
                        process.stdin.write(f.read())
                    process.stdin.flush()
                    time.sleep(FPROBE_QUEUE_S)
                log, _ = process.communicate(timeout=SECONDS)
            finally:
                process.kill()
        # pmacctd's core and its plugin end at once, and call it an error if the plugin was first.
        if process.returncode != 0 and self.program != "pmacctd":
            raise RuntimeError(f"{self.name}: exit status {process.returncode}\n{log.decode(errors='replace')}")

    def expected(self, truth):
        """The flow records that the program makes of this traffic, as dicts of weir's fields."""
        seen = [f for f in truth if self.meters(f)]
        if self.variant == "bidir":
            return [self.both(f, next((r for r in seen if r.reverses(f)), None)) for f in seen if leads(f, seen)]
        return [self.record(f, seen) for f in seen]

    def meters(self, flow):
        if self.program == "fprobe":
            return flow.ip_version == 4 and not flow.vlan
        return flow.ip_version == 4 or self.version >= 9

    def record(self, flow, seen):
        apart = self.program == "fprobe" or (self.variant == "ether" and flow.vlan)
        twin = None if apart else next((f for f in seen if f.reverses(flow)), None)
        want = {
            "version": self.version,
            "src_addr": flow.src,
            "dst_addr": flow.dst,
            "proto": flow.proto,
            "packets": flow.packets,
            "bytes": flow.padded_bytes if self.program == "softflowd" else flow.bytes,
            "tos": self.tos(flow, twin),
            "first_ms": min(flow.first_ms, twin.first_ms) if twin else flow.first_ms,
            "last_ms": max(flow.last_ms, twin.last_ms) if twin else flow.last_ms,
        }
        want |= self.ports(flow)
        if self.variant == "ether" or (self.program == "pmacctd" and self.version >= 9):
            mac = "dst_mac" if self.program == "pmacctd" else "post_dst_mac"
            want |= {"vlan": flow.vlan, "src_mac": traffic.MAC_OF[flow.src], mac: traffic.MAC_OF[flow.dst]}
        if self.program == "softflowd" and self.version >= 9:
            want["direction"] = 0 if is_lower(flow) else 1
        return want

    def tos(self, flow, twin):
        if self.program == "fprobe":
            return flow.tos
        return flow.tos if flow.ip_version == 4 and (not twin or flow.first_ms < twin.first_ms) else 0

    def ports(self, flow):
        if flow.icmp_type is None:
            want = {"src_port": flow.src_port, "dst_port": flow.dst_port, "tcp_flags": flow.tcp_flags}
        elif self.program == "softflowd" and self.version >= 9:
            want = {"icmp_type": flow.icmp_type, "icmp_code": flow.icmp_code}
        elif self.program == "fprobe":
            want = {"src_port": flow.icmp_type, "dst_port": flow.icmp_code}
        else:
            port = flow.icmp_type << 8 | flow.icmp_code
            want = {"src_port": 0, "dst_port": port, "icmp_type": flow.icmp_type, "icmp_code": flow.icmp_code}
        return want

    def both(self, flow, twin):
        """softflowd -b: the direction of the lower address, and the reverse of it."""
        if not is_lower(flow):
            nothing = dataclasses.replace(
                flow, src=flow.dst, dst=flow.src, src_port=flow.dst_port, dst_port=flow.src_port, packets=0, bytes=0,
                padded_bytes=0, tcp_flags=0, tos=0)
            if flow.icmp_type is not None:
                nothing = dataclasses.replace(nothing, icmp_type=0, icmp_code=0)
            flow, twin = nothing, flow
        want = self.record(flow, [f for f in (flow, twin) if f])
        want |= {"rev_packets": twin.packets if twin else 0, "rev_bytes": twin.padded_bytes if twin else 0}
        want |= {"rev_tos": self.tos(twin, flow if flow.packets else None) if twin else 0}
        if flow.icmp_type is None:
            want["rev_tcp_flags"] = twin.tcp_flags if twin else 0
        return want


def is_lower(flow):
    return ipaddress.ip_address(flow.src) < ipaddress.ip_address(flow.dst)


def leads(flow, seen):
    """Of two directions the lower address's, and any without its reverse."""
    return is_lower(flow) or not any(f.reverses(flow) for f in seen)


def softflowd(exporter, capture, port, _folder):
    return ["-d", "-r", capture, "-c", "none", "-n", f"127.0.0.1:{port}", "-v", str(exporter.version), *exporter.options]


def fprobe(exporter, _capture, port, _folder):
    """Reads its standard input, sends all at its end, before any timeout; logs to stdout, in the foreground."""
    return ["-i", "-", "-f", "ip", "-n", str(exporter.version), "-d", "600", "-e", "600", "-s", "1", "-l", "2",
            f"127.0.0.1:{port}"]


def pmacctd(exporter, capture, port, folder):
    aggregate = "src_host, dst_host, src_port, dst_port, proto, tos, tcpflags"
    if exporter.version >= 9:
        aggregate += ", vlan, src_mac, dst_mac"
    path = os.path.join(folder, f"{exporter.name}.conf")
    with open(path, "w", encoding="ascii") as f:
        f.write(f"daemonize: false\npcap_savefile: {capture}\nplugins: nfprobe\nnfprobe_receiver: 127.0.0.1:{port}\n"
                f"nfprobe_version: {exporter.version}\naggregate: {aggregate}\n")
    return ["-f", path]


EXPORTERS = (
    Exporter("softflowd", 1),
    Exporter("softflowd", 5),
    Exporter("softflowd", 9),
    Exporter("softflowd", 10, clock=False),
    Exporter("softflowd", 10, "bidir", ("-b",), clock=False),
    Exporter("softflowd", 10, "ether", ("-T", "ether", "-A", "milli")),
    Exporter("softflowd", 10, "micro", ("-A", "micro")),
    Exporter("softflowd", 10, "nano", ("-A", "nano")),
    Exporter("fprobe", 1),
    Exporter("fprobe", 5),
    Exporter("fprobe", 7),
    Exporter("pmacctd", 5),
    Exporter("pmacctd", 9),
    Exporter("pmacctd", 10),
)


def by_name(name):
    return next(e for e in EXPORTERS if e.name == name)


def differences(metered, have):
    """What is wrong with these flow records (dicts of weir's fields), as texts. metered: the exporters that they
    are of, each with the truth of its traffic."""
    want = [(e, w) for e, truth in metered for w in e.expected(truth)]
    want.sort(key=lambda pair: -len(pair[1]))  # who says most finds its own records first
    wrong = [] if len(have) == len(want) else [f"expected {len(want)} flows, have {len(have)}"]
    unused = list(have)
    for exporter, w in want:
        exact = {k: v for k, v in w.items() if k not in ("first_ms", "last_ms")}
        match = next((h for h in unused if all(h.get(k) == v for k, v in exact.items()) and in_time(exporter, h, w)), None)
        if match is None:
            wrong.append(f"no record of {exporter.name} for {w}")
        else:
            unused.remove(match)
    return wrong + [f"nobody expected {h}" for h in unused]


def in_time(exporter, have, want):
    """Clocks that were cut to milliseconds two or three times on the way; v9's to seconds."""
    if not exporter.clock:
        if "first_uptime_ms" not in have:
            return False
        lasted = (have["last_uptime_ms"] - have["first_uptime_ms"]) & 0xFFFFFFFF
        if lasted != want["last_ms"] - want["first_ms"]:
            return False
    slack = 1001 if (exporter.program, exporter.version) == ("softflowd", 9) else 2
    return "first_ms" in have and all(abs(have[k] - want[k]) <= slack for k in ("first_ms", "last_ms"))
