"""Download one file: with progress and retries, going on where an earlier try stopped, checked before it has its name.

A checksum that is not known is recorded in the lock file when the file is first seen; commit that file, and every later
download is held against it.

example: cgpipe download --url https://example.org/ala2.npz --output ala2.npz
         cgpipe download --url https://example.org/ala2.npz --output ala2.npz \\
             --mirror '{"https://example.org": "/data/mirror"}'
"""

import argparse
import json
import re
from pathlib import Path

from cgpipe.cli.arguments import add_output
from cgpipe.download.lock import known_checksum, record_checksum
from cgpipe.download.mirror import redirect
from cgpipe.download.transfer import download
from cgpipe.errors import ConfigError
from cgpipe.units import BYTES_PER_GB


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Options of `cgpipe download`."""
    parser.add_argument("--url", required=True, help="address of the file: http, https or ftp")
    add_output(parser, what="the file, whole or absent")
    parser.add_argument("--sha256", metavar="HEX", help="checksum; without it, the one that the lock file knows")
    parser.add_argument(
        "--lock",
        type=Path,
        default=Path("config/downloads.lock"),
        metavar="FILE",
        help="checksums of files seen before (default: %(default)s)",
    )
    parser.add_argument(
        "--mirror", default="{}", metavar="JSON", help="from beginnings of addresses to other addresses or folders"
    )
    parser.add_argument("--max-gb", type=float, default=50.0, help="largest size in GB (default: %(default)s)")


def run(args: argparse.Namespace) -> None:
    """Fetch the file, and record its checksum if it was not known."""
    sha256 = _checksum(args.sha256) or known_checksum(args.lock, args.url)
    source = redirect(args.url, _mirrors(args.mirror))
    receipt = download(source, args.output, max_bytes=round(args.max_gb * BYTES_PER_GB), sha256=sha256)
    if sha256 is None:
        record_checksum(args.lock, args.url, receipt)
        print(f"sha256 {receipt.sha256} of {args.url} recorded in {args.lock}; commit that file")


def _checksum(text: str | None) -> str | None:
    if text is not None and not re.fullmatch("[0-9a-fA-F]{64}", text):
        raise ConfigError(f"--sha256 is {text!r}, expected 64 hexadecimal digits as `sha256sum FILE` prints them")
    return text.lower() if text else None


def _mirrors(text: str) -> dict[str, str]:
    """Mapping in a JSON text."""
    try:
        mirrors = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"--mirror is {text!r}, which is no JSON: {error}") from error
    if not isinstance(mirrors, dict) or not all(isinstance(value, str) for value in mirrors.values()):
        raise ConfigError(f"--mirror is {text!r}, expected a mapping of addresses to addresses or folders")
    return mirrors
