"""`python -m backorder_dev.sinks`: the mailbox and the push endpoint of the local run, in one process."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import uvicorn
from pydantic_settings import BaseSettings, SettingsConfigDict

from backorder_dev.mailbox import serve_mailbox
from backorder_dev.ports import LOOPBACK
from backorder_dev.push import push_app


class SinksSettings(BaseSettings):
    """Environment variables `BACKORDER_*` that this process reads."""

    model_config = SettingsConfigDict(
        env_prefix="BACKORDER_", env_nested_delimiter="__", frozen=True, extra="ignore"
    )

    sinks_mailbox: Path
    """Folder for received mail."""
    sinks_push: Path
    """Folder for received push messages."""
    sinks_smtp_port: int
    """Where SMTP is spoken."""
    http__port: int
    """Where pushes and probes are answered."""


async def serve(settings: SinksSettings) -> None:
    """Serve both until SIGTERM or SIGINT."""
    mailbox = await serve_mailbox(settings.sinks_mailbox, LOOPBACK, settings.sinks_smtp_port)
    listener = socket.create_server((LOOPBACK, settings.http__port))
    config = uvicorn.Config(push_app(settings.sinks_push), log_config=None, lifespan="off")
    async with mailbox:
        await uvicorn.Server(config).serve([listener])


if __name__ == "__main__":
    asyncio.run(serve(SinksSettings()))
