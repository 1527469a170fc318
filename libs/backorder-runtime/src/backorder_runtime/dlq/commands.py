"""`backorder dlq`: list, show, replay and discard dead letters."""

import getpass
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Annotated, Any
from uuid import uuid4

from cyclopts import App, Parameter
from rich.console import Console

from backorder_contracts.fields import MAX_PROSE
from backorder_runtime import command_line
from backorder_runtime.clock import utc_now
from backorder_runtime.command_line import CannotDo, agreed, say, say_json, tell
from backorder_runtime.dead_letters import OriginReader
from backorder_runtime.dlq import show as showing
from backorder_runtime.dlq.handled import Handled, Handler
from backorder_runtime.dlq.letters import LetterReader
from backorder_runtime.dlq.replay import Replayer, is_doubtful, stands_at_origin
from backorder_runtime.dlq.replay import discard as put_aside
from backorder_runtime.dlq.selection import Found, Selection, find, select
from backorder_runtime.local_settings import kafka_settings
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

app = App(help="Dead letters: the records that a service refused, untouched, with the reason.")

Work = Callable[[KafkaSettings], Coroutine[Any, Any, None]]
Flag = Parameter(negative=())
_Several = Parameter(negative=(), consume_multiple=False, show_default=False)
Json = Annotated[bool, Parameter(name="--json", negative=())]


@Parameter(name="*")
@dataclass(frozen=True)
class Choice:
    """Which letters. Everything that is named has to hold; what may be repeated means any of them."""

    service: Annotated[tuple[str, ...], _Several, Parameter(help="The service that refused them; repeatable.")] = ()
    reason: Annotated[tuple[str, ...], _Several, Parameter(help="The reason code; repeatable.")] = ()
    topic: Annotated[tuple[str, ...], _Several, Parameter(help="The topic they came from; repeatable.")] = ()
    since: Annotated[str | None, Parameter(help="Refused since: a time, a date, or a span such as 2h or 3d.")] = None
    until: Annotated[str | None, Parameter(help="Refused before: likewise.")] = None
    offsets: Annotated[str | None, Parameter(help="Offsets in the dead-letter topic of one --service: 10-20.")] = None

    def selection(self, letters: Sequence[str] = (), *, handled: bool) -> Selection:
        """What it selects. Raises `CannotDo`."""
        return select(
            utc_now(),
            letters=letters,
            service=self.service,
            reason=self.reason,
            topic=self.topic,
            since=self.since,
            until=self.until,
            offsets=self.offsets,
            handled=handled,
        )


_ALL = Choice()


@app.command(name="list")
def list_letters(
    choice: Choice = _ALL,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    limit: int = 50,
    as_json: Json = False,
) -> None:
    """Print the letters that nobody has dealt with yet, oldest first.

    Args:
        choice: Which.
        all_: Print those too that were replayed or discarded.
        limit: Print the newest so many; 0 for all.
        as_json: Print all as a JSON array, for programs.
    """

    async def run(kafka: KafkaSettings) -> None:
        selection = choice.selection(handled=all_)
        async with _opened(kafka) as (reader, handled):
            found = await find(reader, handled, selection)
        events = [handled.of(each.letter) for each in found]
        if as_json:
            say_json([showing.as_json(each.letter, event) for each, event in zip(found, events, strict=True)])
            return
        shown = slice(-limit if limit > 0 else None, None)
        if found:
            showing.table(found[shown], events[shown], Console(highlight=False))
            say(f"\n{showing.summary(found)}{_hidden(found, limit)}")
        else:
            say("no dead letters")
        if reader.strangers:
            tell(f"{reader.strangers} records on these topics are no dead letters; they are left out")

    _run(run)


@app.command
def show(letter: str, *, as_json: Json = False) -> None:
    """Print one letter whole: why it was refused, where it stood, key, headers and value.

    Args:
        letter: SERVICE/OFFSET, as `backorder dlq list` names it.
        as_json: Print it as JSON, for programs.
    """

    async def run(kafka: KafkaSettings) -> None:
        selection = select(utc_now(), letters=[letter], handled=True)
        async with _opened(kafka) as (reader, handled):
            (service,) = selection.services
            found = [x async for x in reader.read(service, offsets=selection.span(service)) if selection.fits(x)]
        if len(found) != 1:
            raise CannotDo(f"there is no dead letter {letter}" if not found else f"{letter} is more than one")
        event = handled.of(found[0])
        if as_json:
            say_json(showing.whole_as_json(found[0], event))
        else:
            showing.whole(found[0], event, Console(highlight=False))

    _run(run)


