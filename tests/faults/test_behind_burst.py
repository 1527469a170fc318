"""A fault behind a burst comes when those for whom it is have begun with that and are not done."""

from contextlib import asynccontextmanager

import pytest
from e2e_support.backlog import Standing
from faults_support import behind_burst as module
from faults_support.behind_burst import behind_burst
from faults_support.plan import AUDITOR, SERVICES, Injection, Kind
from faults_support.report import Backlog

END = 100


class Paper:
    """Services that take ten records each time they are looked at, and the load that gives them these."""

    def __init__(self, *, begin=True):
        self.at, self.end, self.begin = dict.fromkeys(SERVICES, 0), 0, begin
        self.looks, self.published = [], []

    def burst(self, lines):
        self.published.append(lines)
        self.end = END

    async def standing(self, service):
        self.looks.append(service)
        if self.begin:
            self.at[service] = min(self.end, self.at[service] + 10)
        return Standing({"place": self.at[service]}, 0, 3)

    async def ends(self, _):
        return {"place": self.end}


@pytest.fixture
def come(monkeypatch):
    """Have a fault come behind a burst of this paper."""

    async def there(paper, service=None, draw=0):
        @asynccontextmanager
        async def backlogs(_):
            yield paper

        monkeypatch.setattr(module, "backlogs", backlogs)
        monkeypatch.setattr(module, "_BEGINS", 0.05)
        monkeypatch.setattr(module, "_DELAY", 0.001)
        return await behind_burst(None, paper, Injection(1, Kind.KILL, service, 1, draw=draw, burst=7))

    return there


@pytest.mark.parametrize("service", SERVICES)
async def test_it_comes_when_its_service_has_begun_and_tells_what_that_has_still_to_do(come, service):
    paper = Paper()
    assert await come(paper, service) == Backlog(END - 20, 3)
    assert (set(paper.looks), paper.published) == ({service}, [7])


@pytest.mark.parametrize("service", [None, AUDITOR], ids=["a server", "the auditor"])
async def test_what_is_done_to_all_comes_when_the_first_has_begun_and_tells_of_all(come, service):
    assert await come(Paper(), service) == Backlog(4 * END - 50, 12)


async def test_it_comes_all_the_same_if_nobody_begins_for_seconds(come):
    paper = Paper(begin=False)
    assert await come(paper, "notifier") == Backlog(END, 3)
    assert len(paper.looks) > 2
