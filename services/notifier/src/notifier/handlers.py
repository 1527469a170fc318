"""The lanes of one shard: state events become notifications, finished notifications become outcomes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from backorder_runtime.asking import Asking
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Effect, Record, Timer
from notifier import metrics, repository
from notifier.domain.decide import Fact, Habits, Queued, Reach, Seen, Settled, decide
from notifier.domain.model import Audience, Notification, Outcome, Recipient, StateEvent
from notifier.settings import TeamSettings
from notifier.wire import read_state, write_outcome

_OUTCOME = "outcome:"


@dataclass(frozen=True, slots=True)
class OutcomeDue:
    """A notification has come to its end; that is to be published."""

    notification_id: str


Input: TypeAlias = StateEvent | OutcomeDue


class NotifierHandler:
    """Keeps nothing between batches: what a batch needs is loaded, what it changes is saved."""

    def __init__(self, habits: Habits, team: TeamSettings, mail_domain: str) -> None:
        self._team = team
        self._team_is_known = False
        self._mail_domain = mail_domain
        self._habits = habits
        self._seen: dict[str, int] = {}
        self._reach: Reach = {}
        self._finished: dict[str, Outcome] = {}
        self._noted: dict[str, Seen] = {}
        self._queued: list[Notification] = []
        self._now: datetime | None = None

    def decode(self, record: Record) -> Arrived[Input]:
        """The state event of a record. Raises `Refused` for a dead letter."""
        event = read_state(record)
        return Arrived(event.lane, event)

    def on_timer(self, timer: Timer) -> Arrived[Input]:
        """The end of a notification, which its sender rang for."""
        return Arrived(timer.lane, OutcomeDue(timer.key.removeprefix(_OUTCOME)))

    def load(self, arrived: Sequence[Arrived[Input]]) -> Asking[None]:
        """Versions seen, contacts that may be told, and notifications that have ended."""
        events = [each.event for each in arrived]
        states = [event.state for event in events if isinstance(event, StateEvent)]
        due = [event.notification_id for event in events if isinstance(event, OutcomeDue)]
        self._noted, self._queued = {}, []
        if not self._team_is_known:
            # whoever decides first says where the team is reached; a restart brings a change in
            yield from repository.seed_team(self._team)
            self._team_is_known = True
        self._seen, self._reach = {}, {}
        if states:
            people = {Recipient(Audience.CUSTOMER, state.customer_id) for state in states}
            people.add(Recipient(Audience.TEAM, self._habits.team_id))
            self._seen = yield from repository.seen_versions({state.back_order_id for state in states})
            self._reach = yield from repository.reach(people)
        self._finished = (yield from repository.finished(due)) if due else {}

    def spread(self, arrived: Arrived[Input], _kept_for: str | None) -> Sequence[Arrived[Input]]:
        """Every input is of one lane."""
        return (arrived,)

    def decide(self, arrived: Arrived[Input], now: datetime) -> Sequence[Fact]:
        """Who hears of an event; or how a notification ended."""
        match arrived.event:
            case StateEvent() as event:
                seen = self._seen.get(event.state.back_order_id, 0)
                return decide(seen, self._reach, event, now, self._habits)
            case OutcomeDue(notification_id):
                outcome = self._finished.get(notification_id)
                return (Settled(outcome),) if outcome else ()

    def evolve(self, arrived: Arrived[Input], facts: Sequence[Fact], now: datetime) -> Sequence[Effect]:
        """Note what is to be stored; publish what is settled."""
        self._now = now
        effects: list[Effect] = []
        for fact in facts:
            match fact:
                case Seen(back_order_id, version):
                    before = self._seen.get(back_order_id)
                    if before is not None and version != before + 1:
                        metrics.GAPS.inc()
                    self._seen[back_order_id] = version
                    self._noted[back_order_id] = fact
                case Queued(notification):
                    self._queued.append(notification)
                case Settled(outcome):
                    effects.append(write_outcome(arrived.lane, outcome, self._mail_domain))
                    metrics.SENT.labels(outcome.channel, outcome.result).inc()
        return effects

    def save(self) -> Asking[None]:
        """The versions seen, the notifications that wait, and the older ones that they make needless."""
        if self._now is None:
            return
        if self._noted:
            yield from repository.note_versions(list(self._noted.values()), self._now)
        if self._queued:
            yield from repository.queue(self._queued, self._now)
