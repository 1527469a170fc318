"""E-mail: one connection per sender task, kept while there is something to send."""

import re
from contextlib import suppress

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPResponseException,
    SMTPServerDisconnected,
)

from notifier.delivery import Delivery, Enter, LeaseLost, Rejected, Sent, TryAgain, Unavailable, Unsure
from notifier.domain.compose import Letter
from notifier.domain.model import Channel
from notifier.mime import write_mail
from notifier.settings import SmtpSettings
from notifier.store import Leased

_PERMANENT = 500
# what a server says at the name of a recipient and means us by: log in first (530, 503), our sender's address
# (5.1.7, 5.1.8), its policy (5.7: block lists, relaying, SPF)
_LOG_IN = frozenset({503, 530})
_means_us = re.compile(r"5\.(7\.\d+|1\.[78])\b").match
_BROKEN = (SMTPException, OSError, TimeoutError)
_NO_ANSWER = "smtp-no-answer"


class SmtpTransport:
    """Delivers letters through one mail server. For one task: its connection is never shared."""

    channel = Channel.EMAIL

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._smtp: SMTP | None = None
        self._suspect: str | None = None  # whose naming broke the connection, since when no other name was answered

    async def deliver(self, message: Leased, address: str, letter: Letter, enter: Enter) -> Delivery:
        """Hand one mail to the server.

        Only `data` cannot be taken back. What goes wrong before it went wrong for certain; what the server answers
        to it is certain too; silence after it is not.
        """
        mail = write_mail(letter, message.message_id, address, message.written_at, self._settings)
        refusal = await self._address(address)
        if refusal is not None:
            return refusal
        if not await enter():
            await self._reset()
            return LeaseLost()
        return await self._hand_over(mail)

    async def _address(self, address: str) -> Delivery | None:
        """Name sender and recipient; None when the server wants the mail."""
        if address == self._suspect:
            return TryAgain(_NO_ANSWER)  # it would break again, and that would say nothing about the server
        try:
            smtp = await self._begin()
        except SMTPResponseException as refusal:
            # it refuses us, not the recipient: a login, a sender address, too many connections
            self._close()
            return Unavailable(_code(refusal))
        except _BROKEN as error:
            self._close()
            return Unavailable(type(error).__name__)
        return await self._name(smtp, address)

    async def _name(self, smtp: SMTP, address: str) -> Delivery | None:
        try:
            await smtp.rcpt(address)
        except SMTPRecipientRefused as refusal:
            self._suspect = None
            await self._reset()
            return _refused(refusal, bounced=_is_about_the_address(refusal))
        except _BROKEN as error:
            self._close()
            return self._broke(address, error)
        self._suspect = None
        return None

    def _broke(self, address: str, error: Exception) -> Delivery:
        """What to think of it: one recipient may be what the server waits for; with two in a row it is the server."""
        if self._suspect is not None:
            self._suspect = None
            return Unavailable(type(error).__name__)
        self._suspect = address
        return TryAgain(_NO_ANSWER)

    async def _hand_over(self, mail: bytes) -> Delivery:
        if self._smtp is None:
            raise ValueError("no recipient was named")
        try:
            await self._smtp.data(mail)
        except SMTPDataError as refusal:
            await self._reset()
            return _refused(refusal, bounced=False)
        except _BROKEN as error:
            self._close()
            return Unsure(type(error).__name__)
        return Sent()

    async def rest(self) -> None:
        """End the connection: servers do not like idle ones. Whoever is tried afterwards is under no suspicion."""
        self._suspect = None
        if self._smtp is not None:
            with suppress(*_BROKEN):
                await self._smtp.quit(timeout=2)
        self._close()

    async def _begin(self) -> SMTP:
        """A connection on which MAIL was accepted; a kept one that has gone stale is replaced once."""
        if self._smtp is not None and self._smtp.is_connected:
            try:
                await self._smtp.mail(self._settings.sender)
            except SMTPServerDisconnected:
                self._close()
            except SMTPResponseException as refusal:
                if refusal.code != 421:  # noqa: PLR2004 - "closing the channel": it has had enough of this one
                    raise
                self._close()
            else:
                return self._smtp
        self._smtp = await self._connect()
        await self._smtp.mail(self._settings.sender)
        return self._smtp

    async def _connect(self) -> SMTP:
        settings = self._settings
        smtp = SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.username,
            password=settings.password.get_secret_value() if settings.password else None,
            timeout=settings.timeout,
            use_tls=settings.tls,
            start_tls=settings.starttls and not settings.tls,
            cert_bundle=settings.ca_file,
        )
        try:
            await smtp.connect()
        except BaseException:
            smtp.close()
            raise
        return smtp

    async def _reset(self) -> None:
        if self._smtp is not None:
            try:
                await self._smtp.rset()
            except _BROKEN:
                self._close()

    def _close(self) -> None:
        if self._smtp is not None:
            self._smtp.close()
            self._smtp = None


def _refused(refusal: SMTPResponseException, *, bounced: bool) -> Delivery:
    if refusal.code >= _PERMANENT:
        return Rejected(_code(refusal), bounced=bounced)
    return TryAgain(_code(refusal))


def _is_about_the_address(refusal: SMTPRecipientRefused) -> bool:
    """Whether a final refusal counts against the address.

    What means us fails all the same: a server may say it of other people's domains only, and take the rest.
    """
    return refusal.code not in _LOG_IN and not _means_us(refusal.message)


def _code(refusal: SMTPResponseException) -> str:
    """The answer as a code; its text may hold the address."""
    return f"smtp-{refusal.code}"
