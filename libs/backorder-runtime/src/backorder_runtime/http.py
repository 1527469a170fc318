"""What probes and Prometheus ask a process: `/healthz`, `/readyz`, `/metrics`, and a service's own routes."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from backorder_runtime.settings import HttpSettings
from backorder_runtime.telemetry import READY

Check = Callable[[], Awaitable[str | None]]


def application(alive: Callable[[], bool], checks: Mapping[str, Check], routes: Sequence[BaseRoute] = ()) -> Starlette:
    """`checks` say for each dependency what is wrong with it, or None.

    `/healthz` asks no dependency: it fails only when a loop of this process is stuck.
    """

    async def problems() -> dict[str, str | None]:
        return dict(zip(checks, await asyncio.gather(*(check() for check in checks.values())), strict=True))

    async def health(_: Request) -> Response:
        ok = alive()
        return JSONResponse({"status": "ok" if ok else "stuck"}, status_code=200 if ok else 503)

    async def ready(_: Request) -> Response:
        report = {
            name: {"ok": problem is None, "critical": True, "detail": problem}
            for name, problem in (await problems()).items()
        }
        ok = all(each["ok"] for each in report.values())
        return JSONResponse({"ready": ok, "checks": report}, status_code=200 if ok else 503)

    async def metrics(_: Request) -> Response:
        READY.set(not any((await problems()).values()))
        return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)

    own = [Route("/healthz", health), Route("/readyz", ready), Route("/metrics", metrics)]
    return Starlette(routes=[*own, *routes])


async def serve(app: Starlette, settings: HttpSettings, stop: asyncio.Event) -> None:
    """Serve until `stop` is set. Raises OSError when the port is taken."""
    listener = socket.create_server((settings.host, settings.port))
    config = uvicorn.Config(app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=2)
    server = _Server(config)
    serving = asyncio.create_task(server.serve([listener]))
    waiting = asyncio.create_task(stop.wait())
    await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    server.should_exit = True
    await serving


class _Server(uvicorn.Server):
    """Leaves the signals to the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Capture none: the process stops its loops in order."""
        yield