@app.command
def replay(
    *letters: str,
    choice: Choice = _ALL,
    dry_run: Annotated[bool, Flag] = False,
    yes: Annotated[bool, Flag] = False,
    again: Annotated[bool, Flag] = False,
    by: str | None = None,
    note: str | None = None,
) -> None:
    """Publish refused records again where they came from, after the cause is mended.

    Nothing happens twice that had happened already, however often an input is replayed: each has an identity. What
    is refused once more becomes a new letter.

    Args:
        letters: SERVICE/OFFSET or SERVICE/FIRST-LAST; or choose by the options.
        choice: Which.
        dry_run: Say what would be done, and do nothing.
        yes: Do not ask.
        again: Also what was replayed or discarded before.
        by: Who does it; else the user of this machine.
        note: Why; it is kept with the letters.
    """

    async def run(kafka: KafkaSettings) -> None:
        selection, handler = _chosen(letters, choice, again=again), _handler(by, note)
        async with _opened(kafka) as (reader, handled), _origins(kafka) as origins:
            found = await _found(reader, handled, selection)
            chosen, left = await _possible(found, handled, origins, again=again)
            if dry_run:
                say(f"would replay {showing.summary(chosen)}" if chosen else "would replay nothing")
            elif chosen and agreed(f"replay {showing.summary(chosen)}", yes=yes):
                with _published(kafka) as publisher:
                    replayer = Replayer(reader, origins, handled, publisher, handler)
                    try:
                        await replayer.replay([each.letter for each in chosen])
                    finally:
                        say(f"replayed {showing.count(replayer.account.replayed)}")
                left |= replayer.account.left
        for letter, why in left.items():
            tell(f"{letter}: {why}")
        if left:
            raise CannotDo(f"{showing.count(len(left))} not replayed")

    _run(run)


@app.command
def discard(
    *letters: str,
    choice: Choice = _ALL,
    dry_run: Annotated[bool, Flag] = False,
    yes: Annotated[bool, Flag] = False,
    by: str | None = None,
    note: str | None = None,
) -> None:
    """Mark letters as dealt with: they need no replay, because a corrected record was published, say.

    Args:
        letters: SERVICE/OFFSET or SERVICE/FIRST-LAST; or choose by the options.
        choice: Which.
        dry_run: Say what would be done, and do nothing.
        yes: Do not ask.
        by: Who does it; else the user of this machine.
        note: Why; it is kept with the letters.
    """

    async def run(kafka: KafkaSettings) -> None:
        selection, handler = _chosen(letters, choice, again=False), _handler(by, note)
        async with _opened(kafka) as (reader, handled):
            found = await _found(reader, handled, selection)
            if dry_run:
                say(f"would discard {showing.summary(found) if found else 'nothing'}")
            elif found and agreed(f"discard {showing.summary(found)}", yes=yes):
                with _published(kafka) as publisher:
                    await put_aside([each.letter for each in found], handled, publisher, handler)
                say(f"discarded {showing.count(len(found))}; `backorder dlq list --all` still shows them")

    _run(run)


def _chosen(letters: Sequence[str], choice: Choice, *, again: bool) -> Selection:
    """The letters to do something with: never all of them by mistake."""
    if not letters and choice == _ALL:
        raise CannotDo(
            "which letters? Name them, or choose by --service, --reason, --topic, --since, --until, --offsets"
        )
    return choice.selection(letters, handled=again)


async def _found(reader: LetterReader, handled: Handled, selection: Selection) -> list[Found]:
    found = await find(reader, handled, selection)
    if not found:
        say("no dead letter that waits to be dealt with is selected; `backorder dlq list --all` shows the others")
    return found


async def _possible(
    found: Sequence[Found], handled: Handled, origins: OriginReader, *, again: bool
) -> tuple[list[Found], dict[str, str]]:
    """The letters that can be replayed, and for the others, why not."""
    left = {}
    for each in found:
        letter = each.letter
        if is_doubtful(letter, handled) and not again:
            left[letter.id] = (
                "a replay of it was begun and not ended, and between services a message counts each time: look with "
                "`backorder audit` whether its effect is there, then say --again or discard it"
            )
        elif not letter.has_copy and not await stands_at_origin(origins, letter):
            left[letter.id] = "the letter does not have the record, and its topic no longer does"
    chosen = [each for each in found if each.letter.id not in left]
    if doubtful := sum(handled.in_doubt(each.letter) for each in chosen):
        tell(f"{showing.count(doubtful)} may have been replayed before, by a command that was cut off")
    return chosen, left


def _hidden(found: Sequence[Found], limit: int) -> str:
    return f"; the newest {limit} are shown, --limit 0 shows all" if 0 < limit < len(found) else ""


def _handler(by: str | None, note: str | None) -> Handler:
    who = by or getpass.getuser()
    if not (who.isprintable() and len(who) <= 64):  # noqa: PLR2004 - an identifier's length
        raise CannotDo("--by must be 1 to 64 printable characters")
    if note is not None and (len(note) > MAX_PROSE or not note.isprintable()):
        raise CannotDo(f"--note must be at most {MAX_PROSE} printable characters")
    return Handler(uuid4().hex[:16], who, utc_now(), note)


@asynccontextmanager
async def _opened(kafka: KafkaSettings) -> AsyncIterator[tuple[LetterReader, Handled]]:
    async with LetterReader(kafka) as reader, Handled(kafka) as handled:
        yield reader, handled


@asynccontextmanager
async def _origins(kafka: KafkaSettings) -> AsyncIterator[OriginReader]:
    origins = OriginReader(kafka)
    try:
        yield origins
    finally:
        await origins.close()


@contextmanager
def _published(kafka: KafkaSettings) -> Iterator[Publisher]:
    publisher = Publisher(kafka)
    try:
        yield publisher
    finally:
        publisher.close()


def _run(work: Work) -> None:
    async def with_settings() -> None:
        await work(kafka_settings())

    command_line.run("dlq", with_settings())
