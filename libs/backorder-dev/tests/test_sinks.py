"""The mailbox over real SMTP and the push endpoint over real HTTP, as the local run has them."""

import asyncio
import email
import email.policy
import json
import smtplib
from contextlib import asynccontextmanager
from email.message import EmailMessage

import httpx

from backorder_dev.arrivals import write_arrival
from backorder_dev.mailbox import serve_mailbox
from backorder_dev.ports import LOOPBACK, free_port
from backorder_dev.python_process import PythonProcess


@asynccontextmanager
async def mailbox(folder):
    server = await serve_mailbox(folder, LOOPBACK, port := free_port())
    async with server:
        yield port


def send(port, *messages):
    with smtplib.SMTP(LOOPBACK, port, timeout=10) as client:
        for message in messages:
            client.send_message(message)


def message(subject, to="parts@example.org"):
    made = EmailMessage()
    made["Subject"], made["From"], made["To"] = subject, "shop@example.org", to
    made.set_content("Zwölf Stück sind unterwegs.\n")
    return made


async def test_mail_becomes_a_file_that_mail_programs_read(tmp_path):
    async with mailbox(tmp_path) as port:
        await asyncio.to_thread(send, port, message("Ihre Bestellung SO-1"))
    (path,) = tmp_path.glob("*.eml")
    read = email.message_from_bytes(path.read_bytes(), policy=email.policy.default)
    assert read["Subject"] == "Ihre Bestellung SO-1"
    assert read["X-Envelope-To"] == "parts@example.org"
    assert read.get_content().strip() == "Zwölf Stück sind unterwegs."


async def test_mail_files_sort_by_arrival(tmp_path):
    async with mailbox(tmp_path) as port:
        await asyncio.to_thread(send, port, *(message(str(number)) for number in range(12)))
    found = [email.message_from_bytes(path.read_bytes())["Subject"] for path in sorted(tmp_path.glob("*.eml"))]
    assert found == [str(number) for number in range(12)]


def test_a_file_is_never_seen_half_written(tmp_path):
    for number in range(100):
        write_arrival(tmp_path, ".eml", str(number).encode())
    assert [path.suffix for path in tmp_path.iterdir()] == [".eml"] * 100


async def test_the_sinks_process_takes_mail_and_pushes(tmp_path):
    port = free_port()
    environment = {
        "BACKORDER_SINKS__MAILBOX": str(tmp_path / "mailbox"),
        "BACKORDER_SINKS__PUSH": str(tmp_path / "push"),
        "BACKORDER_SINKS__SMTP_PORT": str(port),
    }
    sinks = PythonProcess("sinks", "backorder_dev.sinks", tmp_path / "log", lambda: environment)
    await sinks.start()
    try:
        await asyncio.to_thread(send, port, message("hello"))
        async with httpx.AsyncClient(base_url=sinks.base_url, trust_env=False) as client:
            await client.post("/push/C-17", json={"title": "on its way"}, headers={"x-trace": "t1"})
            await client.post("/push", content=b"plain \xff")
    finally:
        await sinks.stop()
    assert len(list((tmp_path / "mailbox").glob("*.eml"))) == 1
    first, second = (json.loads(path.read_text()) for path in sorted((tmp_path / "push").glob("*.json")))
    assert (first["method"], first["path"], first["body"]) == ("POST", "/push/C-17", {"title": "on its way"})
    assert first["headers"]["x-trace"] == "t1"
    assert second["body"] == "plain \N{REPLACEMENT CHARACTER}"
