"""`python -m backorder_dev.sinks`: the mailbox and the push endpoint of the local run, in one process."""

from __future__ import annotations

import asyncio
from pathlib import Path

from pydantic import BaseModel
from pydantic_settings import BaseSettings, SettingsConfigDict

from backorder_dev.mailbox import serve_mailbox
from backorder_dev.push import push_routes
from backorder_runtime import http
from backorder_runtime.lifecycle import stop_on_signals
from backorder_runtime.settings import HttpSettings


class Sinks(BaseModel, frozen=True):
    """Where received mail and push messages go, and the port on which SMTP is spoken."""

    mailbox: Path
    push: Path
    smtp_port: int


class SinksSettings(BaseSettings):
    """Environment variables `BACKORDER_*` that this process reads."""

    model_config = SettingsConfigDict(env_prefix="BACKORDER_", env_nested_delimiter="__", frozen=True, extra="ignore")

    sinks: Sinks
    http: HttpSettings = HttpSettings()


async def serve(settings: SinksSettings, stop: asyncio.Event) -> None:
    """Serve both until `stop` is set."""
    sinks = settings.sinks
    mailbox = await serve_mailbox(sinks.mailbox, settings.http.host, sinks.smtp_port)
    app = http.application(lambda: True, {}, push_routes(sinks.push))
    async with mailbox:
        await http.serve(app, settings.http, stop)


async def _main() -> None:
    settings = SinksSettings()  # type: ignore[call-arg]  # from the environment
    await serve(settings, stop_on_signals())


if __name__ == "__main__":
    asyncio.run(_main())
