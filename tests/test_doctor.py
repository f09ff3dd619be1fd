"""weir doctor: each finding, provoked by datagrams made by hand: what it is called, its figures, and what to do."""

import json
import os
import signal
import socket
import struct
import subprocess

import pytest

from conftest import WEIR, Collector, until
from faults import Faults
from hand import FIELDS, TIMES, Device, now

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


class Practice:
    """A collector whose clock the test sets, and its doctor."""

    def __init__(self, folder, *args):
        self.store = folder / "store"
        self.faults = Faults(folder / "faults", self.store)
        self.jumped = 0
        self.args = args
        self.c = Collector(self.store, *args, env=self.faults.env)
        self.sent = 0

    def at(self):
        return now() + self.jumped

    def wait(self, ms):
        """Time goes by, for the collector and for devices."""
        self.jumped += ms
        self.faults.clock(self.jumped)

    def device(self, *args, **kwargs):
        return Device(*args, at=self.at, **kwargs)

    def send(self, device, *datagrams):
        device.send(self.c.port, *datagrams)
        self.sent += len(datagrams)
        self.c.wait_for(datagrams=self.sent)

    def hello(self, device, n=3):
        self.sent += device.hello(self.c.port, n)
        self.c.wait_for(datagrams=self.sent)

    def again(self):
        """The collector ends, and another takes over."""
        assert self.c.stop() == 0
        self.sent = 0
        self.c = Collector(self.store, *self.args, env=self.faults.env, port=self.c.port)

    def doctor(self, *args, status=None):
        run = subprocess.run([WEIR, "doctor", "--json", "--store", str(self.store), *args], capture_output=True, text=True,
                             env=os.environ | self.faults.env)
        assert status is None or run.returncode == status, run.stdout + run.stderr
        answer = json.loads(run.stdout)
        assert run.returncode == (1 if answer["errors"] + answer["warnings"] else 0)
        return answer

    def findings(self, device, *args):
        return {f["finding"]: f for f in self.doctor(*args)["findings"] if f.get("exporter") == device.name}

    def only(self, device, name, severity, **figures):
        """The device's one finding."""
        found = self.findings(device)
        assert list(found) == [name], found
        f = found[name]
        assert f["severity"] == severity
        assert {k: f["figures"][k] for k in figures} == figures
        assert f["todo"] and f["evidence"]
        return f

    def text(self, *args):
        return subprocess.run([WEIR, "doctor", "--store", str(self.store), *args], capture_output=True, text=True,
                              env=os.environ | self.faults.env).stdout


@pytest.fixture
def practice(tmp_path):
    made = []

    def make(*args):
        made.append(Practice(tmp_path, *args))
        return made[-1]

    yield make
    for p in made:
        p.c.__exit__()


def commands(finding):
    return "\n".join(c["lines"] for c in finding["commands"])


ALL = (1, 5, 6, 7, 8, 9, 10)


def test_nothing_is_wrong_with_devices_that_do_all_right(practice):
    p = practice()
    devices = [p.device(v, address=f"127.0.7.{v}") for v in ALL]
    for d in devices:
        p.hello(d, 40)
    answer = p.doctor()
    found = {(f["exporter"], f["finding"]) for f in answer["findings"]}
    # What old versions cannot say is noted, and no more.
    no_names = {(d.name, "no-interface-names") for d in devices if d.version in (1, 5, 6, 7)}
    assert found == no_names | {(devices[0].name, "no-as"), (devices[0].name, "no-masks")}
    assert answer["exporters"] == len(ALL) and answer["errors"] == answer["warnings"] == 0
    assert "Nothing is wrong." in p.text()


def test_it_asks_about_one_sender_or_prefix(practice):
    p = practice()
    bad, good = p.device(9, address="127.0.7.1", clock_ms=HOUR), p.device(9, address="127.0.8.1")
    for d in (bad, good):
        p.hello(d)
    assert p.doctor("127.0.7.1", status=1)["exporters"] == 1
    assert p.doctor("127.0.8.0/24", status=0)["exporters"] == 1
    assert p.doctor("127.0.0.0/8", status=1)["exporters"] == 2
    nobody = subprocess.run([WEIR, "doctor", "--store", str(p.store), "10.0.0.0/8"], capture_output=True, text=True)
    assert nobody.returncode == 2 and "no exporter in 10.0.0.0/8" in nobody.stderr
    wrong = subprocess.run([WEIR, "doctor", "--store", str(p.store), "10.0.0.0/99"], capture_output=True, text=True)
    assert wrong.returncode == 2 and "10.0.0.0/99" in wrong.stderr


