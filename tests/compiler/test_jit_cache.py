"""The object cache on disk: quick when sound, silent when not, never trusted when foreign."""

from __future__ import annotations

import ctypes
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from faltung.compiler import cache, digest, jit
from faltung.machine import detect, fake
from grid.process import succeed

KEY = "a" * 64
OTHER = "b" * 64


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    digest.generator_digest()  # kept elsewhere
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "deep" / "cache"))
    return tmp_path / "deep" / "cache"


class Builder:
    """Builds code that returns a number, and counts how often."""

    def __init__(self, number: int = 42) -> None:
        self.number, self.built = number, 0

    def __call__(self) -> str:
        self.built += 1
        return f"define i64 @f() {{\n  ret i64 {self.number}\n}}\n"

    def load(self, what: str = "a number") -> int:
        library = jit.load(what, detect(), ("f",), self)
        return int(library.function("f", ctypes.c_int64)())


def only_file(place: Path) -> Path:
    (path,) = place.iterdir()
    return path


def test_what_is_built_once_is_loaded_afterwards(place: Path) -> None:
    builder = Builder()
    assert [builder.load() for _ in range(3)] == [42] * 3
    assert builder.built == 1
    assert only_file(place).name == jit.cache_key("a number", detect())


def test_another_process_finds_it(place: Path) -> None:
    program = """
import sys, numpy as np, faltung
from faltung.compiler import jit
if sys.argv[1] == "again":
    jit.compile_object = None
print(faltung.convolve(np.arange(5.0), np.ones(3)).tolist())
"""
    assert succeed("-c", program, "first") == succeed("-c", program, "again")
    assert list(place.iterdir())


def damages() -> dict[str, Callable[[bytes], bytes]]:
    return {
        "emptied": lambda content: b"",
        "cut in its head": lambda content: content[:10],
        "cut in its digest": lambda content: content[:len(cache.MAGIC) + 5],
        "cut by one byte": lambda content: content[:-1],
        "longer by one byte": lambda content: content + b"\0",
        "one bit turned": lambda content: content[:200] + bytes([content[200] ^ 1]) + content[201:],
        "of another kind": lambda content: b"\x7fELF" + content[4:],
        "an older format": lambda content: content.replace(cache.MAGIC, b"faltung object 0\n", 1),
    }


@pytest.mark.parametrize("name", damages())
def test_a_damaged_file_is_ignored_and_replaced(place: Path, name: str) -> None:
    builder = Builder()
    builder.load()
    path = only_file(place)
    sound = path.read_bytes()
    path.write_bytes(damages()[name](sound))
    assert builder.load() == 42
    assert builder.built == 2
    assert cache.read(path.name) is not None
    assert builder.load() == 42
    assert builder.built == 2


def test_a_sound_file_that_is_no_object_is_replaced(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key = jit.cache_key("a number", detect())
    cache.write(key, b"this is no object at all")
    builder = Builder()
    assert builder.load() == 42
    assert builder.built == 1
    assert Builder(43).load() == 42  # from the disk now
    capfd.readouterr()


def test_an_object_without_the_function_is_replaced(place: Path, capfd: pytest.CaptureFixture[str]) -> None:
    image = jit.compile_object("define i64 @other() {\n  ret i64 1\n}\n", detect())
    cache.write(jit.cache_key("a number", detect()), image)
    assert Builder().load() == 42
    assert Builder(43).load() == 42
    capfd.readouterr()


@pytest.mark.parametrize("mode", [0o666, 0o622, 0o620, 0o602])
def test_a_file_that_others_may_write_to_is_not_used(place: Path, mode: int) -> None:
    builder = Builder()
    builder.load()
    only_file(place).chmod(mode)
    assert Builder(43).load() == 43
    assert not only_file(place).stat().st_mode & 0o022


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o722])
def test_a_folder_that_others_may_write_to_is_not_used(place: Path, mode: int) -> None:
    Builder().load()
    before = only_file(place).read_bytes()
    place.chmod(mode)
    assert Builder(43).load() == 43
    cache.write(OTHER, b"content")
    assert only_file(place).read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can give files away")
def test_what_somebody_else_owns_is_not_used(place: Path) -> None:
    Builder().load()
    os.chown(only_file(place), 12345, -1)
    assert Builder(43).load() == 43
    assert only_file(place).stat().st_uid == os.getuid()
    os.chown(place, 12345, -1)
    assert Builder(44).load() == 44


