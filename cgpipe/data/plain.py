"""From plain values of a file to records with the types that their classes declare."""

from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from cgpipe.errors import DataError

T = TypeVar("T")


def from_plain(kind: type[T], values: Any, *, source: str) -> T:
    """Record of a class from its plain values. Raises DataError that names the source and the first wrong part."""
    try:
        return TypeAdapter(kind).validate_python(values)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"])) or kind.__name__
        raise DataError(f"{source}: `{place}`: {first['msg']}; delete the file and run again") from error