def test_without_a_collector_it_says_so(tmp_path):
    run = subprocess.run([WEIR, "doctor", "--store", str(tmp_path)], capture_output=True, text=True)
    assert run.returncode == 2 and "no collector runs" in run.stderr


def test_the_table_has_evidence_and_the_routers_commands(practice):
    p = practice()
    d = p.device(9, clock_ms=40_000)
    p.hello(d)
    text = p.text()
    assert "warning  clock-off" in text and d.name in text and "ahead of ours" in text
    assert "\n      ntp server ADDRESS\n" in text
    assert text.splitlines()[-1].startswith("1 exporters, since the collector's start: 0 errors, 1 warnings, 0 notes")


# --- templates ---


@pytest.mark.parametrize("version", (9, 10))
def test_data_whose_template_has_not_come(practice, version):
    p = practice()
    d = p.device(version, source=5, template_id=260)
    p.send(d, d.names(1, 2), d.flows({}, {}), d.flows({}))
    f = p.only(d, "no-template", "warning", template=260, sets=2)
    assert "waiting for template 260" in f["evidence"] and f["domain"] == 5
    assert "template data timeout 60" in commands(f)
    assert ("ip flow-export template timeout-rate 1" in commands(f)) == (version == 9)
    p.wait(12 * MINUTE)
    assert p.findings(d)["no-template"]["severity"] == "error"
    p.send(d, d.flows({}, template=True))
    assert p.findings(d)["template-late"]["figures"] == {"held": 2, "released": 2, "lost": 0}


def test_data_given_up_for_want_of_a_template_are_an_error(practice):
    p = practice()
    d = p.device(9)
    p.send(d, d.names(1, 2), d.flows({}))
    p.wait(36 * MINUTE)
    p.send(d, d.names(1, 2))
    p.send(d, d.flows({}, template=True))
    f = p.findings(d)["template-late"]
    assert f["severity"] == "error" and f["figures"] == {"held": 1, "released": 0, "lost": 1}
    assert [f["severity"] for f in p.doctor()["findings"] if f["finding"] == "sets_held_lost"] == ["error"]


@pytest.mark.parametrize("version", (9, 10))
def test_templates_that_come_too_seldom(practice, version):
    p = practice()
    d = p.device(version)
    p.hello(d)
    p.wait(10 * MINUTE)
    p.send(d, d.names(1, 2), d.flows({}, template=True))
    assert p.findings(d) == {}
    p.wait(30 * MINUTE)
    p.send(d, d.names(1, 2), d.flows({}, template=True))
    f = p.only(d, "template-interval", "warning", template=256, templates=2)
    assert 30 * MINUTE <= f["figures"]["interval_ms"] < 31 * MINUTE
    assert "30m" in f["evidence"] and "template data timeout 60" in commands(f)


def test_a_template_that_came_once_and_never_again(practice):
    p = practice()
    d = p.device(9)
    p.hello(d)
    p.wait(12 * MINUTE)
    p.send(d, d.flows({}))
    assert 12 * MINUTE <= p.only(d, "template-interval", "warning")["figures"]["interval_ms"] < 13 * MINUTE


def test_two_definitions_that_alternate_under_one_template_id(practice):
    p = practice()
    d = p.device(10)
    p.hello(d)
    one, other = d.fields, dict(list(d.fields.items())[::-1])
    d.fields = other
    p.send(d, d.flows({}, template=True))
    assert p.findings(d) == {}  # set up anew, that is no collision
    for d.fields in (one, other):
        p.send(d, d.flows({}, template=True))
    f = p.only(d, "template-collision", "warning", template=256, changes=3, returns=2)
    assert f["figures"]["fields"][-1] == "src_addr"


