"""The helpers of these tests are plain modules beside them; how hard Hypothesis looks is a profile."""

import os
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, settings

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("handover_sides", "handover_world", "handover_business", "handover_books")

_STEADY = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("check", max_examples=60, derandomize=True, database=None, **_STEADY)
settings.register_profile("ci", max_examples=600, **_STEADY)
settings.register_profile("nightly", max_examples=6_000, **_STEADY)
# a mutant has to be noticed, not understood
settings.register_profile("mutants", parent=settings.get_profile("check"), max_examples=100, phases=[Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))
