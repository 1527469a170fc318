"""What the priority-router reads from its environment, on top of what every service reads."""

from pydantic import BaseModel, Field

from backorder_runtime.settings import EngineSettings, Settings


class KeepSettings(BaseModel, frozen=True):
    """How long something is kept, in days. What they mean is in docs/adr/0012.

    `closed_days`: so long a back order that ended can be looked up, and its newest state stands in the snapshots;
    `repeats_days`: the same of one for which more may come, and so long a command is known again when it is repeated.
    `decisions` of back orders that ended can be explained for so long; open ones can always be. `journal`: as far
    back a day can be replayed under another policy; not longer than the topics keep their records. Every
    `checkpoint` days the state of all queues is set down, from where a replay can start.
    """

    closed_days: float = Field(default=90, gt=0)
    repeats_days: float = Field(default=400, gt=0)
    decisions: float = Field(default=30, gt=0)
    journal: float = Field(default=13, gt=0)
    checkpoint: float = Field(default=1, gt=0)


class RouterSettings(Settings):
    """Everything the priority-router reads. Its turns are fewer and fuller than the ledger's, see ADR 20."""

    engine: EngineSettings = EngineSettings(pace=0.05)
    keep: KeepSettings = KeepSettings()