def test_one_template_id_with_two_meanings_at_one_address(practice):
    p = practice()
    a, b = p.device(9), p.device(9)
    b.fields = dict(list(b.fields.items())[::-1])
    for d in (a, b):
        p.hello(d)
    for d, other in ((a, b), (b, a)):
        f = p.only(d, "template-shared", "note", template=256, templates=1, other=other.name)
        assert f["figures"]["fields"] == f["figures"]["other_fields"][::-1]


# --- sampling ---


def say(p, d, sampler, rate, template_id=999):
    """The table of samplers: 48 which, 49 mode, 50 one in how many."""
    scope = {1: 4} if d.version == 9 else {130: 4}
    at = next(iter(scope))
    p.send(d, d.options(scope, {48: 1, 49: 1, 50: 4}, {at: 0x7F000001, 48: sampler, 49: 2, 50: rate}, template_id=template_id))


def sampled(p, version=9):
    d = p.device(version)
    d.fields[48] = 1
    p.send(d, d.names(1, 2), d.flows({48: 3}, template=True))
    return d


@pytest.mark.parametrize("version", (9, 10))
def test_a_sampler_whose_rate_nobody_announced(practice, version):
    p = practice()
    d = sampled(p, version)
    f = p.only(d, "sampling-unknown", "warning", sampler=3, records=1)
    assert "option sampler-table timeout 60" in commands(f) and "sampling 1:1000" in commands(f)


def test_a_sampler_announced_without_a_rate(practice):
    p = practice()
    d = p.device(10)
    p.hello(d)
    p.send(d, d.options({130: 4}, {48: 1}, {130: 1, 48: 3}))
    assert "announces sampler 3 without a rate" in p.only(d, "sampling-unknown", "warning")["evidence"]


def test_a_v5_header_that_says_that_it_samples_and_not_how(practice):
    p = practice()
    d = p.device(5, sampling=1 << 14)
    p.hello(d)
    assert p.findings(d)["sampling-unknown"]["figures"] == {"mode": 1}
    d.sampling = 1 << 14 | 100
    p.hello(d)
    assert "sampling-unknown" not in p.findings(d)


def test_a_known_sampler_is_no_finding(practice):
    p = practice()
    d = p.device(9)
    d.fields[48] = 1
    p.send(d, d.names(1, 2))
    say(p, d, 3, 1000)
    p.send(d, d.flows({48: 3}, template=True))
    say(p, d, 3, 2000)  # set up anew
    assert p.findings(d) == {}
    say(p, d, 3, 1000)
    f = p.only(d, "sampling-contradictory", "warning", rate=1000, before=2000, changes=2)
    assert "sampler 3" in f["evidence"] and "show sampler" in commands(f)


def test_a_header_and_options_data_that_contradict_each_other(practice):
    p = practice()
    v5, v9 = p.device(5, sampling=1 << 14 | 100), p.device(9)
    p.hello(v5)
    p.hello(v9)
    say(p, v9, 1, 100)
    assert "sampling-contradictory" not in p.findings(v5)
    say(p, v9, 2, 1000)
    assert p.findings(v5)["sampling-contradictory"]["figures"] == {"header": 100, "options": 1000}


def test_a_rate_whose_octets_may_be_swapped_is_proposed_the_other_way(practice):
    p = practice()
    d = p.device(9)
    p.hello(d)
    say(p, d, 1, int.from_bytes((1000).to_bytes(4, "little"), "big"))
    f = p.only(d, "sampling-swapped", "warning", rate=3892510720, proposed=1000)
    assert "sampling 1:RATE" in commands(f)


