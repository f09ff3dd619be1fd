"""The other side of faults.c: a disk that fails and a clock that jumps, for one collector."""

import bisect
import mmap
import pathlib
import random
import shutil
import struct

from conftest import WEIR

LIBRARY = pathlib.Path(WEIR).resolve().parents[2] / "tests/libfaults.so"
NO_MEMORY = LIBRARY.with_name("libno_memory.so")
OPS = ("create", "write", "sync", "rename", "unlink", "truncate", "mkdir")
MODES = {"fail": 0, "short": 1, "delay": 2}
WHICH = {"all": 0, "journals": 1, "others": 2}
KILLS = {"before": 0, "after": 1, "half": 2}
HEAD, RULE = 4, 6
FOREVER = 1 << 60


def preload(library, **env):
    """The environment that loads it; a sanitizer wants to be first, and need not be."""
    return {"LD_PRELOAD": str(library), "ASAN_OPTIONS": "verify_asan_link_order=0:detect_leaks=0", **env}


class Faults:
    """The control file; env goes to Collector(env=...)."""

    def __init__(self, folder, store, trace=False):
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "control"
        path.write_bytes(bytes(8 * (HEAD + RULE * len(OPS))))
        with open(path, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), 0)
        self.env = preload(LIBRARY, WEIR_FAULTS=str(path), WEIR_FAULT_DIR=str(store))
        self.store = pathlib.Path(store)
        if trace:
            self.trace = folder / "trace"
            self.env["WEIR_FAULT_TRACE"] = str(self.trace)

    def get(self, at):
        return struct.unpack_from("<q", self.map, 8 * at)[0]

    def set(self, at, value):
        struct.pack_into("<q", self.map, 8 * at, value)

    def clock(self, ms):
        """Step the clock to so far from the real one."""
        self.set(0, ms)

    @property
    def steps(self):
        return self.get(1)

    def kill_at(self, step, mode="before"):
        self.set(1, 0)
        self.set(3, KILLS[mode])
        self.set(2, step)

    def count(self, op):
        return self.get(HEAD + RULE * OPS.index(op))

    def rule(self, op, mode="fail", arg=5, at=1, n=FOREVER, which="all"):
        """From the at-th operation on, counted from now, n of them fail with errno `arg` (EIO), or wait `arg` ms."""
        base = HEAD + RULE * OPS.index(op)
        self.set(base + 1, 0)
        for i, value in ((0, 0), (2, n), (3, MODES[mode]), (4, arg), (5, WHICH[which]), (1, at)):
            self.set(base + i, value)

    def heal(self):
        for op in range(len(OPS)):
            self.set(HEAD + RULE * op + 1, 0)

    # --- a power cut ---

    def operations(self):
        """(seconds, operation, size, path, other path) of all that was done."""
        out = []
        for line in self.trace.read_text().splitlines():
            ns, op, size, path = line.split(" ", 3)
            path, _, to = path.partition("\t")
            out.append((int(ns) / 1e9, op, int(size), path, to))
        return out


class File:
    """A file as the disk knows it: `synced` of its `size` bytes are there for sure."""

    def __init__(self, number=None, kept=None):
        self.number = number  # of the operation that created it
        self.kept = kept  # a copy, of one that was there before
        self.size = self.synced = kept.stat().st_size if kept else 0


class Disk:
    """What a power cut leaves after the first n operations of a trace, at worst.

    Bytes that were synced are there, and names are as they were when their folder was synced last. Beyond that, the
    disk may have gone further: with `early` a removal or renaming takes the old name away at once, though nothing
    else was written; without, a part of what was written behind the last sync is there too.

    `before`: a copy of the store as it was when the trace began, all of it on the disk.
    """

    def __init__(self, faults, before=None):
        self.store = faults.store
        self.before = before
        self.ops = faults.operations()
        self.times = [t for t, *_ in self.ops]
        # Where the bytes of each file are in the end: under its last name, or kept when it was removed.
        self.bytes, now = {}, {}
        for i, (_, op, size, path, to) in enumerate(self.ops):
            if op == "create":
                now[path] = i
            elif op == "rename" and path in now:
                now[to] = now.pop(path)
            elif op == "unlink" and path in now:
                self.bytes[now.pop(path)] = pathlib.Path(f"{faults.trace}.removed") / str(size)
        self.bytes |= {i: pathlib.Path(p) for p, i in now.items()}

    def at(self, seconds):
        """How many operations were done by then."""
        return bisect.bisect_right(self.times, seconds)

    def begin(self):
        if not self.before:
            return {}, set()
        there = [p for p in self.before.rglob("*") if "run" not in p.relative_to(self.before).parts]
        name = lambda p: str(self.store / p.relative_to(self.before))
        return {name(p): File(kept=p) for p in there if p.is_file()}, {name(p) for p in there if p.is_dir()}

    def replay(self, n, early):
        """Files by their names on the disk, and folders."""
        disk, disk_folders = self.begin()
        now, folders = dict(disk), set(disk_folders)
        for i, (_, op, size, path, to) in enumerate(self.ops[:n]):
            if op == "create":
                now[path] = File(i)
            elif op in ("write", "truncate"):
                now[path].size = size
                now[path].synced = min(now[path].synced, size)
            elif op == "rename":
                now[to] = now.pop(path)
            elif op == "unlink":
                now.pop(path, None)
            elif op == "mkdir":
                folders.add(path)
            elif size >= 0:  # sync, of a file
                now[path].synced = max(now[path].synced, min(size, now[path].size))
            else:
                inside = lambda p, folder=path: str(pathlib.PurePath(p).parent) == folder
                disk = {p: f for p, f in disk.items() if not inside(p)} | {p: f for p, f in now.items() if inside(p)}
                disk_folders |= {p for p in folders if inside(p)}
            if early and op in ("rename", "unlink"):
                disk.pop(path, None)
        return disk, disk_folders

    def cut(self, n, into, early):
        """The store after the first n operations and a power cut, as a folder."""
        disk, folders = self.replay(n, early)
        shutil.rmtree(into, ignore_errors=True)
        (into / "journal").mkdir(parents=True)
        for path, f in disk.items():
            above = [str(p) for p in pathlib.PurePath(path).parents if self.store in p.parents]
            if any(p not in folders and "date=" in p for p in above):
                continue
            target = into / pathlib.PurePath(path).relative_to(self.store)
            target.parent.mkdir(parents=True, exist_ok=True)
            data = (f.kept or self.bytes[f.number]).read_bytes()
            target.write_bytes(data[: f.synced if early else random.randint(f.synced, f.size)])
