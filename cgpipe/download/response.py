"""What a server says about a file before it sends it."""

import re

from cgpipe.errors import CgpipeError


class BrokenTransferError(CgpipeError):
    """A try failed in a way that another try may mend."""

    def __init__(self, reason: str, *, restart: bool = False) -> None:
        super().__init__(reason)
        self.restart = restart
        """Whether what arrived before is of no use."""


class ResponseHead:
    """Header lines of HTTP, or the replies of an FTP server; of the last server in a chain of redirections."""

    def __init__(self) -> None:
        self._status: int | None = None
        self._fields: dict[str, str] = {}

    def take(self, line: bytes) -> None:
        """Note one line."""
        text = line.decode("latin-1").strip()
        if text.startswith("HTTP/"):
            self._status, self._fields = int((re.findall(r"\s(\d{3})\b", text) or ["0"])[0]), {}
        elif re.match(r"220[ -]", text):  # an FTP server greets
            self._status, self._fields = None, {}
        elif reply := re.fullmatch(r"213 (\d+)", text):  # it answers MDTM (14 digits) or SIZE
            self._fields["mdtm" if len(reply[1]) == 14 else "content-length"] = reply[1]
        else:
            name, _, value = text.partition(":")
            self._fields[name.lower()] = value.strip()

    @property
    def status(self) -> int | None:
        """Of HTTP; None for FTP and files."""
        return self._status

    @property
    def version(self) -> dict[str, str]:
        """Fields that differ between versions of a file; weak entity tags promise too little."""
        fields = {name: self._fields[name] for name in ("etag", "last-modified", "mdtm") if name in self._fields}
        return {name: value for name, value in fields.items() if not value.startswith("W/")}

    @property
    def total(self) -> int | None:
        """Bytes of the whole file, if the server says so."""
        if self._status in {206, 416}:
            digits = re.fullmatch(r"bytes .*/(\d+)", self._fields.get("content-range", ""))
        else:
            digits = re.fullmatch(r"(\d+)", self._fields.get("content-length", ""))
        return int(digits[1]) if digits else None

    def first_byte(self, asked: int) -> int:
        """Position of the first byte that will be sent, where the file from `asked` on was requested.

        Raises BrokenTransferError if the answer holds no part of the file.
        """
        if self._status is None:  # an FTP server has confirmed the position by now
            return asked
        if self._status == 200:
            return 0
        position = re.match(r"bytes (\d+)-", self._fields.get("content-range", ""))
        if self._status == 206 and position:
            return int(position[1])
        raise BrokenTransferError(f"the server answered {self._status}, which holds no data", restart=True)
