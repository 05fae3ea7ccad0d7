"""Where a file is fetched from: its own address, or the mirror that the user names in the config."""

from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from cgpipe.errors import ConfigError, DataError

_SCHEMES = ("http", "https", "ftp")


def redirect(url: str, mirrors: Mapping[str, str]) -> str:
    """The address to fetch: the longest beginning that has a mirror is replaced by it.

    mirrors: from the beginning of an address, up to a `/`, to another address or to a folder of this machine; a
             folder holds the files under the paths of their addresses, without what follows a `?`
    Raises ConfigError for anything but http, https and ftp, or a path that leaves the mirror; DataError if a folder
    lacks the file.
    """
    for address in (url, *mirrors):
        _require_remote(address)
    prefixes = [prefix for prefix in mirrors if _begins(url, prefix.rstrip("/"))]
    if not prefixes:
        return url
    prefix = max(prefixes, key=len)
    rest = url[len(prefix.rstrip("/")) :]
    parts = _parts(url, rest)
    if "://" in mirrors[prefix]:
        _require_remote(mirrors[prefix])
        return mirrors[prefix].rstrip("/") + rest
    return _file_url(url, Path(mirrors[prefix]), parts)


def _require_remote(url: str) -> None:
    scheme, host = urlsplit(url)[:2]
    if scheme not in _SCHEMES or not host:
        raise ConfigError(
            f"cannot download from `{url}`: expected an address that starts with http://, https:// or ftp:// and names "
            "a host; a file of this machine is reached by naming its folder as a mirror in `mirror:`"
        )


def _begins(url: str, prefix: str) -> bool:
    return url.startswith(prefix) and url[len(prefix) :][:1] in {"", "/", "?"}


def _parts(url: str, rest: str) -> list[str]:
    """Names of the folders and the file below the mirror, decoded."""
    parts = [unquote(part) for part in urlsplit(rest).path.split("/") if part]
    if any(part in {".", ".."} or "/" in part or "\0" in part for part in parts):
        raise ConfigError(f"{url} leaves the address that it begins with; write it without `..`, `%2e` and `%2f`")
    return parts


def _file_url(url: str, folder: Path, parts: list[str]) -> str:
    folder = folder.resolve()
    path = folder.joinpath(*parts).resolve()
    if not path.is_relative_to(folder):
        raise ConfigError(
            f"the mirror of {url} is {path}, a link that leaves {folder}; name the folder of its target in `mirror:`"
        )
    if not path.is_file():
        raise DataError(f"{url} has a mirror, but there is no file {path}; put it there, or take the mirror away")
    return path.as_uri()
