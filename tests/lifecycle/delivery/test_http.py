"""The HTTP sink keeps its secret, checks certificates, and understands what it is answered."""

from __future__ import annotations

import logging
import pickle  # noqa: TID251 - to see that a secret refuses it
import ssl
import threading
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

import capture
from capture.contracts.remote_sink import Delivery, Fate, RemoteSink
from capture.errors import ConfigError, StoreError
from capture.lifecycle.audit import AuditLog, read_audit
from capture.lifecycle.delivery import RetryPolicy, Sender
from capture_http.answers import meaning_of, meaning_of_error, retry_after_s
from capture_http.settings import Secret, token_from
from capture_http.sink import HttpSink

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from capture_sql import SignalRepository

TOKEN = "tok-3f9a7c51d2e84b60"


def item(number: int = 1, key: str | None = None, **payload: Any) -> Delivery:
    return Delivery(
        id=number,
        signal_id=f"s{number}",
        sink="http",
        kind="saved",
        payload={"signal": {"symbol": "ACME", **payload}},
        idempotency_key=key or f"s{number}:1:http",
        created_ns=number,
        attempts=0,
        lease_ns=0,
    )


@pytest.fixture
def opened() -> Iterator[Callable[..., HttpSink]]:
    """Make sinks, which are closed in the end."""
    made: list[HttpSink] = []

    def make(*words: Any, **settings: Any) -> HttpSink:
        made.append(HttpSink(*words, **settings))
        return made[-1]

    yield make
    for sink in made:
        sink.close()


def test_it_is_found_by_its_name_and_fulfils_the_contract(remote: Any) -> None:
    assert "http" in capture.get_host().remote_sinks()
    sink = capture.get_host().remote_sink("http")(remote.url)
    assert isinstance(sink, RemoteSink)
    sink.close()


def test_every_item_brings_its_idempotency_key(
    remote: Any, opened: Callable[..., HttpSink]
) -> None:
    sink = opened(remote.url)
    assert [said.fate for said in sink.send([item(1), item(2)])] == [Fate.ACCEPTED] * 2
    assert [it["idempotency-key"] for it in remote.requests] == ["s1:1:http", "s2:1:http"]
    assert remote.received[0] == item(1).to_message()


@pytest.mark.parametrize("batch", [False, True])
def test_one_key_is_kept_once_and_with_one_content(
    remote: Any, batch: bool, opened: Callable[..., HttpSink]
) -> None:
    sink = opened(remote.url, batch_url=remote.batch_url if batch else None)
    others = [item(7), item(8)] if batch else []
    first, again, other = (
        sink.send([item(1, key="k"), *others])[0],
        sink.send([item(1, key="k"), *others])[0],
        sink.send([item(1, key="k", price=2), *others])[0],
    )
    assert [first.fate, again.fate, other.fate] == [Fate.ACCEPTED, Fate.ACCEPTED, Fate.REFUSED]
    assert "another content" in str(other.problem)
    assert len([it for it in remote.received if it["idempotency_key"] == "k"]) == 1


# --- the secret ----------------------------------------------------------------------------------


def test_the_token_opens_the_door(
    guarded_remote: Any, monkeypatch: pytest.MonkeyPatch, opened: Callable[..., HttpSink]
) -> None:
    assert opened(guarded_remote.url).send([item()])[0].fate is Fate.ACCEPTED
    monkeypatch.setenv("CAPTURE_HTTP_TOKEN", "another")
    said = opened(guarded_remote.url).send([item(2)])[0]
    assert (said.fate, "401" in str(said.problem)) == (Fate.UNAVAILABLE, True)
    monkeypatch.delenv("CAPTURE_HTTP_TOKEN")
    assert opened(guarded_remote.url).send([item(2)])[0].fate is Fate.UNAVAILABLE
    assert len(guarded_remote.received) == 1


def test_the_token_appears_nowhere(
    guarded_remote: Any,
    repository: SignalRepository,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    give: Callable[..., list[str]],
    opened: Callable[..., HttpSink],
) -> None:
    caplog.set_level(logging.DEBUG)
    give(repository, 2)
    guarded_remote.faults = ["500", "drop before", "422", "503"]
    sink = opened(guarded_remote.url)
    sender = Sender(repository.outbox(), sink, name="http", policy=RetryPolicy(base_s=0.01))
    with AuditLog(tmp_path / "audit") as log:
        sender.run_once()
        guarded_remote.stop()
        done = sender.drain()
        log.append("delivered", problem=done.unavailable, sink=repr(sink), state=repr(vars(sender)))
    dead = repr([repository.outbox().dead("http"), repository.outbox().counts("http")])
    audit = repr(list(read_audit(tmp_path / "audit")))
    with repository.database.reading() as connection:
        stored = repr(connection.exec_driver_sql("SELECT * FROM outbox").all())
    settings = repr(vars(sink)) + str(sink)
    for text in (caplog.text, dead, audit, stored, settings, str(done), repr(sender)):
        assert text
        assert TOKEN not in text
    for path in tmp_path.rglob("*"):
        if path.is_file() and not path.name.startswith("received"):
            assert TOKEN.encode() not in path.read_bytes(), path


