"""What the system left in files while it was attacked: the mails that arrived, and its logs."""

import re
from collections import Counter
from collections.abc import Collection, Mapping
from email import message_from_bytes
from pathlib import Path

from faults_support.oracle import Finding
from faults_support.plan import Injection, Kind

# whatever keeps a notifier from noting what it has sent: what is done to one of them, and what the database does to both
_TO_NOTIFIERS = {Kind.KILL, Kind.PAUSE, Kind.LONG_PAUSE, Kind.ZOMBIE, Kind.MEMBERSHIP, Kind.DATABASE_CUT}
_TO_THEIR_DATABASE = {Kind.DATABASE, Kind.FULL_DISK}
_SENDERS = 2  # mails that a notifier has under way at most, and a crash may double
_COUNTED = {"started": "starting", "fenced": "fenced", "claims": "claimed", "turns cut short": "turn over"}
_ALARM = re.compile(r'^.*"event": "(?:drift|lane parked)".*$', re.MULTILINE)
_SHOWN = 5  # alarms of each process


def hits_notifier(injection: Injection) -> bool:
    """Whether a mail may be sent again for its sake."""
    hit = injection.kind in _TO_NOTIFIERS and injection.service == "notifier"
    return hit or injection.kind in _TO_THEIR_DATABASE


def look_at_mails(mailbox: Path, sent: Collection[str], hits: int) -> tuple[list[Finding], str]:
    """Each mail that was `sent` arrived; not more are doubled than were under way when a notifier was hit."""
    files = [file.read_bytes() for file in mailbox.glob("*.eml")]
    received = Counter(message_from_bytes(file)["Message-ID"].strip() for file in files)
    most, doubled, found = 2 * _SENDERS * hits, received.total() - len(received), list[Finding]()
    if lost := set(sent) - received.keys():
        found.append(Finding("lost", f"{len(lost)} mails that were sent did not arrive"))
    if doubled > most:
        found.append(Finding("doubled", f"{doubled} mails"))
    return found, f"{len(received)} mails, {doubled} of them twice (at most {most})"


def look_at_logs(logs: Mapping[str, Path]) -> tuple[list[Finding], str]:
    """The auditor has raised no alarm, and no lane was parked. `logs`: by process."""
    again, found = Counter[str](), list[Finding]()
    for name, path in logs.items():
        text = path.read_text("utf-8", "replace")
        again.update({called: len(re.findall(f'"event": "{event}"', text)) for called, event in _COUNTED.items()})
        found += [Finding("wrong", f"{name}: {line}") for line in _ALARM.findall(text)[:_SHOWN]]
    return found, ", ".join(f"{called}: {again[called]}" for called in _COUNTED)
