"""An HTTP endpoint that keeps what is pushed to it as files."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from backorder_dev.arrivals import write_arrival


def push_routes(folder: Path) -> list[Route]:
    """Make the routes: every request to `/push` or below is written to `folder` as a `.json` file.

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

    methods = ["POST", "PUT", "PATCH", "DELETE"]
    return [Route(path, keep, methods=methods) for path in ("/push", "/push/{rest:path}")]


def _readable(content: bytes) -> object:
    try:
        return json.loads(content)
    except ValueError:
        return content.decode(errors="replace")