def test_an_answer_that_echoes_the_token_is_kept_without_it(
    monkeypatch: pytest.MonkeyPatch, echoing: str, opened: Callable[..., HttpSink]
) -> None:
    monkeypatch.setenv("CAPTURE_HTTP_TOKEN", TOKEN)
    said = opened(echoing).send([item()])[0]
    assert said.fate is Fate.REFUSED
    assert TOKEN not in str(said.problem)
    assert "Bearer ***" in str(said.problem)


def test_a_secret_shows_itself_to_nobody() -> None:
    secret = Secret(TOKEN)
    assert TOKEN not in f"{secret} {secret!r} {[secret]}"
    with pytest.raises(TypeError, match="stays in its process"):
        pickle.dumps(secret)


@pytest.mark.parametrize("value", ["two words", "täst", "a\x7fb"])
def test_a_token_that_is_no_word_is_refused_without_being_shown(
    monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("CAPTURE_HTTP_TOKEN", value)
    with pytest.raises(ConfigError) as caught:
        token_from("CAPTURE_HTTP_TOKEN")
    assert value not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "https://user:hunter2@signals.example/items",
        "https://signals.example/items?token=hunter2",
        "https://signals.example/items#hunter2",
        "ftp://hunter2.example",
        "hunter2",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(ConfigError) as caught:
        HttpSink(url)
    assert "hunter2" not in str(caught.value)


def test_a_token_is_never_sent_in_the_clear_to_another_machine(
    monkeypatch: pytest.MonkeyPatch, opened: Callable[..., HttpSink]
) -> None:
    monkeypatch.setenv("CAPTURE_HTTP_TOKEN", TOKEN)
    with pytest.raises(ConfigError, match="in the clear"):
        HttpSink("http://signals.example/items")
    monkeypatch.delenv("CAPTURE_HTTP_TOKEN")
    opened("http://signals.example/items")


def test_without_an_address_the_environment_is_asked(
    remote: Any, monkeypatch: pytest.MonkeyPatch, opened: Callable[..., HttpSink]
) -> None:
    with pytest.raises(ConfigError, match="CAPTURE_HTTP_URL"):
        HttpSink()
    monkeypatch.setenv("CAPTURE_HTTP_URL", remote.url)
    assert opened().send([item()])[0].fate is Fate.ACCEPTED


@pytest.mark.parametrize("settings", [{"batch": 0}, {"timeout_s": 0}, {"batch": True}])
def test_settings_that_cannot_be_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match=next(iter(settings))):
        HttpSink("http://127.0.0.1/items", **settings)


# --- certificates --------------------------------------------------------------------------------


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Make a certificate that nobody but itself vouches for."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private, public = folder / "key.pem", folder / "certificate.pem"
    private.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    public.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return private, public


@pytest.fixture
def tls(receiving: Any, tmp_path: Path) -> Iterator[tuple[Any, Path]]:
    """A receiver behind TLS, and the certificate that it shows."""
    private, public = self_signed(tmp_path)
    server = receiving.Receiver(tmp_path / "tls.sqlite")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(public, private)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    server.handle_error = lambda *_: None  # a sender that turns away is no news
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server, public
    server.shutdown()
    server.server_close()
    thread.join()
    server.inbox.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    tls: tuple[Any, Path], opened: Callable[..., HttpSink]
) -> None:
    server, _ = tls
    said = opened(server.url.replace("http:", "https:")).send([item()])[0]
    assert said.fate is Fate.UNAVAILABLE
    assert "CERTIFICATE_VERIFY_FAILED" in str(said.problem)
    assert server.inbox.items() == []


def test_a_certificate_of_an_authority_that_is_named_is_taken(
    tls: tuple[Any, Path], opened: Callable[..., HttpSink]
) -> None:
    server, authority = tls
    sink = opened(server.url.replace("http:", "https:"), ca_file=authority)
    assert sink.send([item()])[0].fate is Fate.ACCEPTED
    other_name = opened(
        server.url.replace("http:", "https:").replace("127.0.0.1", "localhost"), ca_file=authority
    )
    said = other_name.send([item(2)])[0]
    assert (said.fate, "localhost" in str(said.problem)) == (Fate.UNAVAILABLE, True)


