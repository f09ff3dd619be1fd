"""tools/run.sh, which is `make run`: the main job on real input, ended by itself and by Ctrl-C."""

import fcntl
import json
import os
import pathlib
import re
import select
import shutil
import signal
import socket
import subprocess
import termios
import time

import pytest

from conftest import ROOT, until

RUN = ROOT / "tools/run.sh"


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


@pytest.fixture
def environment(tmp_path, weir):
    build = pathlib.Path(weir).parent.parent.parent
    return {**os.environ, "WEIR_STORE": str(tmp_path / "var"), "WEIR_PORT": str(free_port()), "BUILD": str(build)}


def metering_is_possible():
    if os.geteuid() != 0:
        pytest.skip("metering needs root")


def take_terminal():
    """And Ctrl-C, which whoever runs the tests in the background may have had ignored."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Script:
    """run.sh as a process with a terminal of its own, so that Ctrl-C is what it is for a user."""

    def __init__(self, environment):
        self.terminal, other = os.openpty()
        self.process = subprocess.Popen(
            [RUN], env=environment, stdin=other, stdout=other, stderr=other, start_new_session=True,
            preexec_fn=take_terminal,
        )
        os.close(other)
        self.text = ""

    def says(self, words):
        if select.select([self.terminal], [], [], 0)[0]:
            try:
                self.text += os.read(self.terminal, 65536).decode()
            except OSError:  # the other end is closed
                pass
        return words in self.text


def metered(environment, weir):
    """Packets that the probe has seen."""
    done = subprocess.run([weir, "show", "probe", "--json", "--store", environment["WEIR_STORE"]], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)["counters"]["packets"]


def talk(packets, port):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        for _ in range(packets):
            s.sendto(b"hello", ("127.0.0.1", port))


def test_ctrl_c_ends_it_and_loses_nothing(environment, run, weir):
    metering_is_possible()
    script = Script(environment)
    port = free_port()
    try:
        until(lambda: script.says("Metering"), "the probe to start")
        until(lambda: (talk(1, port), time.sleep(0.2), script.says("Ask more"))[2], lambda: f"the first table: {script.text}")
        late = free_port()
        before = metered(environment, weir)
        talk(7, late)  # still in the probe's memory when it is told to end
        until(lambda: metered(environment, weir) >= before + 7, "the probe to have seen them")
        os.write(script.terminal, b"\x03")
        until(lambda: script.says("flows of this run are in") or script.process.poll() is not None, "the summary", 60)
    finally:
        if script.process.poll() is None:
            script.process.send_signal(signal.SIGTERM)
        script.process.wait(30)
    assert script.process.returncode == 0, script.text
    assert "src_addr" in script.text and "127.0.0.1" in script.text
    store = environment["WEIR_STORE"]
    listed = run("query", "--store", store, "--format", "csv", "--by", "dst_port", f"proto udp and dst port {late}").stdout
    header, row = listed.splitlines()[:2]
    assert dict(zip(header.split(","), row.split(",")))["packets"] == "7"
    assert not list(pathlib.Path(store).glob("**/*.tmp"))
    assert "metered " in script.text and "seal_errors=0" in script.text and "kernel_drops=0" in script.text


def test_it_ends_by_itself_without_a_terminal_and_leaves_no_process(environment):
    metering_is_possible()
    environment["RUN_SECONDS"] = "2"
    done = subprocess.run([RUN], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "flows of this run are in" in done.stdout
    store = environment["WEIR_STORE"]
    left = [p for p in pathlib.Path("/proc").glob("[0-9]*/cmdline") if store.encode() in p.read_bytes()]
    assert left == []


def test_a_taken_port_is_named_and_nothing_is_left_running(environment):
    metering_is_possible()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.bind(("127.0.0.1", int(environment["WEIR_PORT"])))
        done = subprocess.run([RUN], env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "WEIR_PORT=" in done.stderr and re.search(r"is taken by .*\(pid \d+\)", done.stderr)


def test_without_root_it_says_what_to_do(environment):
    if os.geteuid() == 0:
        if not shutil.which("setpriv"):
            pytest.skip("no setpriv here")
        command = ["setpriv", "--reuid", "65534", "--clear-groups", RUN]
    else:
        command = [RUN]
    done = subprocess.run(command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "sudo make run" in done.stdout and "weir collect" in done.stdout
