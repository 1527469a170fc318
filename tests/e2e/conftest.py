"""One system per test module: real broker, real database, all services as processes."""

import pytest_asyncio
from e2e_support.system import start_system


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory, request):
    """The running system; audited and stopped, with everything it started, when the module is done."""
    made, task = await start_system(tmp_path_factory.mktemp("system"))
    failed = request.session.testsfailed
    try:
        yield made
        if request.session.testsfailed == failed:  # a failure has said enough
            await made.audit()
    finally:
        made.stop.set()
        await task
        made.publisher.close()
