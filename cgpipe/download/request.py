"""One try of a transfer, by libcurl."""

from contextlib import ExitStack

import certifi
import pycurl

from cgpipe import __version__
from cgpipe.download.partial import Partial
from cgpipe.download.response import BrokenTransferError, ResponseHead
from cgpipe.errors import DataError
from cgpipe.progress import Progress
from cgpipe.units import BYTES_PER_GB

_CONNECT_SECONDS = 30
_STALL_SECONDS = 60
_STALL_BYTES_PER_SECOND = 100
"""A transfer slower than this for so long is given up."""
_MAX_REDIRECTIONS = 10
_BUFFER_BYTES = 2**19
_BYTES_PER_MB = 1e6
_RETRIED_STATUSES = {408, 416, 425, 429}
"""Answers of HTTP below 500 after which another try may help, be it one from the first byte (416)."""
_HOPELESS = {
    pycurl.E_UNSUPPORTED_PROTOCOL,
    pycurl.E_URL_MALFORMAT,
    pycurl.E_TOO_MANY_REDIRECTS,
    pycurl.E_PEER_FAILED_VERIFICATION,
    pycurl.E_LOGIN_DENIED,
    pycurl.E_REMOTE_ACCESS_DENIED,
    pycurl.E_REMOTE_FILE_NOT_FOUND,
    pycurl.E_FILE_COULDNT_READ_FILE,
}
"""Errors of libcurl that no other try mends."""
_NO_RANGE = {pycurl.E_RANGE_ERROR, pycurl.E_BAD_DOWNLOAD_RESUME, pycurl.E_FTP_COULDNT_USE_REST}
"""Errors of libcurl after which a transfer must start from the first byte."""


class _Arrival:
    """Receives what the server sends.

    An exception that leaves a callback would be printed and dropped by pycurl, so it is kept in `failure`.
    """

    def __init__(self, partial: Partial, stack: ExitStack, *, label: str, max_bytes: int) -> None:
        self._partial, self._stack, self._label, self._max_bytes = partial, stack, label, max_bytes
        self._asked = partial.resume_at
        self._progress: Progress | None = None
        self.head = ResponseHead()
        self.failure: Exception | None = None

    def write(self, data: bytes) -> int | None:
        """Take a part of the body; 0 makes libcurl stop."""
        try:
            self._take(data)
        except (OSError, DataError, BrokenTransferError) as error:
            self.failure = error
            return 0
        return None

    def _take(self, data: bytes) -> None:
        progress = self._progress or self._begin()
        self._require_small(self._partial.size + len(data))
        self._partial.append(data)
        progress.update(len(data) / _BYTES_PER_MB)

    def _begin(self) -> Progress:
        start = self.head.first_byte(self._asked)
        self._require_continuation(start)
        total = self.head.total
        self._require_small(total or 0)
        self._partial.begin(start, self.head.version)
        size = max(total or self._max_bytes, 1) / _BYTES_PER_MB
        progress = Progress(self._label, total=size, unit="MB", done=start / _BYTES_PER_MB)
        self._progress = self._stack.enter_context(progress)
        return self._progress

    def _require_continuation(self, start: int) -> None:
        """The bytes continue what arrived, and are of the same version, or they are the file from its beginning."""
        old, new = self._partial.version, self.head.version
        changed = any(old[name] != new[name] for name in old.keys() & new.keys())
        if start > 0 and (start != self._asked or changed):
            raise BrokenTransferError("the file changed at the server, or another part of it was sent", restart=True)

    def _require_small(self, n_bytes: int) -> None:
        if n_bytes > self._max_bytes:
            self._partial.clear()
            raise DataError(
                f"the file is larger than {self._max_bytes / BYTES_PER_GB:g} GB; raise max_download_GB (--max-gb) if "
                "its source is trusted"
            )

    def finish(self) -> None:
        """Check that nothing is missing, as far as the server stated a length or sent in chunks."""
        if self._progress is None:  # nothing was sent: the file is empty, or had arrived before
            self._begin()
        if self.head.total not in {None, self._partial.size}:
            raise BrokenTransferError(f"{self._partial.size:,} of {self.head.total:,} bytes arrived")

    @property
    def had_arrived(self) -> bool:
        """Whether the server refuses to go on because there is nothing left to send."""
        return self.head.status == 416 and self._asked > 0 and self.head.total == self._asked