def test_authorities_that_cannot_be_read_are_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="authorities cannot be read"):
        HttpSink("https://signals.example/items", ca_file=tmp_path / "none.pem")


def test_nothing_turns_the_check_of_certificates_off() -> None:
    with pytest.raises(TypeError):
        HttpSink("https://signals.example/items", verify=False)  # type: ignore[call-arg]


# --- answers -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "fate"),
    [
        (200, Fate.ACCEPTED),
        (204, Fate.ACCEPTED),
        (302, Fate.UNAVAILABLE),
        (400, Fate.REFUSED),
        (401, Fate.UNAVAILABLE),
        (403, Fate.UNAVAILABLE),
        (404, Fate.UNAVAILABLE),
        (408, Fate.FAILED),
        (409, Fate.REFUSED),
        (413, Fate.REFUSED),
        (422, Fate.REFUSED),
        (429, Fate.UNAVAILABLE),
        (500, Fate.FAILED),
        (502, Fate.FAILED),
        (503, Fate.UNAVAILABLE),
        (504, Fate.FAILED),
        (599, Fate.FAILED),
    ],
)
def test_every_status_has_its_meaning(status: int, fate: Fate) -> None:
    assert meaning_of(httpx.Response(status)).fate is fate


def test_a_redirect_is_not_followed(remote: Any, opened: Callable[..., HttpSink]) -> None:
    remote.faults = ["302"]
    assert opened(remote.url).send([item()])[0].fate is Fate.UNAVAILABLE
    assert len(remote.requests) == 1


def test_a_wait_is_asked_for_in_seconds_or_with_a_date() -> None:
    assert retry_after_s({"retry-after": "7"}) == 7
    soon = format_datetime(datetime.now(UTC) + timedelta(seconds=30), usegmt=True)
    assert 25 < (retry_after_s({"retry-after": soon}) or 0) <= 30
    past = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert retry_after_s({"retry-after": past}) == 0
    for nonsense in ("", "soon", "-5", "٣"):
        assert retry_after_s({"retry-after": nonsense}) in (None, 3)


@pytest.mark.parametrize(
    ("error", "fate"),
    [
        (httpx.ConnectError("refused"), Fate.UNAVAILABLE),
        (httpx.ConnectTimeout("slow"), Fate.UNAVAILABLE),
        (httpx.ReadTimeout("slow"), Fate.FAILED),
        (httpx.WriteError("broken"), Fate.FAILED),
        (httpx.RemoteProtocolError("gone"), Fate.FAILED),
    ],
)
def test_what_never_left_says_nothing_of_the_item(error: httpx.HTTPError, fate: Fate) -> None:
    assert meaning_of_error(error).fate is fate


@pytest.mark.parametrize("body", [b"", b"[]", b'{"results": 5}', b"{" * 100_000, b"\xff"])
def test_an_answer_to_a_batch_that_cannot_be_read_fails_it(
    answering: Callable[[bytes], str], body: bytes, opened: Callable[..., HttpSink]
) -> None:
    url = answering(body)
    sink = opened(url, batch_url=url, timeout_s=2)
    said = sink.send([item(1), item(2)])
    assert [one.fate for one in said] == [Fate.FAILED] * 2


# --- servers of another kind ---------------------------------------------------------------------


@pytest.fixture
def serving() -> Iterator[Callable[[Any], str]]:
    """Serve a handler of HTTP, and return its address."""
    from http.server import ThreadingHTTPServer

    servers = []

    def serve(handler: Any) -> str:
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_address[1]}/items"

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.fixture
def answering(serving: Callable[[Any], str], receiving: Any) -> Callable[[bytes], str]:
    """Serve one body as the answer to everything."""

    def answer(body: bytes) -> str:
        class Handler(receiving.Handler):  # type: ignore[misc, name-defined]
            def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
                self.rfile.read(int(self.headers["Content-Length"]))
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        return serving(Handler)

    return answer


@pytest.fixture
def echoing(serving: Callable[[Any], str], receiving: Any) -> str:
    """Serve one that complains of everything, and says with which headers it came."""

    class Handler(receiving.Handler):  # type: ignore[misc, name-defined]
        def do_POST(self) -> None:  # noqa: N802 - the name that http.server looks for
            self.rfile.read(int(self.headers["Content-Length"]))
            self.answer(422, {"problem": self.headers["Authorization"]})

    return serving(Handler)
