"""Files of a later version of this program: they are refused with one message, whatever else is in them."""

from typing import Final

import msgspec

UPGRADE: Final = "use the version of registry-audit that wrote it, or a later one"


class _Header(msgspec.Struct):
    """What every version of a format begins with."""

    format: str
    version: int


# Made here: two threads that make one for the same type at once end the process.
_JSON: Final = msgspec.json.Decoder(_Header)
_PACKED: Final = msgspec.msgpack.Decoder(_Header)


def too_new(data: bytes, name: str, reads: int, *, packed: bool = False) -> str:
    """Return why a file of the format `name` is not read, if it has a later version than `reads`; else "".

    `data` is JSON, or MessagePack if `packed`. Only the header is looked at: a later version may change the rest.
    """
    try:
        header = (_PACKED if packed else _JSON).decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    return later(header.version, reads) if header.format == name else ""


def later(version: int, reads: int) -> str:
    """Return why something of the format version `version` is not read, if it is later than `reads`; else ""."""
    return f"has format version {version}; this program reads up to version {reads}" if version > reads else ""
