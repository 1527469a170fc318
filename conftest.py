"""How hard Hypothesis looks, for the tests of all members: the profile that HYPOTHESIS_PROFILE names, else `check`."""

import os

from hypothesis import HealthCheck, Phase, settings

_STEADY = {"deadline": None, "print_blob": True, "suppress_health_check": [HealthCheck.too_slow]}
settings.register_profile("check", max_examples=60, derandomize=True, database=None, **_STEADY)
settings.register_profile("ci", max_examples=600, **_STEADY)
settings.register_profile("nightly", max_examples=6_000, **_STEADY)
# a mutant has to be noticed, not understood
settings.register_profile("mutants", parent=settings.get_profile("check"), max_examples=100, phases=[Phase.generate])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "check"))
