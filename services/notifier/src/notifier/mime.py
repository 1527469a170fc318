"""A letter as an e-mail. Whatever stands in ids, it cannot become a header, a line or a tag of its own."""

import re
from collections.abc import Iterator
from datetime import datetime
from email import policy
from email.header import Header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.utils import format_datetime
from typing import Final

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from backorder_contracts.fields import PRINTABLE
from notifier.domain.compose import Letter
from notifier.domain.identity import back_order_thread, order_thread
from notifier.settings import SmtpSettings
from notifier.wire import mail_id

# the legacy policy keeps headers as they are written: the newer one decodes `=?…?=` inside of them first,
# which turns an id like `=?utf-8?q?=0ABcc:…?=` into a line break (CVE-2024-6923)
_POLICY: Final = policy.compat32.clone(linesep="\r\n")
_MAX_REFERENCES: Final = 10
# what no identifier may hold, and lone surrogates, which are no text at all
_unprintable: Final = re.compile(PRINTABLE.replace("^[^", "[").replace("]+$", r"\ud800-\udfff]"))

_templates = Environment(
    loader=PackageLoader("notifier", "templates"),
    autoescape=select_autoescape(enabled_extensions=("html.j2",), default=True, disabled_extensions=("txt.j2",)),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
)


def mail_domain(settings: SmtpSettings) -> str:
    """The domain of our Message-IDs: the sender's."""
    return settings.sender.rpartition("@")[2]


def write_mail(letter: Letter, message_id: str, to: str, written_at: datetime, settings: SmtpSettings) -> bytes:
    """The mail, byte for byte the same for the same letter: a second try is recognisable as the first."""
    mail = MIMEMultipart("alternative", boundary=f"=_{message_id}")
    for name, value in _headers(letter, message_id, to, written_at, settings):
        mail[name] = value
    context = {"letter": letter, "sender": settings.sender_name}
    for kind in ("plain", "html"):
        template = "message.html.j2" if kind == "html" else "message.txt.j2"
        text = _templates.get_template(template).render(context)
        part = MIMEText(text.encode("utf-8", "replace").decode(), kind, "utf-8")
        del part["MIME-Version"]
        mail.attach(part)
    return mail.as_bytes(policy=_POLICY)


def header_text(value: str) -> str:
    """Text as a header value: one line of ASCII, and never read as an encoded word that it is not."""
    line = _unprintable.sub("\ufffd", value)
    if line.isascii() and "=?" not in line:
        return line
    return Header(line, "utf-8").encode(maxlinelen=75).replace("\n ", " ")


def _headers(
    letter: Letter, message_id: str, to: str, written_at: datetime, settings: SmtpSettings
) -> Iterator[tuple[str, str]]:
    domain = mail_domain(settings)
    yield "Message-ID", mail_id(message_id, domain)
    yield "Date", format_datetime(written_at)
    yield "From", _mailbox(settings.sender_name, settings.sender)
    if settings.reply_to:
        yield "Reply-To", settings.reply_to
    yield "To", to
    yield "Subject", header_text(letter.subject)
    threads = _threads(letter, domain)
    yield "In-Reply-To", threads[-1]
    yield "References", " ".join(threads)
    yield "Auto-Submitted", "auto-generated"
    yield "X-Auto-Response-Suppress", "All"
    yield "List-Unsubscribe", f"<mailto:{settings.unsubscribe or settings.sender}?subject=unsubscribe>"
    for item in letter.items:
        yield "X-Backorder-Id", header_text(item.back_order_id)


def _threads(letter: Letter, domain: str) -> list[str]:
    """The conversations a mail belongs to: the order's, and the back order's if it is about one only."""
    order = mail_id(order_thread(letter.order_id), domain)
    own = [mail_id(back_order_thread(item.back_order_id), domain) for item in letter.items[:_MAX_REFERENCES]]
    return [order, *own] if len(letter.items) == 1 else [*own, order]


def _mailbox(name: str, address: str) -> str:
    shown = header_text(name)
    if "=?" in shown:
        return f"{shown} <{address}>"
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'
