"""The meters of the benchmarks: they measure what runs, and say so when it does not."""

import os
import subprocess
import sys

import pytest
from meters import HasEnded, cpu_seconds, memory_mb


def test_a_process_that_runs_has_used_something():
    own = {"this one": os.getpid()}
    assert cpu_seconds(own)["this one"] > 0
    assert memory_mb(own)["this one"] > 0


@pytest.mark.parametrize("meter", [cpu_seconds, memory_mb])
def test_a_process_that_has_ended_is_named_instead_of_passing_for_one_that_uses_nothing(meter):
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    with pytest.raises(HasEnded, match="the router"):
        meter({"this one": os.getpid(), "the router": process.pid})
