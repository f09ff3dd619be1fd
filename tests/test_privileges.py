"""What a collector may still do once its ports are open: nothing that it does not need."""

import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile

import pytest
from conftest import PATIENCE_S, WEIR, until, v5

USER = "nobody"
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")


def sanitized():
    return "sanitizers" in subprocess.run([WEIR, "--version"], capture_output=True, text=True).stdout


def threads(c):
    """/proc's status of each thread, as a table."""
    texts = [t.read_text() for t in pathlib.Path(f"/proc/{c.process.pid}/task").glob("*/status")]
    return [dict(line.split(":\t", 1) for line in text.splitlines() if ":\t" in line) for text in texts]


def is_confined(status):
    powerless = all(int(status[caps], 16) == 0 for caps in ("CapInh", "CapPrm", "CapEff", "CapAmb"))
    return powerless and status["NoNewPrivs"] == "1" and status["Seccomp"] == ("0" if sanitized() else "2")


@pytest.fixture
def open_folder():
    """One that other users reach."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="weir-privileges-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def free_low_port():
    for port in range(700, 1024):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    return pytest.skip("every port below 1024 is taken")


@as_root
def test_it_becomes_another_user_and_goes_on(collector, run, open_folder):
    low = free_low_port()
    config = open_folder / "weir.conf"
    config.write_text(f"collector\n user {USER}\n listen udp 127.0.0.1 {low}\n")
    c = collector("--config", str(config), "--workers", "2", store=open_folder / "store")
    who = pwd.getpwnam(USER)
    assert "runs as root" not in c.text()
    all_threads = threads(c)
    assert len(all_threads) >= 7  # main; two that receive, seal and sync each
    for status in all_threads:
        assert set(status["Uid"].split()) == {str(who.pw_uid)}, status
        assert set(status["Gid"].split()) == {str(who.pw_gid)}, status
        assert set(status["Groups"].split()) <= {str(g) for g in os.getgrouplist(USER, who.pw_gid)}
        assert is_confined(status), status
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
        s.sendto(v5(0, 3), ("127.0.0.1", low))
    c.wait_for(flows=3)
    config.write_text(f"collector\n user {USER}\n listen udp 127.0.0.1 {low}\n deny 192.0.2.1\n permit any\n")
    c.process.send_signal(signal.SIGHUP)
    c.send(v5(3, 3, 1003))
    c.wait_for(flows=6, files_sealed=1)
    assert c.stop() == 0
    made = [p for p in (open_folder / "store").rglob("*")] + [open_folder / "store"]
    assert {(p.stat().st_uid, p.stat().st_gid) for p in made} == {(who.pw_uid, who.pw_gid)}
    assert len(run("query", "--store", c.store, "--format", "jsonl").stdout.splitlines()) == 6


@as_root
def test_receive_buffers_are_had_by_force_before(collector, open_folder):
    c = collector("--user", USER, store=open_folder / "store")
    sizes = [x["rcvbuf_bytes"] for x in c.show()["listeners"] if "udp" in x]
    assert sizes == [2 * 64 << 20]  # the kernel accounts double
    c.process.send_signal(signal.SIGHUP)
    until(lambda: "SIGHUP" in c.text(), "the log line")
    c.send(v5(0))
    c.wait_for(datagrams=1)
    assert sizes == [x["rcvbuf_bytes"] for x in c.show()["listeners"] if "udp" in x]


@as_root
def test_capabilities_that_it_was_given_are_given_up(collector, run, open_folder):
    if not shutil.which("setpriv"):
        pytest.skip("no setpriv here")
    who = pwd.getpwnam(USER)
    store = open_folder / "store"
    store.mkdir()
    os.chown(store, who.pw_uid, who.pw_gid)
    log = open(open_folder / "log", "w")
    weir = shutil.copy(WEIR, open_folder / "weir")
    given = ["setpriv", "--reuid", USER, "--clear-groups", "--inh-caps", "+net_admin", "--ambient-caps", "+net_admin"]
    process = subprocess.Popen([*given, weir, "collect", "--store", store, "--listen", "127.0.0.1:0"], stderr=log)
    try:
        until(lambda: "ready store=" in (open_folder / "log").read_text(), "the collector to be ready")

        class Running:
            pass

        running = Running()
        running.process = process
        assert all(is_confined(status) for status in threads(running))
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0
        log.close()


def test_who_stays_what_it_is_is_confined_too(collector):
    c = collector()
    for status in threads(c):
        assert status["NoNewPrivs"] == "1"
        assert status["Seccomp"] == ("0" if sanitized() else "2")
        assert os.geteuid() == 0 or is_confined(status)
    assert ("runs as root" in c.text()) == (os.geteuid() == 0)
    assert ("system calls are not restricted" in c.text()) == sanitized()


@as_root
def test_a_store_of_somebody_else_is_said(collector, open_folder):
    store = open_folder / "store"
    store.mkdir()
    c = collector("--user", USER, store=store, may_fail=True)
    assert c.process.wait(PATIENCE_S) == 1
    assert f"user {USER} needs a store that it may write to" in c.text()


@pytest.mark.parametrize("name, why", [("root", "is root"), ("nobody-here", "there is no user")])
def test_users_that_cannot_be(collector, name, why):
    c = collector("--user", name, may_fail=True)
    assert c.process.wait(PATIENCE_S) == 2
    assert why in c.text()
