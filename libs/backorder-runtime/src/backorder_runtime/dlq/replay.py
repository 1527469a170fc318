"""Publishes refused records again where they came from, and writes down that it was done."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from backorder_contracts.handled import DISCARDED, REPLAYED
from backorder_runtime.dead_letters import NOTHING, Copy, OriginReader, fits_a_letter
from backorder_runtime.dlq.handled import Handled, Handler
from backorder_runtime.dlq.letters import LetterReader, StoredLetter, headers_again, is_input
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher

_AT_ONCE = 200


@dataclass(slots=True)
class Account:
    """What became of the letters that were to be replayed. `left` is letter → why it could not be."""

    replayed: int
    left: dict[str, str]


class Replayer:
    """Replays letters in small groups: each is claimed, published, and noted, before the next begins."""

    def __init__(
        self, reader: LetterReader, origins: OriginReader, handled: Handled, publisher: Publisher, handler: Handler
    ) -> None:
        self._reader = reader
        self._origins = origins
        self._handled = handled
        self._publisher = publisher
        self._handler = handler
        self.account = Account(0, {})

    async def replay(self, letters: Sequence[StoredLetter]) -> None:
        """Replay these letters in their order. What was replayed when it fails stays so; `account` says how many.

        Raises `PublishingFailed`, KafkaException and KafkaError.
        """
        for service, of_service in groupby(letters, key=lambda letter: letter.service):
            wanted = {letter.offset for letter in of_service}
            group: list[StoredLetter] = []
            async for letter in self._reader.read(service, offsets=range(min(wanted), max(wanted) + 1)):
                if letter.offset in wanted:
                    group.append(letter)
                if len(group) == _AT_ONCE:
                    await self._replay(group)
                    group = []
            await self._replay(group)

    async def _replay(self, group: Sequence[StoredLetter]) -> None:
        copies = {letter.id: await self._copy(letter) for letter in group}
        whole = [letter for letter in group if copies[letter.id] != NOTHING or letter.has_copy]
        for letter in group:
            if letter not in whole:
                self.account.left[letter.id] = "the letter does not have the record, and its topic no longer does"
        if not whole:
            return
        ours = await self._handled.claim(self._publisher, whole, self._handler)
        for letter in whole:
            if letter not in ours:
                self.account.left[letter.id] = "somebody else is dealing with it"
        await self._publisher.publish([_again(letter, copies[letter.id]) for letter in ours])
        await self._publisher.publish(self._handled.words(ours, REPLAYED, self._handler))
        self.account.replayed += len(ours)

    async def _copy(self, letter: StoredLetter) -> Copy:
        return letter_copy(letter) if letter.has_copy else await origin_copy(self._origins, letter)


async def discard(letters: Sequence[StoredLetter], handled: Handled, publisher: Publisher, handler: Handler) -> None:
    """Write down that these letters need nothing any more."""
    await publisher.publish(handled.words(letters, DISCARDED, handler))


async def stands_at_origin(origins: OriginReader, letter: StoredLetter) -> bool:
    """Whether the record can still be read where it was refused."""
    return await origin_copy(origins, letter) != NOTHING


async def origin_copy(origins: OriginReader, letter: StoredLetter) -> Copy:
    """The record where it was refused, if that is still the one that the letter is about; else nothing."""
    copy = (await origins.read([letter.origin]))[letter.origin]
    return NOTHING if copy is None or _is_another(letter, copy) else copy


def _is_another(letter: StoredLetter, copy: Copy) -> bool:
    """Whether the record is not the one that was refused: that one was too large, or gone, when it was to be copied."""
    key, _, headers = copy
    return (
        fits_a_letter(letter.service, copy)
        or (letter.key is not None and letter.key != key)
        or bool(letter.headers and letter.headers != headers)
    )


def letter_copy(letter: StoredLetter) -> Copy:
    """The record as the letter has it."""
    return letter.key, letter.value, letter.headers


def is_doubtful(letter: StoredLetter, handled: Handled) -> bool:
    """Whether replaying it could do twice what must be done once: nobody knows if it was replayed."""
    return handled.in_doubt(letter) and not is_input(letter.why.topic)


def _again(letter: StoredLetter, copy: Copy) -> Wire:
    key, value, headers = copy
    # where it stood, whatever the key: a copy for every partition went to each
    return Wire(letter.why.topic, key, value, headers_again(letter, headers), letter.why.partition)
