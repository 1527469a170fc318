"""Stops a service that refuses nearly everything from its start: then the fault is its own, and no publisher's.

A publisher that goes wrong does so after this version has read good records of the topic: those letters are written,
however many. A version of ours that is wrong refuses from its first record on. So what counts is what this process
has read of a topic since it started, and a topic of which it has accepted enough is not judged any more.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from backorder_runtime.outbox import Letter
from backorder_runtime.settings import EngineSettings

_PROVEN = 20  # times the minimum


class TooManyRefused(Exception):
    """Nearly all of a topic is refused. Nothing of this batch was published or committed; the message says more."""


class Tally(NamedTuple):
    """What one batch adds, per topic, once it is committed."""

    accepted: Counter[str]
    letters: Sequence[Letter]


_NOTHING = Tally(Counter(), ())


class RefusalLimit:
    """What one process has accepted and refused, per topic."""

    def __init__(self, service: str, topics: Iterable[str], engine: EngineSettings) -> None:
        self._service = service
        self._share = engine.dead_letter_limit
        self._least = engine.dead_letter_minimum
        self._doubtful = set(topics) if self._share else set()
        self._accepted: Counter[str] = Counter()
        self._refused: defaultdict[str, Counter[str]] = defaultdict(Counter)

    def judge(self, accepted: Counter[str], letters: Sequence[Letter]) -> Tally:
        """Look at a batch before anything of it is published or stored: its good inputs by topic, and its letters.

        Returns what to `keep` once the batch is committed. Raises `TooManyRefused`.
        """
        if not self._doubtful:
            return _NOTHING
        tally = Tally(accepted, letters)
        for topic, letter in {letter.origin.topic: letter for letter in letters}.items():
            if topic in self._doubtful:
                self._judge(topic, tally, letter)
        return tally

    def keep(self, tally: Tally) -> None:
        """Count a batch that was committed."""
        self._accepted.update(tally.accepted)
        for letter in tally.letters:
            self._refused[letter.origin.topic][letter.reason] += 1
        self._doubtful -= {topic for topic in tally.accepted if self._accepted[topic] >= _PROVEN * self._least}

    def _judge(self, topic: str, tally: Tally, last: Letter) -> None:
        reasons = self._refused[topic] + Counter(x.reason for x in tally.letters if x.origin.topic == topic)
        refused = reasons.total()
        read = refused + self._accepted[topic] + tally.accepted[topic]
        if refused < self._least or refused < self._share * read:
            return
        why = ", ".join(f"{count} {reason}" for reason, count in reasons.most_common(3))
        place = f"{topic}[{last.origin.partition}] {last.origin.offset}"
        raise TooManyRefused(
            f"{self._service} refuses nearly everything: {refused} of the {read} messages of {topic} that it has read "
            f"since it started ({why}; the last at {place}: {last.detail}). If this version is at fault, go back to "
            "the one before. If the publisher is, start with BACKORDER_ENGINE__DEAD_LETTER_LIMIT=0, and all of it "
            "becomes dead letters. Nothing of this batch was published or committed."
        )
