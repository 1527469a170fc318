"""How often the services take a turn: ADR 20."""

from itertools import pairwise

import pytest

from backorder_runtime.settings import Settings
from inventory_sync.settings import InventorySettings
from notifier.settings import NotifierSettings
from priority_router.settings import RouterSettings


def test_the_ledger_takes_turns_most_often_and_the_notifier_least_often():
    paces = [each().engine.pace for each in (Settings, InventorySettings, RouterSettings, NotifierSettings)]
    assert paces == [0.01, 0.05, 0.05, 0.25]
    assert all(sooner <= later for sooner, later in pairwise(paces))


@pytest.mark.parametrize("settings", [InventorySettings, RouterSettings, NotifierSettings])
def test_a_pace_stays_when_something_else_of_the_engine_is_set_and_can_be_set_itself(settings, monkeypatch):
    before = settings().engine.pace
    monkeypatch.setenv("BACKORDER_ENGINE__GRACE", "5")
    assert (settings().engine.pace, settings().engine.grace) == (before, 5)
    monkeypatch.setenv("BACKORDER_ENGINE__PACE", "0.02")
    assert settings().engine.pace == 0.02
