"""What the queue of a lane reacts to: the messages of the ledger, commands, what is inbound, timers, policies."""

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from backorder_contracts.internal import Cause, CommandEntry, QueueEntry
from priority_router.domain.policy import Policy

RELEASE = "release"  # set-aside units are ready to be released
DUE = "due"  # a due date passes
FORECAST = "forecast"  # promises are to be reckoned anew
SETTLE = "settle"  # the rules changed: hand out again
OVERDUE = "overdue"  # a delivery is late: promises that rest on it are in the past
TIMERS = (RELEASE, DUE, FORECAST, SETTLE, OVERDUE)


@dataclass(frozen=True, slots=True)
class Inbound:
    """`units` of a supplier delivery that are still to come, and when: the median and a cautious date."""

    delivery_id: str
    units: int
    p50: datetime
    p90: datetime


@dataclass(frozen=True, slots=True)
class InboundSeen:
    """All deliveries of the lane that are not fully received; what is not named is not coming."""

    deliveries: tuple[Inbound, ...]
    cause: Cause


@dataclass(frozen=True, slots=True)
class TimerRang:
    """A time that the queue asked to be told about has come. Ringing twice does nothing more."""

    key: str
    at: datetime


@dataclass(frozen=True, slots=True)
class PolicyTaken:
    """Another policy holds from now on."""

    policy: Policy
    cause: Cause


Event: TypeAlias = QueueEntry | CommandEntry | InboundSeen | TimerRang | PolicyTaken
