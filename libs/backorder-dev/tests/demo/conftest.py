import copy
import sys
from dataclasses import replace
from pathlib import Path

import pytest

# the helpers of these tests (demo_desk, demo_tamper) are plain modules beside them
sys.path.insert(0, str(Path(__file__).parent))

from demo_desk import play

from backorder_dev.demo.letters import subscribers
from backorder_dev.demo.plan import make_plan


@pytest.fixture(scope="session")
def honest():
    plan = make_plan(seed=1, lines=300, seconds=30)
    return play(plan, contacts=subscribers(plan.customers, seed=1, push_url="http://127.0.0.1:1/push"))


@pytest.fixture
def evidence(honest):
    """A copy to tamper with."""
    return replace(
        honest, **{name: copy.copy(getattr(honest, name)) for name in ("sent", "events", "mails", "pushes", "lags")}
    )
