"""An HTTP endpoint that keeps what is pushed to it as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backorder_dev.arrivals import write_arrival


def push_app(folder: Path) -> Starlette:
    """Make the application: every request below `/push` is written to `folder` as a `.json` file.

    The file has `method`, `path`, `headers` and `body`: parsed when it is JSON, else text.
    """
    folder.mkdir(parents=True, exist_ok=True)

    async def keep(request: Request) -> Response:
        content = await request.body()
        entry = {
            "method": request.method,
            "path": request.url.path,
            "headers": dict(request.headers),
            "body": _readable(content),
        }
        await asyncio.to_thread(write_arrival, folder, ".json", json.dumps(entry, indent=2).encode())
        return JSONResponse({"status": "accepted"}, status_code=202)

    async def ready(_: Request) -> Response:
        return JSONResponse({"ready": True})

    methods = ["POST", "PUT", "PATCH", "DELETE"]
    return Starlette(
        routes=[
            Route("/push", keep, methods=methods),
            Route("/push/{rest:path}", keep, methods=methods),
            Route("/readyz", ready),
            Route("/healthz", ready),
        ]
    )


def _readable(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
