"""A loopback HTTP server that can be told to fail, and waits that are short enough for tests."""

import random
import threading
import time
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

import cgpipe.download.request
import cgpipe.download.transfer

CONTENT = random.Random(7).randbytes(3_000_000)


@dataclass(frozen=True)
class Reply:
    """How the server answers one request."""

    content: bytes = CONTENT
    status: int = 200
    """Other than 200: a short page instead of the file."""
    headers: tuple[tuple[str, str], ...] = (("ETag", '"1"'),)
    ranges: bool = True
    """Whether a range request is honoured."""
    heeds_if_range: bool = True
    shift: int = 0
    """The range that is sent starts so many bytes later than asked for."""
    cut_after: int | None = None
    """Bytes of the body after which the connection is cut."""
    stall_after: int | None = None
    """Bytes of the body after which nothing more is sent, though the connection stays."""
    seconds_per_part: float = 0.0
    """The body is sent in parts of 100 kB with such pauses."""
    claimed: int | None = None
    """Content-Length that is not the true one; 0 leaves it out."""


@dataclass
class Server:
    """Answers with `replies` in turn, then with the last one for ever."""

    url: str = ""
    replies: list[Reply] = field(default_factory=lambda: [Reply()])
    requests: list[dict[str, str]] = field(default_factory=list)
    """Headers of all requests, in lower case."""
    silent: threading.Event = field(default_factory=threading.Event)
    """Set when a reply stalls."""
    closing: threading.Event = field(default_factory=threading.Event)

    def answer(self, *replies):
        """Set the replies, each by what is unusual about it."""
        self.replies = [Reply(**reply) for reply in replies]

    def next_reply(self):
        return self.replies.pop(0) if len(self.replies) > 1 else self.replies[0]

    @property
    def ranges(self):
        """What range each request asked for."""
        return [request.get("range") for request in self.requests]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, server, *args):
        self.state = server
        super().__init__(*args)

    def do_GET(self):
        self.state.requests.append({name.lower(): value for name, value in self.headers.items()})
        reply = self.state.next_reply()
        if reply.status != 200:
            self._send(reply, reply.status, b"a page", [])
            return
        start = self._start(reply)
        if start is None:
            self._send(reply, 200, reply.content, [])
        elif start >= len(reply.content):
            self._send(reply, 416, b"", [("Content-Range", f"bytes */{len(reply.content)}")])
        else:
            span = f"bytes {start}-{len(reply.content) - 1}/{len(reply.content)}"
            self._send(reply, 206, reply.content[start:], [("Content-Range", span)])

    def _start(self, reply):
        asked = self.headers.get("Range")
        condition = self.headers.get("If-Range")
        stale = reply.heeds_if_range and condition and condition not in dict(reply.headers).values()
        if not asked or not reply.ranges or stale:
            return None
        return int(asked.removeprefix("bytes=").removesuffix("-")) + reply.shift

    def _send(self, reply, status, body, headers):
        self.send_response(status)
        for name, value in (*reply.headers, *headers):
            self.send_header(name, value)
        if reply.claimed != 0:
            self.send_header("Content-Length", str(reply.claimed or len(body)))
        self.send_header("Connection", "close")
        self.end_headers()
        with suppress(ConnectionError):
            self._send_body(reply, body)
        self.close_connection = True

    def _send_body(self, reply, body):
        end = min(at for at in (reply.cut_after, reply.stall_after, len(body)) if at is not None)
        for first in range(0, end, 100_000):
            self.wfile.write(body[first : min(first + 100_000, end)])
            time.sleep(reply.seconds_per_part)
        if reply.stall_after is not None:
            self.state.silent.set()
            self.state.closing.wait(30)

    def log_message(self, *_):
        """Say nothing."""


@pytest.fixture
def server():
    state = Server()
    http = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, state))
    threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    state.url = f"http://127.0.0.1:{http.server_port}"
    yield state
    state.closing.set()
    http.shutdown()
    http.server_close()


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch):
    monkeypatch.setattr(cgpipe.download.transfer, "_FIRST_WAIT_SECONDS", 0.005)
    monkeypatch.setattr(cgpipe.download.request, "_STALL_SECONDS", 1)
    monkeypatch.setenv("no_proxy", "127.0.0.1")


@pytest.fixture
def content():
    """What the server serves unless told otherwise."""
    return CONTENT


@pytest.fixture
def path(tmp_path):
    """Where to download to."""
    return tmp_path / "data" / "frames.npz"


@pytest.fixture
def left(path):
    """Names of all that stands beside the target, to be called."""
    return lambda: sorted(file.name for file in path.parent.iterdir())