def fetch(url: str, partial: Partial, *, label: str, max_bytes: int) -> None:
    """Try once to complete a partial file.

    Raises BrokenTransferError if another try may help, DataError if none will, OSError if the disk is full.
    """
    with ExitStack() as stack:
        arrival = _Arrival(partial, stack, label=label, max_bytes=max_bytes)
        curl = _request(url, partial)
        stack.callback(curl.close)
        curl.setopt(pycurl.HEADERFUNCTION, arrival.head.take)
        curl.setopt(pycurl.WRITEFUNCTION, arrival.write)
        try:
            curl.perform()
        except pycurl.error as error:
            if arrival.had_arrived:
                return
            raise arrival.failure or _explain(error, arrival.head.status) from error
        arrival.finish()


def _explain(error: pycurl.error, status: int | None) -> Exception:
    code, text = error.args[0], str(error.args[-1])
    refused = code == pycurl.E_HTTP_RETURNED_ERROR and (status or 0) < 500
    if code in _HOPELESS or (refused and status not in _RETRIED_STATUSES):
        return DataError(f"{text}; check the address, or give another source under `mirror:` in config/config.yaml")
    return BrokenTransferError(text, restart=code in _NO_RANGE or status == 416)


def _request(url: str, partial: Partial) -> pycurl.Curl:
    """A request for what is missing."""
    curl = pycurl.Curl()
    curl.setopt(pycurl.URL, url.encode())
    # pycurl has no names yet for the options that replace these two
    curl.setopt(pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS | pycurl.PROTO_FTP | pycurl.PROTO_FILE)
    curl.setopt(pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS | pycurl.PROTO_FTP)
    curl.setopt(pycurl.FOLLOWLOCATION, 1)
    curl.setopt(pycurl.MAXREDIRS, _MAX_REDIRECTIONS)
    curl.setopt(pycurl.CAINFO, certifi.where())
    curl.setopt(pycurl.USERAGENT, f"cgpipe/{__version__}")
    curl.setopt(pycurl.FAILONERROR, 1)
    curl.setopt(pycurl.OPT_FILETIME, 1)  # asks an FTP server for the date, which tells versions apart
    curl.setopt(pycurl.BUFFERSIZE, _BUFFER_BYTES)
    _limit_time(curl)
    _ask_for_rest(curl, partial)
    return curl


def _limit_time(curl: pycurl.Curl) -> None:
    curl.setopt(pycurl.CONNECTTIMEOUT, _CONNECT_SECONDS)
    curl.setopt(pycurl.LOW_SPEED_TIME, _STALL_SECONDS)
    curl.setopt(pycurl.LOW_SPEED_LIMIT, _STALL_BYTES_PER_SECOND)
    curl.setopt(pycurl.NOSIGNAL, 1)
    curl.setopt(pycurl.NOPROGRESS, 0)
    curl.setopt(pycurl.XFERINFOFUNCTION, lambda *_: None)  # Python runs now and then, and so sees Ctrl-C


def _ask_for_rest(curl: pycurl.Curl, partial: Partial) -> None:
    headers = ["Accept-Encoding: identity"]
    if partial.resume_at > 0:
        curl.setopt(pycurl.RANGE, f"{partial.resume_at}-")
        version = partial.version
        if validator := version.get("etag") or version.get("last-modified"):
            headers.append(f"If-Range: {validator}")
    curl.setopt(pycurl.HTTPHEADER, headers)
