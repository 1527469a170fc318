"""What the auditor reads from its environment, on top of what every service reads."""

from pydantic import BaseModel, Field

from backorder_runtime.settings import Settings


class AuditSettings(BaseModel, frozen=True):
    """How the process audits.

    `every` is the pause between two audits in seconds. Back orders that ended are looked at for `ended` days more;
    open ones always. A shard that is more than `backlog` messages behind is left out as a whole, and so is what
    cannot be read in `patience` seconds. An audit that takes more than `stall` seconds is stuck.
    """

    every: float = Field(default=300, gt=0)
    ended: float = Field(default=1, ge=0)
    backlog: int = Field(default=50_000, ge=0)
    patience: float = Field(default=30, gt=0)
    stall: float = Field(default=900, gt=0)


class AuditorSettings(Settings):
    """Everything the auditor reads."""

    audit: AuditSettings = AuditSettings()
