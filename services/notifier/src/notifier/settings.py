"""How this installation sends: read once from `BACKORDER_*`, on top of what every service reads."""

from datetime import UTC, timedelta, tzinfo
from typing import Annotated
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import AfterValidator, BaseModel, Field, SecretStr, model_validator

from backorder_runtime.settings import EngineSettings, Settings
from notifier.domain.addresses import check_email, check_url
from notifier.domain.calendar import Calendar
from notifier.domain.decide import Habits
from notifier.domain.schedule import Patience


def zone(name: str) -> tzinfo:
    """A time zone by its name. Raises ValueError when this machine does not know it."""
    if name == "UTC":
        return UTC  # without asking for zone files, which small images do not have
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError) as error:
        raise ValueError(f"time zone {name!r} is not known here; try one like Europe/Berlin") from error


def _known_zone(name: str) -> str:
    zone(name)
    return name


Email = Annotated[str, AfterValidator(check_email)]
Url = Annotated[str, AfterValidator(check_url)]


class SmtpSettings(BaseModel, frozen=True):
    """The mail server. `timeout` is in seconds and holds for each step of the dialogue.

    `starttls` (the default) and `tls` (from the first byte) check the certificate; neither is for a local server only.
    """

    host: str = "127.0.0.1"
    port: int = Field(default=25, ge=1, le=65_535)
    starttls: bool = True
    tls: bool = False
    ca_file: str | None = None
    username: str | None = None
    password: SecretStr | None = None
    sender: Email = "back-orders@localhost.localdomain"
    sender_name: str = "Parts service"
    reply_to: Email | None = None
    unsubscribe: Email | None = None
    timeout: float = Field(default=20, gt=0, le=120)


class PushSettings(BaseModel, frozen=True):
    """Push by HTTP. `allow_private` lets URLs lead into private networks: for a local run only.

    `timeout` is in seconds and holds for a whole request.
    """

    allow_private: bool = False
    timeout: float = Field(default=10, gt=0, le=120)


class TeamSettings(BaseModel, frozen=True):
    """The parts team: who hears of machines that stand still, dates at risk and dates missed."""

    recipient_id: str = Field(default="parts-desk", min_length=1, max_length=64)
    email: Email | None = None
    push_url: Url | None = None


class NotifySettings(BaseModel, frozen=True):
    """When to send, and when to stop trying. All times are in seconds.

    `window`: how long news for one recipient about one order gathers into one message. `lease`: how long a
    message belongs to a sender that does not report back. `give_up`: news older than this is not sent.
    `hard_bounces`: so many refusals of an address in a row suspend it. `retention`: how long it is known what
    was sent. `lines`: the most news in one message. `senders`: tasks per channel in each process.
    """

    window: float = Field(default=2, ge=0, le=3_600)
    lease: float = Field(default=300, gt=0)
    give_up: float = Field(default=48 * 3_600, gt=0)
    first_retry: float = Field(default=30, gt=0)
    longest_retry: float = Field(default=3_600, gt=0)
    outage_wait: float = Field(default=30, gt=0)
    poll: float = Field(default=0.25, gt=0, le=60)
    hard_bounces: int = Field(default=3, ge=1)
    retention: float = Field(default=90 * 86_400, gt=0)
    lines: int = Field(default=200, ge=1, le=2_000)
    batch: int = Field(default=20, ge=1, le=1_000)
    senders: int = Field(default=2, ge=1, le=64)
    time_zone: Annotated[str, AfterValidator(_known_zone)] = "UTC"

    @property
    def patience(self) -> Patience:
        """How long to wait between tries."""
        return Patience(timedelta(seconds=self.first_retry), timedelta(seconds=self.longest_retry))

    @property
    def calendar(self) -> Calendar:
        """How dates are written."""
        return Calendar(zone(self.time_zone))


class NotifierSettings(Settings):
    """Everything the notifier reads. A mail may wait a moment: its turns are the fewest and fullest, see ADR 20."""

    engine: EngineSettings = EngineSettings(pace=0.25)
    smtp: SmtpSettings = SmtpSettings()
    push: PushSettings = PushSettings()
    team: TeamSettings = TeamSettings()
    notify: NotifySettings = NotifySettings()

    @model_validator(mode="after")
    def _a_lease_outlasts_a_send(self) -> "NotifierSettings":
        steps = 8  # connect, EHLO, STARTTLS, AUTH, RSET, MAIL, RCPT, DATA
        longest = max(self.smtp.timeout * steps, self.push.timeout)
        if self.notify.lease <= longest:
            raise ValueError(
                f"notify.lease is {self.notify.lease} s, but one send may take {longest} s: "
                "a second sender would repeat what the first is still sending"
            )
        return self

    @property
    def habits(self) -> Habits:
        """What the decision needs to know of all this."""
        return Habits(
            team_id=self.team.recipient_id,
            window=timedelta(seconds=self.notify.window),
            give_up_after=timedelta(seconds=self.notify.give_up),
        )
