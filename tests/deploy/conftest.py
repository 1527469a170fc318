from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from .rendering import Resource, render

ROOT = Path(__file__).parents[2]
OVERLAYS = ("dev", "production")


class Manifests:
    """The rendered resources of an overlay, with the questions that tests ask of them."""

    def __init__(self, overlay: str) -> None:
        self.overlay = overlay
        self.all = render(ROOT / "deploy/k8s/overlays" / overlay)

    def of(self, kind: str) -> dict[str, Resource]:
        """The resources of a kind, by name."""
        return {each["metadata"]["name"]: each for each in self.all if each["kind"] == kind}

    def one(self, kind: str, name: str) -> Resource:
        return self.of(kind)[name]

    @property
    def pods(self) -> dict[str, dict[str, Any]]:
        """The pod template of each service."""
        return {name: each["spec"]["template"] for name, each in self.of("Deployment").items()}

    @property
    def settings(self) -> dict[str, str]:
        """What all services are configured with."""
        return self.one("ConfigMap", "backorder")["data"]


@cache
def _rendered(overlay: str) -> Manifests:
    return Manifests(overlay)


@pytest.fixture(params=OVERLAYS)
def manifests(request) -> Manifests:
    return _rendered(request.param)


@pytest.fixture
def production() -> Manifests:
    return _rendered("production")


@pytest.fixture(scope="session")
def compose() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
