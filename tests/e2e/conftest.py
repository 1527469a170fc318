"""One system per test module: real broker, real database, all services as processes."""

import pytest
import pytest_asyncio
from e2e_support.system import running_system


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def system(tmp_path_factory, request):
    """The running system; audited and stopped, with everything it started, when the module is done."""
    failed = request.session.testsfailed
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("BACKORDER_ENGINE__REPORT", "0.2")  # seconds until who waits for rest hears how far a service is
        async with running_system(tmp_path_factory.mktemp("system")) as made:
            yield made
            if request.session.testsfailed == failed:  # a failure has said enough
                await made.audit()
