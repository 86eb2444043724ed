"""Reading ahead and writing behind."""

import threading

import pytest

from segcore.data.background import DEPTH, WriteBehind, overlapped, read_ahead


def test_no_more_than_a_few_items_wait():
    made = []

    def items():
        for index in range(100):
            made.append(index)
            yield index

    ahead = read_ahead(items())
    assert [next(ahead) for _ in range(10)] == list(range(10))
    assert len(made) <= 10 + DEPTH
    ahead.close()
    assert len(made) < 100


def test_errors_of_the_thread_are_raised_in_the_loop():
    def items():
        yield 1
        raise ValueError("broken")

    ahead = read_ahead(items())
    assert next(ahead) == 1
    with pytest.raises(ValueError, match="broken"):
        next(ahead)


def test_two_items_are_worked_on_at_a_time_and_results_keep_their_order():
    both = threading.Barrier(2)  # passed by two threads at once only

    def work(item):
        both.wait(timeout=60)
        return item

    assert list(overlapped(work, range(8))) == list(range(8))
    results = overlapped(lambda item: 1 // item, [1, 0, 1])
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)


def test_calls_run_in_order_in_another_thread_and_their_error_is_raised():
    done, here = [], threading.get_ident()
    with WriteBehind() as later:
        for index in range(20):
            later(lambda index=index: done.append((index, threading.get_ident() != here)))
    assert done == [(index, True) for index in range(20)]

    def fail():
        raise OSError("full")

    with pytest.raises(OSError, match="full"), WriteBehind() as later:
        later(fail)
