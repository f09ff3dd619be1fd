"""Row groups that cannot have what is asked for are not read, and no answer changes by that."""

import json

import pytest

from conftest import v5

FILES = 3
HOSTS = 240  # of a file; with the others' they lie between each other


def host(file, i):
    return (10, i % 8, i // 8, file)


def text(address):
    return ".".join(map(str, address))


def datagram(file, first):
    """30 flows from hosts of this file."""
    message = bytearray(v5(first, 30))
    for i in range(30):
        at = 24 + 48 * i
        message[at:at + 4] = bytes(host(file, first + i))
    return bytes(message)


@pytest.fixture
def store(collector):
    for file in range(FILES):
        c = collector()
        c.send(*[datagram(file, first) for first in range(0, HOSTS, 30)])
        c.wait_for(flows=HOSTS)
        assert c.stop() == 0
    return c.store


def test_an_address_is_sought_only_where_it_may_be(store, run):
    def ask(question):
        done = json.loads(run("query", "--store", store, "--format", "json", question).stdout)
        return len(done["records"]), done["summary"]

    for file in range(FILES):
        n, summary = ask(f"ip {text(host(file, 77))}")
        assert n == 1, "as many as there are"
        assert summary["row_groups_skipped"] >= 1 and summary["files"] == FILES
    skipped = [ask(f"ip {text((10, i % 8, i // 8, 99))}") for i in range(50)]
    assert all(n == 0 for n, _ in skipped)
    assert sum(s["row_groups_skipped"] for _, s in skipped) > 50 * FILES * 0.9
    assert ask("src port 1000")[0] == FILES * HOSTS // 30
    n, summary = ask("src port 7")
    assert (n, summary["row_groups_skipped"]) == (0, FILES), "by the range of a column"
    n, summary = ask("vlan 5")
    assert (n, summary["row_groups_skipped"]) == (0, FILES), "by a column without values"
