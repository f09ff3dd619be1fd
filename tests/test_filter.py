"""weir filter, filters by name, and sets from files, as a user meets them."""

import json

import pytest

from conftest import v5


def host(i):
    return (10, 0, i // 200, i % 200)


def datagram(first):
    """30 flows, each from a host of its own."""
    message = bytearray(v5(first, 30))
    for i in range(30):
        message[24 + 48 * i:28 + 48 * i] = bytes(host(first + i))
    return bytes(message)


@pytest.fixture
def store(collector):
    c = collector()
    c.send(*[datagram(first) for first in range(0, 300, 30)])
    c.wait_for(flows=300)
    assert c.stop() == 0
    return c.store


def asked(run, store, *question):
    out = json.loads(run("query", "--store", store, "--format", "json", *question).stdout)
    return sorted(r["src_addr"] for r in out["records"])


def addresses(numbers):
    return sorted(".".join(map(str, host(i))) for i in numbers)


def test_a_set_from_a_file(store, run, tmp_path):
    some = tmp_path / "some.txt"
    some.write_text("# hosts\n10.0.0.3\n10.0.1.0/31  # two\n\n2001:db8::/32\n")
    assert asked(run, store, f"src in @{some}") == addresses([3, 200, 201])
    assert asked(run, store, f"src not in @{some} and src in [10.0.0.2-10.0.0.4]") == addresses([2, 4])
    # Many more than there are flows: every third host, and networks beside them.
    many = tmp_path / "many values.txt"
    lines = [f"10.0.{i // 200}.{i % 200}" for i in range(0, 300, 3)]
    lines += [f"172.{i >> 16 & 15 | 16}.{i >> 8 & 255}.{i & 255}" for i in range(50000)]
    lines += [f"2001:db8:{i:x}::/48" for i in range(50000)]
    many.write_text("\n".join(lines))
    assert asked(run, store, f'src in @"{many}"') == addresses(range(0, 300, 3))


def test_a_mistake_in_a_file_is_told_with_its_line(run, tmp_path, store):
    wrong = tmp_path / "wrong.txt"
    wrong.write_text("10.0.0.1\n  10.0.0.0/40\n")
    out = run("query", "--store", store, f"src in @{wrong}", status=2)
    assert f"{wrong}:2:12: expected a prefix length of 0 to 32" in out.stderr
    assert f"\n         {'^' * (len(str(wrong)) + 1)}\n" in out.stderr
    out = run("query", "--store", store, "src in @/nowhere", status=2)
    assert "/nowhere: No such file or directory" in out.stderr


def test_filters_by_name(run, tmp_path, store, monkeypatch):
    config = tmp_path / "weir.conf"
    config.write_text("! names\nfilter few src in [10.0.0.1, 10.0.0.2]\nfilter one filter few and not src 10.0.0.1\n")
    assert asked(run, store, "--config", config, "filter few") == addresses([1, 2])
    assert asked(run, store, "--config", config, "filter one or src 10.0.0.9") == addresses([2, 9])
    monkeypatch.setenv("WEIR_CONFIG", str(config))
    assert asked(run, store, "filter one") == addresses([2])
    assert "did you mean few?" in run("query", "--store", store, "filter fwe", status=2).stderr


def test_a_mistake_in_the_configuration_is_told_with_its_place(run, tmp_path):
    config = tmp_path / "weir.conf"
    config.write_text("filter a port 80\nfilter b port 80 and prot tcp\n")
    out = run("filter", "check", "--config", config, status=2)
    assert out.stderr.startswith(f'weir filter: {config}:2:22: expected a field, found "prot"; did you mean proto')
    # A question meets the mistakes of what it uses.
    assert run("filter", "check", "--config", config, "filter a and bytes > 5").stderr == ""
    out = run("filter", "check", "--config", config, "any and filter b", status=2)
    assert f'filter b: {config}:2:22: expected a field, found "prot"' in out.stderr
    config.write_text("filter a filter b\nfilter b not filter a\n")
    assert "does it mean itself?" in run("filter", "check", "--config", config, status=2).stderr
    config.write_text("filter a port 80\nflter b any\n")
    assert f'{config}:2:1: expected filter or names or collector or store or sender or quirks, found "flter"; did you mean filter?' in \
        run("filter", "check", "--config", config, status=2).stderr
    config.write_text("filter a port 80\nno filter a\nfilter a any\n")
    assert run("filter", "check", "--config", config, "filter a").stdout == ""
    assert "none.conf: No such file" in run("filter", "check", "--config", "none.conf", status=2).stderr


def test_explain_says_what_is_asked_read_and_skipped(run):
    out = run("filter", "explain", "src net 10.0.0.0/8 and dst port 443 and not flags A").stdout
    means = "kind = flow and dst_port = 443 and not tcp_flags = A and src_addr = 10.0.0.0/8"
    assert out.splitlines()[:2] == ["means", f"  {means}"]
    assert "dst_port = 443   # skips row groups if no dst_port in them is 443" in out
    assert "reads\n  kind, src_addr, dst_port, tcp_flags\n" in out
    answer = json.loads(run("filter", "explain", "--json", "ip 10.1.1.1 or bytes > 1M").stdout)
    assert answer["filter"] == "kind = flow and (src_addr = 10.1.1.1 or dst_addr = 10.1.1.1 or bytes >= 1000001)"
    kind, either = answer["tree"]["parts"]
    assert kind == {"op": "test", "filter": "kind = flow", "fields": ["kind"], "skips_by": "range", "min": 0, "max": 0}
    assert [(p["fields"][0], p["skips_by"]) for p in either["parts"]] == [
        ("src_addr", "bloom filter"), ("dst_addr", "bloom filter"), ("bytes", "never")]
    assert answer["skips"] is True
    # What it prints is a filter that means the same.
    assert json.loads(run("filter", "explain", "--json", answer["filter"]).stdout) == answer


def test_check_says_where_it_is_wrong(run):
    assert run("filter", "check", "proto tcp").stdout == ""
    assert json.loads(run("filter", "check", "--json", "proto tcp").stdout) == {"ok": True}
    out = json.loads(run("filter", "check", "--json", "port 80 an proto tcp", status=2).stdout)
    assert (out["ok"], out["at"], out["length"]) == (False, 8, 2) and "expected" in out["error"]
    shown = run("filter", "check", "port 80 an proto tcp", status=2).stderr
    assert "\n  port 80 an proto tcp\n          ^^\n" in shown
    assert "expected what to do" in run("filter", status=2).stderr


def test_long_lists_are_cut_unless_asked_for(run):
    ports = "dst port in [" + ", ".join(str(2 * i) for i in range(100)) + "]"
    assert "38, ...]" in run("filter", "explain", ports).stdout
    assert "196, 198]" in run("filter", "explain", "--full", ports).stdout