def test_a_rate_forced_against_what_it_says(practice, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("sender 127.0.0.1\n sampling 1:50\n")
    p = practice("--config", str(config))
    d = p.device(9)
    p.hello(d)
    say(p, d, 1, 100)
    assert p.only(d, "sampling-forced", "note", forced=50, announced=100)


# --- clocks and times ---


@pytest.mark.parametrize("version", ALL)
@pytest.mark.parametrize("ahead_ms, severity", [(-20_000, "warning"), (2 * HOUR, "error")])
def test_a_clock_that_is_off(practice, version, ahead_ms, severity):
    p = practice()
    d = p.device(version, clock_ms=ahead_ms)
    p.hello(d)
    f = p.findings(d)["clock-off"]
    assert f["severity"] == severity and ahead_ms - 3000 <= f["figures"]["ahead_ms"] <= ahead_ms
    assert "ntp server ADDRESS" in commands(f)


def test_a_clock_that_drifts(practice):
    p = practice()
    d = p.device(5)
    for _ in range(9):
        p.hello(d)
        p.wait(61_000)
        d.clock_ms += 450
    p.hello(d)
    f = p.findings(d)["clock-drift"]
    assert f["severity"] == "warning" and abs(f["figures"]["moved_ms"] - 8 * 450) < 200
    assert abs(f["figures"]["in_ms"] - 8 * 61_000) < 5000 and "ppm" in f["evidence"]


@pytest.mark.parametrize("version", (5, 9, 10))
def test_impossible_times(practice, version):
    p = practice()
    d = p.device(version, uptime_ms=10 * DAY)
    p.hello(d)
    t = p.at()
    p.send(d, d.flows({"first_ms": t, "last_ms": t - 5000}, {"first_ms": t - 2 * DAY, "last_ms": t}, {"first_ms": t + 2 * HOUR, "last_ms": t + 3 * HOUR}))
    f = p.findings(d)["times-impossible"]
    assert f["severity"] == "warning" and f["figures"] == {"backward": 1, "over_day": 1, "ahead": 1, "flows": 9}
    assert version == 5 or "collect timestamp absolute first" in commands(f)


def test_records_without_times(practice):
    p = practice()
    d = p.device(10, fields=FIELDS)
    p.hello(d)
    assert "collect timestamp sys-uptime first" in commands(p.only(d, "no-times", "warning", absent=True))


def test_uptimes_since_a_start_that_nobody_tells(practice):
    p = practice()
    d = p.device(10, fields=FIELDS | TIMES[9])
    p.hello(d)
    assert "element 160" in p.only(d, "no-times", "warning")["evidence"]


def test_long_flows_in_one_piece(practice):
    p = practice()
    one, five, short = p.device(9, lasted_ms=100_000), p.device(9, lasted_ms=1_800_000), p.device(9, lasted_ms=60_000)
    for d in (one, five, short):
        p.hello(d)
    p.only(one, "active-timeout", "note", over_minute=6, over_five_minutes=0, longest_ms=100_000)
    f = p.only(five, "active-timeout", "warning", over_minute=6, over_five_minutes=6, longest_ms=1_800_000)
    assert "cache timeout active 60" in commands(f) and "ip flow-cache timeout active 1" in commands(f)
    assert p.findings(short) == {}


# --- what does not come, comes twice, or late ---


UNITS = {5: 2, 6: 2, 7: 2, 8: 2, 9: 1, 10: 2}


@pytest.mark.parametrize("version", UNITS)
def test_what_is_lost_before_it_comes(practice, version):
    p = practice()
    d = p.device(version)
    p.hello(d, 200)
    d.flows({}, {})
    p.send(d, d.flows({}))
    f = p.findings(d)["loss-before-us"]
    assert f["severity"] == "warning" and f["figures"]["lost"] == UNITS[version] and f["figures"]["gaps"] == 1
    assert f["figures"]["kernel_drops"] == 0 and "show flow exporter NAME statistics" in commands(f)
    for _ in range(3):
        d.flows({}, {})
    p.send(d, d.flows({}))
    f = p.findings(d)["loss-before-us"]
    assert f["severity"] == "error" and f["figures"]["lost"] == 4 * UNITS[version] and f["figures"]["gaps"] == 2


def test_what_is_lost_while_the_collector_is_down(practice):
    p = practice()
    d = p.device(9)
    p.hello(d, 40)
    p.again()
    for _ in range(5):
        d.flows({})
    p.send(d, d.flows({}))
    p.only(d, "loss-while-down", "note", lost=5)


def test_what_the_kernel_drops(practice):
    p = practice("--rcvbuf", "4096")
    d = p.device(5)
    p.hello(d)
    p.c.process.send_signal(signal.SIGSTOP)
    try:
        for _ in range(200):
            d.send(p.c.port, d.flows(*[{}] * 30))
    finally:
        p.c.process.send_signal(signal.SIGCONT)
    until(lambda: p.c.counters()["kernel_drops"] > 0, "drops to be counted")
    p.sent = p.c.counters()["datagrams"]
    p.send(d, d.flows({}))
    f = p.findings(d)["loss-kernel"]
    assert f["severity"] == "error" and f["figures"]["lost"] == 30 * f["figures"]["kernel_drops"]
    assert "net.core.rmem_max" in commands(f)
    assert [x["severity"] for x in p.doctor()["findings"] if x["finding"] == "kernel_drops"] == ["error"]


def test_what_the_disk_does_not_take(practice):
    p = practice()
    d = p.device(9)
    p.hello(d)
    p.faults.rule("write", which="journals")
    p.send(d, d.flows({}))
    until(lambda: p.c.counters()["journal_errors"] > 0, "an error")
    f = next(f for f in p.doctor(status=1)["findings"] if f["finding"] == "journal_errors")
    assert f["severity"] == "error" and f["figures"]["count"] >= 1 and "disk" in f["todo"] and "exporter" not in f
    p.faults.heal()


def test_what_comes_twice(practice):
    p = practice()
    d = p.device(10)
    p.hello(d)
    twice = d.flows({})
    p.send(d, twice, twice, d.flows({}))
    f = p.only(d, "duplicates", "warning", duplicates=1)
    assert "out-of-sequence reject" in commands(f)


def test_what_comes_late(practice):
    p = practice()
    d = p.device(9)
    p.hello(d)
    late = d.flows({})
    p.send(d, d.flows({}), late, d.flows({}))
    p.only(d, "reorder", "note", late=1, behind=0)


@pytest.mark.parametrize("version", (5, 6, 7, 8, 9, 10))
def test_a_restart(practice, version):
    p = practice()
    d = p.device(version, sequence=123_456)
    p.hello(d, 10)
    d.reboot()
    p.hello(d, 10)
    f = p.findings(d)["restart"]
    assert f["severity"] == "warning" and f["figures"]["restarts"] == 1
    assert "snmp-server ifindex persist" in commands(f)
    assert not {"loss-before-us", "duplicates", "reorder"} & set(p.findings(d))


def test_two_that_count_under_one_identity(practice):
    p = practice()
    d = p.device(5)
    numbers = [1_000_000, 50_000_000]
    for i in range(40):
        d.sequence = numbers[i % 2]
        p.send(d, d.flows({}))
        numbers[i % 2] = d.sequence
    f = p.findings(d)
    assert f["numbers-mixed"]["severity"] == "warning" and f["numbers-mixed"]["figures"]["datagrams"] == 40
    assert "restart" not in f


def test_silence_for_longer_than_usual(practice):
    p = practice()
    d, other = p.device(5), p.device(5, address="127.0.0.2")
    for _ in range(40):
        p.hello(d, 1)
        p.hello(other, 1)
        p.wait(10_000)
    p.wait(40_000)
    assert "silent" not in p.findings(d)
    p.wait(5 * MINUTE)
    p.hello(other, 1)
    f = p.findings(d)["silent"]
    assert f["severity"] == "warning" and 10_000 <= f["figures"]["usual_ms"] < 15_000
    assert 350_000 <= f["figures"]["silent_ms"] < 365_000 and "show flow exporter NAME statistics" in commands(f)
    assert "silent" not in p.findings(other)
    f = p.findings(other)["was-silent"]
    assert f["severity"] == "note" and f["figures"]["silences"] == 1
    p.hello(d, 1)
    assert "silent" not in p.findings(d)


def test_an_exporter_that_goes_on_from_another_port_is_not_silent(practice):
    p = practice()
    old = p.device(5)
    for _ in range(40):
        p.hello(old, 1)
    p.wait(10 * MINUTE)
    assert "silent" in p.findings(old)
    p.hello(p.device(5), 1)
    assert "silent" not in p.findings(old)


def test_silence_since_before_the_collector_began(practice):
    p = practice()
    d = p.device(5)
    p.hello(d)
    p.again()
    assert "silent" not in p.findings(d)
    p.wait(11 * MINUTE)
    assert p.findings(d)["silent"]["severity"] == "warning"


def test_malformed_datagrams(practice):
    p = practice()
    d = p.device(9)
    p.hello(d)
    p.send(d, d.made(struct.pack(">HH", 77, 4), 1, 1))
    f = p.findings(d)["malformed"]
    assert f["severity"] == "warning" and f["figures"]["malformed"] >= 1 and f["figures"]["set"] == 77
    assert f["figures"]["why"] == "bad_set" and "weir decode" in f["todo"]


# --- records ---


@pytest.mark.parametrize("by", ("direction", "interface"))
def test_flows_metered_on_their_way_in_and_out(practice, by):
    p = practice()
    d = p.device(9)
    d.fields[61] = 1
    t = p.at()
    p.send(d, d.names(1, 2), d.flows(template=True))
    for i in range(8):
        one = {7: 30000 + i, 1: 5000 + i, "first_ms": t - 2000, "last_ms": t}
        p.send(d, d.flows(one, one | ({61: 1} if by == "direction" else {10: 7})))
    f = p.only(d, "both-directions", "warning", doubles=8, watched=8, both_directions=by == "direction")
    assert "no ip flow monitor NAME output" in commands(f) and "no ip flow egress" in commands(f)


def test_directions_of_a_conversation_are_no_doubles(practice):
    p = practice()
    d = p.device(9)
    d.fields[61] = 1
    p.send(d, d.names(1, 2), d.flows(template=True))
    for i in range(8):
        there = {7: 30000 + i}
        back = {8: 0xC6336402, 12: 0xC0000201, 7: 443, 11: 30000 + i, 61: 1}
        p.send(d, d.flows(there, back))
    assert p.findings(d) == {}


@pytest.mark.parametrize("elements, name, severity, command", [
    ((16, 17), "no-as", "note", "collect routing source as"),
    ((10, 14), "no-interfaces", "note", "match interface input"),
    ((9, 13), "no-masks", "note", "collect ipv4 source mask"),
    ((6,), "no-tcp-flags", "note", "collect transport tcp flags"),
    ((1,), "no-counters", "warning", "collect counter bytes long"),
    ((2,), "no-counters", "warning", "collect counter packets long"),
])
@pytest.mark.parametrize("absent", (True, False))
def test_what_records_do_not_tell(practice, elements, name, severity, command, absent):
    p = practice()
    d = p.device(10)
    if absent:
        for e in elements:
            del d.fields[e]
    zero = {} if absent else dict.fromkeys(elements, 0)
    p.send(d, d.names(1, 2), *(d.flows(zero, template=True) for _ in range(25)))
    f = p.only(d, name, severity, absent=absent, looked=25)
    assert command in commands(f)
    assert ("have no" if absent else "say 0 for") in f["evidence"]


def test_one_record_that_says_nothing_proves_nothing(practice):
    p = practice()
    d = p.device(10)
    p.send(d, d.names(1, 2), d.flows({16: 0, 17: 0, 6: 0}, template=True))
    assert p.findings(d) == {}


def test_interfaces_without_names(practice):
    p = practice()
    d = p.device(9)
    p.send(d, d.flows({}, template=True))
    assert "option interface-table timeout 300" in commands(p.only(d, "no-interface-names", "note"))
    p.send(d, d.names(1, 2))
    assert p.findings(d) == {}


def test_events_and_samples_are_not_looked_at(practice):
    """A NAT event (element 230) has no counters, and need not."""
    p = practice()
    d = p.device(10, fields={323: 8, 230: 1, 8: 4, 225: 4, 7: 2, 227: 2})
    p.send(d, d.flows({323: p.at(), 230: 1}, template=True))
    assert p.findings(d) == {}


def test_other_programs_on_the_port_are_told_of_the_collector(practice):
    p = practice()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(b"GET / HTTP/1.0\r\n", ("127.0.0.1", p.c.port))
    p.c.wait_for(datagrams=1)
    f = p.doctor(status=1)["findings"]
    assert [(x["finding"], x["severity"]) for x in f] == [("bad_version", "warning")]
    assert "deny it" in f[0]["todo"]
