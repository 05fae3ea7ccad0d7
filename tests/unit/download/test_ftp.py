"""FTP, against a loopback server."""

import logging
import os
import threading

import pytest
from pyftpdlib.authorizers import DummyAuthorizer
from pyftpdlib.handlers import DTPHandler, FTPHandler
from pyftpdlib.servers import FTPServer

from cgpipe.download import transfer
from cgpipe.download.transfer import download
from cgpipe.errors import DataError

_CUT = 1_000_000


class _Cutting(DTPHandler):
    """Cuts the first transfers short, as often as told."""

    cuts_left = 0

    def send(self, data):
        cls = type(self)
        if cls.cuts_left > 0 and self.tot_bytes_sent >= _CUT:
            cls.cuts_left -= 1
            self.close()
            return 0
        return super().send(data)


@pytest.fixture
def ftp(tmp_path, content):
    """Folder and address of a server, its data connections, and the commands that it received."""
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "frames.npz").write_bytes(content)
    commands = []

    class Handler(FTPHandler):
        authorizer = DummyAuthorizer()
        dtp_handler = type("Connection", (_Cutting,), {"cuts_left": 0})
        use_sendfile = False

        def pre_process_command(self, line, cmd, arg):
            commands.append(line)
            super().pre_process_command(line, cmd, arg)

    Handler.authorizer.add_anonymous(str(folder))
    logging.getLogger("pyftpdlib").setLevel(logging.CRITICAL)
    server = FTPServer(("127.0.0.1", 0), Handler)
    stop = threading.Event()

    def serve():
        while not stop.is_set():
            server.serve_forever(timeout=0.02, blocking=False)

    thread = threading.Thread(target=serve)
    thread.start()
    url = f"ftp://127.0.0.1:{server.socket.getsockname()[1]}"
    yield folder, url, Handler.dtp_handler, commands
    stop.set()
    thread.join()
    server.close_all()


def _get(url, path, max_bytes=10**9):
    return download(f"{url}/frames.npz", path, max_bytes=max_bytes, sha256=None)


def test_a_file_arrives(ftp, path, content):
    _get(ftp[1], path)
    assert path.read_bytes() == content


def test_a_cut_transfer_goes_on(ftp, path, content):
    _, url, connection, commands = ftp
    connection.cuts_left = 1
    _get(url, path)
    assert path.read_bytes() == content
    assert sum(line.startswith("REST") for line in commands) == 1


def test_parts_of_two_versions_are_never_joined(ftp, path, content, monkeypatch):
    folder, url, connection, _ = ftp
    connection.cuts_left = 1
    monkeypatch.setattr(transfer, "_TRIES", 1)
    with pytest.raises(DataError, match=rf"cannot download {url}.*1 tries failed"):
        _get(url, path)
    changed = content[::-1]
    (folder / "frames.npz").write_bytes(changed)
    os.utime(folder / "frames.npz", (86_400, 86_400))
    monkeypatch.setattr(transfer, "_TRIES", 2)
    _get(url, path)
    assert path.read_bytes() == changed


def test_a_missing_file_is_named(ftp, path):
    with pytest.raises(DataError, match=r"cannot download ftp://.*nothing\.npz: .*does not exist.*check the address"):
        download(f"{ftp[1]}/nothing.npz", path, max_bytes=10**9, sha256=None)
    assert sum(line.startswith("MDTM") for line in ftp[3]) == 1


def test_a_file_that_is_too_large_is_refused(ftp, path, left):
    with pytest.raises(DataError, match="larger than"):
        _get(ftp[1], path, max_bytes=1_000_000)
    assert left() == []


def test_a_redirection_from_http_is_followed(server, ftp, path, content):
    server.answer({"status": 302, "headers": (("Location", f"{ftp[1]}/frames.npz"),)})
    download(f"{server.url}/frames.npz", path, max_bytes=10**9, sha256=None)
    assert path.read_bytes() == content
