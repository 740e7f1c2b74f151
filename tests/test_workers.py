"""Many workers, one order."""

from __future__ import annotations

from contextlib import closing
from threading import Event, current_thread, main_thread
from threading import enumerate as threads
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from postrisk import workers as workers_room
from postrisk.workers import available_cores, in_order, keep_freed_memory


@given(pieces=st.lists(st.integers(), max_size=20), workers=st.integers(1, 4))
def test_results_come_in_the_order_of_the_pieces(pieces, workers):
    assert list(in_order(str, pieces, workers)) == list(map(str, pieces))


def test_a_later_piece_may_be_done_first():
    done = Event()

    def work(piece):
        if piece:
            done.set()
        else:
            assert done.wait(10)
        return piece

    assert list(in_order(work, [0, 1], workers=2)) == [0, 1]


def test_one_worker_is_the_caller():
    assert list(in_order(lambda _: current_thread(), [0], workers=1)) == [main_thread()]


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_pieces_are_taken_as_they_are_needed(workers):
    taken = []

    def pieces():
        for number in range(100):
            taken.append(number)
            yield number

    with closing(in_order(abs, pieces(), workers)) as results:
        next(results)
    assert len(taken) <= 2 * workers + 1


def alive():
    return [thread for thread in threads() if thread.name.startswith("postrisk")]


def test_an_error_ends_the_work_and_every_worker():
    started = []

    def work(piece):
        started.append(piece)
        if piece == 1:
            raise KeyError(piece)
        return piece

    with pytest.raises(KeyError), closing(in_order(work, range(1000), workers=3)) as results:
        list(results)
    assert len(started) < 20
    assert not alive()


def test_an_error_while_pieces_are_taken_ends_every_worker():
    def pieces():
        yield 1
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), closing(in_order(abs, pieces(), 2)) as results:
        list(results)
    assert not alive()


@pytest.mark.parametrize("workers", [0, -1])
def test_no_worker_is_refused(workers):
    with pytest.raises(ValueError, match="at least 1"):
        list(in_order(abs, [1], workers))


def test_there_is_a_core():
    assert available_cores() >= 1


def test_freed_memory_is_kept_by_glibc_alone(monkeypatch):
    calls = []
    library = SimpleNamespace(mallopt=lambda *found: calls.append(found))
    monkeypatch.setattr(workers_room.ctypes, "CDLL", lambda _name: library)
    keep_freed_memory()
    assert [parameter for parameter, _ in calls] == [-3, -1]
    monkeypatch.setattr(workers_room.ctypes, "CDLL", lambda _name: SimpleNamespace())
    keep_freed_memory()
    assert len(calls) == 2
