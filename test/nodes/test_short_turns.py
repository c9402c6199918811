"""The turns of threads are short while nodes run, and as before afterwards."""

import sys

import pytest

from avloc_ros.nodes.base.compose import TURN_S, run_in_one_process, short_turns


def test_turns_are_short_while_nodes_run_and_then_as_before():
    before_s, seen = sys.getswitchinterval(), []

    def until() -> bool:
        seen.append(sys.getswitchinterval())
        return True

    assert run_in_one_process([], until=until) == 0
    assert seen == [pytest.approx(TURN_S)] and sys.getswitchinterval() == before_s


def test_an_error_also_puts_them_back():
    before_s = sys.getswitchinterval()
    with pytest.raises(RuntimeError), short_turns():
        raise RuntimeError
    assert sys.getswitchinterval() == before_s