def test_the_folder_is_private(place: Path) -> None:
    old = os.umask(0)
    try:
        cache.write(KEY, b"content")
    finally:
        os.umask(old)
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert not only_file(place).stat().st_mode & 0o077
    assert cache.read(KEY) == b"content"


def test_a_folder_that_cannot_be_made_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path / "file" / "cache"))
    assert [Builder(number).load() for number in (1, 2)] == [1, 2]
    assert (cache.size_bytes(), cache.clear()) == (0, 0)


def test_a_folder_in_the_place_of_a_file_is_no_error(place: Path) -> None:
    (place / jit.cache_key("a number", detect())).mkdir(parents=True)
    place.chmod(0o700)
    assert [Builder(number).load() for number in (1, 2)] == [1, 2]


def test_a_full_disk_leaves_nothing_behind(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    cache.write(KEY, b"content")
    assert list(place.iterdir()) == []


def test_readers_never_see_half_a_file(place: Path) -> None:
    contents = [bytes([number]) * 200_000 for number in range(4)]
    cache.write(KEY, contents[0])
    seen, stop = [], threading.Event()

    def look() -> None:
        while not stop.is_set():
            seen.append(cache.read(KEY))

    readers = [threading.Thread(target=look) for _ in range(2)]
    for reader in readers:
        reader.start()
    for turn in range(40):
        cache.write(KEY, contents[turn % 4])
    stop.set()
    for reader in readers:
        reader.join()
    assert set(seen) <= set(contents)
    assert None not in seen
    assert [path.name for path in place.iterdir()] == [KEY]


def test_the_size_is_bounded_and_the_oldest_goes_first(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cache, "LIMIT_BYTES", 5000)
    monkeypatch.setattr(cache, "SHRINK_EVERY", 1)
    keys = [f"{number:064d}" for number in range(8)]
    for age, key in enumerate(keys[:4]):
        cache.write(key, b"x" * 1000)
        os.utime(place / key, (1000 + age, 1000 + age))
    assert cache.read(keys[0]) is not None  # used just now: no longer the oldest
    for key in keys[4:6]:
        cache.write(key, b"x" * 1000)
    assert cache.size_bytes() <= 5000
    left = {path.name for path in place.iterdir()}
    assert keys[0] in left
    assert keys[5] in left
    assert keys[1] not in left


def test_clearing_leaves_foreign_files_alone(place: Path) -> None:
    for key in (KEY, OTHER):
        cache.write(key, b"content")
    (place / "notes.txt").write_text("mine")
    assert cache.size_bytes() == 2 * (len(cache.MAGIC) + 32 + 7)
    assert cache.clear() == 2
    assert only_file(place).name == "notes.txt"


def test_forgetting_what_is_not_there_is_no_error(place: Path) -> None:
    cache.forget(KEY)
    assert cache.read(KEY) is None


def test_the_folder_is_chosen_by_the_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FALTUNG_CACHE_DIR", str(tmp_path))
    assert cache.folder() == tmp_path
    monkeypatch.delenv("FALTUNG_CACHE_DIR")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert cache.folder() == tmp_path / "xdg" / "faltung"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache.folder() == tmp_path / ".cache" / "faltung"


def test_the_key_tells_apart_what_must_not_be_mixed() -> None:
    machines = [fake(isa, triple="") for isa in ("avx512", "avx2", "sse2")] + [fake("avx2"), fake("neon"), detect()]
    keys = {jit.cache_key(what, machine) for what in ("one", "another") for machine in machines}
    assert len(keys) == 2 * len(machines)
    assert all(len(key) == 64 for key in keys)
    assert jit.cache_key("one", machines[0]) == jit.cache_key("one", fake("avx512", triple=""))


def test_the_key_changes_with_the_generator(monkeypatch: pytest.MonkeyPatch) -> None:
    before = jit.cache_key("one", detect())
    monkeypatch.setattr(jit, "generator_digest", lambda: "another")
    assert jit.cache_key("one", detect()) != before


def test_many_threads_load_at_once(place: Path) -> None:
    builders = [Builder(number) for number in range(12)]
    results: list[int] = []

    def work(builder: Builder) -> None:
        results.extend(builder.load(f"number {builder.number}") for _ in range(3))

    threads = [threading.Thread(target=work, args=(builder,)) for builder in builders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(list(range(12)) * 3)
