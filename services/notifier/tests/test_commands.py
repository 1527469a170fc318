"""`backorder contacts`, as a person uses it."""

import asyncio
import json

import pytest

from notifier import commands

_ODD = ("C-[x]1", "C[/b]", "[red]", "\u0646\u0645\u06cc\u200c\u062e", "a\u00a0b", "a\u3000b")  # as the contract allows


@pytest.fixture
def stored(monkeypatch):
    """Rows of contacts without a database: what was written, and what is to be read."""
    rows = []

    class Connection:
        async def execute(self, _statement, *arguments):
            rows.append((*arguments[:4], 0, None))

        async def fetch(self, *_):
            return rows

    monkeypatch.setattr(commands, "_run", lambda work: asyncio.run(work(Connection())))
    return rows


def test_any_id_that_the_contract_allows_is_taken_and_shown_as_it_is(stored, capsys):
    for name in _ODD:
        commands.app(["set", name, "--email", "jo@example.com"], result_action="return_value")
    assert [row[1] for row in stored] == list(_ODD)
    capsys.readouterr()
    commands.app(["list"], result_action="return_value")
    shown = capsys.readouterr().out
    assert all(name in shown for name in _ODD)


@pytest.mark.parametrize("name", ["", "x" * 65, "a\x00b", "a\u202eb", "a\nb"])
def test_an_id_that_the_contract_does_not_allow_is_refused(stored, capsys, name):
    with pytest.raises(SystemExit):
        commands.app(["set", name, "--email", "jo@example.com"], result_action="return_value")
    assert "a customer id has 1 to 64 printable characters" in capsys.readouterr().err
    assert stored == []


@pytest.fixture
def contacts(pool, schema, monkeypatch, capsys):
    """Run the command; returns its exit code and what it said."""
    monkeypatch.setenv("BACKORDER_DATABASE__URL", schema)

    async def run(*words: str) -> tuple[int, str]:
        def command() -> int:
            try:
                commands.app(list(words), result_action="return_value")
            except SystemExit as end:
                return int(end.code or 0)
            return 0

        code = await asyncio.to_thread(command)
        said = capsys.readouterr()
        return code, said.out + said.err

    return run


async def test_a_customer_is_subscribed_shown_and_removed(contacts, pool):
    code, said = await contacts("set", "C-1", "--email", "jo@Example.com", "--push", "https://push.example/t")
    assert (code, said) == (0, "C-1 is told by e-mail to jo@example.com and push\n")
    code, said = await contacts("list")
    assert "jo@example.com" in said
    assert (await contacts("remove", "C-1"))[0] == 0
    assert await pool.fetchval("SELECT count(*) FROM contact") == 0


async def test_what_is_not_named_stays(contacts, pool):
    await contacts("set", "C-1", "--email", "jo@example.com")
    await contacts("set", "C-1", "--push", "https://push.example/t")
    row = await pool.fetchrow("SELECT email, push_url FROM contact")
    assert tuple(row) == ("jo@example.com", "https://push.example/t")
    await contacts("remove", "C-1", "--channel", "push")
    row = await pool.fetchrow("SELECT email, push_url FROM contact")
    assert tuple(row) == ("jo@example.com", None)


async def test_naming_the_address_again_lifts_a_suspension(contacts, pool, subscribe):
    await subscribe("C-1")
    await pool.execute("UPDATE contact SET hard_bounces = 3, suspended_at = now()")
    await contacts("set", "C-1", "--push", "https://push.example/t")
    assert await pool.fetchval("SELECT suspended_at FROM contact") is not None
    await contacts("set", "C-1", "--email", "jo@customer.example")
    assert tuple(await pool.fetchrow("SELECT hard_bounces, suspended_at FROM contact")) == (0, None)


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("set", "C-1"), "name an address"),
        (("set", "C-1", "--email", "jo"), "not an e-mail address"),
        (("set", "C-1", "--push", "ftp://x/"), "https://"),
        (("set", "x" * 65, "--email", "jo@example.com"), "1 to 64"),
        (("remove", "C-404"), "C-404 has no contact"),
        (("remove", "C-404", "--channel", "email"), "C-404 has no email"),
    ],
)
async def test_a_mistake_is_named(contacts, words, complaint):
    code, said = await contacts(*words)
    assert code == 1
    assert complaint in said
    assert "Traceback" not in said


def test_beside_a_local_run_the_database_is_found(tmp_path, monkeypatch, capsys):
    monkeypatch.delenv("BACKORDER_DATABASE__URL", raising=False)
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        commands.app(["list"], result_action="return_value")
    assert "no database: set BACKORDER_DATABASE__URL" in capsys.readouterr().err
    (tmp_path / ".run").mkdir()
    (tmp_path / ".run" / "secrets.json").write_text(json.dumps({"notifier": "postgresql://127.0.0.1:1/nowhere"}))
    with pytest.raises(SystemExit):
        commands.app(["list"], result_action="return_value")
    assert "the notifier's database cannot be used" in capsys.readouterr().err
