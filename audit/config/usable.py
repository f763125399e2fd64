"""What can be known of an address or a path without using it: whether it can work at all."""

import base64
import os
import re
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from audit.regular_files import SMALL, read_regular

_LABEL: Final = r"[A-Za-z0-9_]([-A-Za-z0-9_]{0,61}[A-Za-z0-9_])?"
_HOST: Final = re.compile(rf"(?!.{{254}}){_LABEL}(\.{_LABEL})*\.?")
_CERTIFICATE: Final = re.compile(rb"-----BEGIN (?:TRUSTED )?CERTIFICATE-----([^-]*)-----END")
_SEQUENCE: Final = b"\x30"  # with which every certificate begins
_IPV6: Final = re.compile(r"[0-9A-Fa-f:.]+(%[A-Za-z0-9]+)?")


def is_host(text: str) -> bool:
    """Return whether a text can be the name of a host, or its address."""
    return bool(_HOST.fullmatch(text) or (":" in text and _IPV6.fullmatch(text)))


def is_web_address(text: str, *schemes: str) -> bool:
    """Return whether a URL leads to a host: one of the schemes, a name that can exist, a port that there is."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    named = parts.hostname is not None and is_host(parts.hostname)
    return parts.scheme in schemes and named and port != 0 and text.isprintable() and " " not in text


def file_problem(path: Path | None) -> str:
    """Return why a file cannot be read, "" if it can or if there is none to read."""
    if path is None or (path.is_file() and os.access(path, os.R_OK)):
        return ""
    return f"no readable file at {path}"


def authority_problem(path: Path | None) -> str:
    """Return why a file is not a certificate authority (PEM)."""
    if path is None or (problem := file_problem(path)):
        return problem if path else ""
    try:
        certificates = _CERTIFICATE.findall(read_regular(path, limit=SMALL))
        good = certificates and all(base64.b64decode(text).startswith(_SEQUENCE) for text in certificates)
    except (OSError, ValueError):
        good = False
    return "" if good else f"no certificate (PEM) in {path}"


def target_problem(path: Path | None) -> str:
    """Return why a file cannot be written, or replaced."""
    if path is None:
        return ""
    if path.is_dir():
        return f"a folder, not a file: {path}"
    return "" if path.parent.is_dir() and os.access(path.parent, os.W_OK) else f"no folder to write to: {path.parent}"


def folder_problem(path: Path) -> str:
    """Return why a folder cannot be written to, or made."""
    if not str(path).isprintable():
        return "not a path: it has control characters"
    try:
        for place in (path, *path.absolute().parents):
            if place.exists() or place.is_symlink():
                good = place.is_dir() and os.access(place, os.W_OK | os.X_OK)
                return "" if good else f"not a folder that can be written to: {place}"
    except (OSError, ValueError) as error:
        return f"not a path: {getattr(error, 'strerror', None) or error}"
    return f"no such folder: {path}"
