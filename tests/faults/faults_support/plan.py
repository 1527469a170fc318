"""Which fault comes when, to whom, and for how long: drawn from a seed, without any I/O."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import TypeVar

SERVICES = ("gap-detector", "inventory-sync", "priority-router", "notifier")
BROKERS = 3
BOTH = 0  # instead of the number of one of the two processes of a service
LONG = 30.0  # seconds that some pauses take
# seconds that some cuts take: longer than a service waits for an answer to its work, which is 60 for a statement, 40
# for aiokafka and 60 for librdkafka; so each has given up, and has tried in vain what it does then
OUTAGE = 75.0
_CUTS_TO_AN_OUTAGE = 20  # of those that last; the one is among them
T = TypeVar("T")


class Kind(Enum):
    """A kind of fault; the value is how the table names it."""

    KILL = "kill -9 of a service"
    PAUSE = "SIGSTOP of a service"
    ZOMBIE = "zombie after its partitions moved"
    MEMBERSHIP = "member leaves and joins"
    STORM = "rebalance storm"
    DATABASE = "database stopped immediately"
    CLUSTER = "all brokers killed"
    LEADER = "leader killed"
    COORDINATOR = "group coordinator killed"
    BROKER_CUT = "service cut from the brokers"
    DATABASE_CUT = "service cut from the database"
    FULL_DISK = "database's disk full"


class Mode(Enum):
    """How a connection is cut."""

    CUT = "reset once"
    REFUSE = "reset, and again at each try"
    STALL = "nothing passes, nothing is lost"
    MUTE = "requests pass, answers are lost"


# what one round of a short run holds: the others take longer, or do in another way what one of these does
SHORT = (
    Kind.KILL,
    Kind.PAUSE,
    Kind.ZOMBIE,
    Kind.DATABASE,
    Kind.LEADER,
    Kind.BROKER_CUT,
    Kind.DATABASE_CUT,
    Kind.FULL_DISK,
)


@dataclass(frozen=True, slots=True)
class Injection:
    """One fault. `seconds` is how long it lasts, where it lasts; `process` is 1, 2 or `BOTH`, where it has a target."""

    number: int
    kind: Kind
    service: str | None = None
    process: int = BOTH
    seconds: float = 0.0
    mode: Mode | None = None
    draw: int = 0  # for what the campaign cannot know before: which lane's leader, which group's coordinator

    def __str__(self) -> str:
        """As the log of a campaign names it."""
        who = f" {self.service}/{self.process or 'both'}" if self.service else ""
        how = f", {self.mode.value}" if self.mode else ""
        long = f", {self.seconds:.1f} s" if self.seconds else ""
        return f"{self.number}. {self.kind.value}{who}{how}{long}"


def rounds(
    seed: int, *, session: float, long_share: float = 0.1, kinds: Sequence[Kind] = tuple(Kind)
) -> Iterator[list[Injection]]:
    """Round after round for ever; each holds every kind once, in an order of its own.

    Args:
        seed: gives the same plan again.
        session: seconds after which a silent member has lost its partitions; every pause is longer.
        long_share: of the pauses, those that take half a minute. When it is 0, no cut is an outage either.
        kinds: which faults.
    """
    draw = random.Random(seed)
    targets = {kind: _turns(draw, SERVICES) for kind in kinds}
    cuts = {kind: _cuts(draw, outages=long_share > 0) for kind in kinds}
    pauses = _turns(draw, [True] * round(long_share * 20) + [False] * round((1 - long_share) * 20))
    number = 0
    while True:
        order = list(kinds)
        draw.shuffle(order)
        found = []
        for kind in order:
            number += 1
            long = kind is Kind.PAUSE and next(pauses)
            found.append(_injection(number, kind, draw, targets[kind], cuts[kind], session, long=long))
        yield found


def _injection(
    number: int,
    kind: Kind,
    draw: random.Random,
    targets: Iterator[str],
    cuts: Iterator[tuple[Mode, bool]],
    session: float,
    *,
    long: bool,
) -> Injection:
    both_share = {Kind.KILL: 0.2, Kind.BROKER_CUT: 0.5, Kind.DATABASE_CUT: 0.5}
    service, process, mode, seconds = None, BOTH, None, 0.0
    if kind in {Kind.KILL, Kind.PAUSE, Kind.ZOMBIE, Kind.MEMBERSHIP, Kind.BROKER_CUT, Kind.DATABASE_CUT}:
        service = next(targets)
        process = BOTH if draw.random() < both_share.get(kind, 0) else draw.choice((1, 2))
    if kind in {Kind.BROKER_CUT, Kind.DATABASE_CUT}:
        mode, outage = next(cuts)
        seconds = OUTAGE if outage else 0.0 if mode is Mode.CUT else draw.uniform(0.5, 2 * session)
    match kind:
        case Kind.PAUSE:
            seconds = LONG if long else session + draw.uniform(2, 4)
        case Kind.MEMBERSHIP:
            seconds = draw.uniform(0.2, 1.5)
        case Kind.STORM:
            seconds = draw.uniform(2, 4)
        case Kind.FULL_DISK:
            seconds = draw.uniform(1, 3)
        case _:
            pass
    return Injection(number, kind, service, process, round(seconds, 2), mode, draw.randrange(1 << 30))


def _cuts(draw: random.Random, *, outages: bool) -> Iterator[tuple[Mode, bool]]:
    """How one after the other is cut, and whether that is an outage."""
    turns = _turns(draw, [True] + [False] * (_CUTS_TO_AN_OUTAGE - 1))
    for mode in _turns(draw, tuple(Mode)):
        yield mode, outages and mode is not Mode.CUT and next(turns)


def _turns(draw: random.Random, choices: Sequence[T]) -> Iterator[T]:
    """Each choice as often as any other, in a new order each time round."""
    while True:
        yield from draw.sample(choices, len(choices))
