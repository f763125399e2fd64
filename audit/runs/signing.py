"""Signatures in the format of minisign, made and checked offline."""

import os
from pathlib import Path
from typing import Final

from minisign import Error, PublicKey, SecretKey, Signature

from audit.errors import UsageError
from audit.masking import remember
from audit.regular_files import SMALL, read_regular

SUFFIX: Final = ".minisig"
# The signature does not cover this line, so it is always the same.
_COMMENT: Final = "signature of registry-audit"


class Signer:
    """Signs with one secret key, read at once: a wrong password is reported before the work begins."""

    def __init__(self, path: Path, password_env: str) -> None:
        """Read the key; its password is in the variable `password_env`. Raises UsageError when it cannot be used."""
        try:
            data = read_regular(path, limit=SMALL)
            remember(data.partition(b"\n")[2])  # behind the comment
            self._key = SecretKey.from_bytes(data)
        except OSError as error:
            raise UsageError(f"cannot read this key: {error.strerror}", where=str(path)) from error
        except (Error, ValueError, UnicodeDecodeError) as error:
            raise UsageError(
                "this is not a secret key of minisign", where=str(path), fix="create one: minisign -G, or -G -W"
            ) from error
        if self._key.is_encrypted():
            self._open(path, password_env)

    def _open(self, path: Path, password_env: str) -> None:
        password = os.environ.get(password_env)
        remember(password or "")
        if not password:
            raise UsageError("this key has a password", where=str(path), fix=f"set the variable {password_env}")
        try:
            self._key.decrypt(password)
        except (Error, ValueError, MemoryError) as error:
            raise UsageError(
                "wrong password for this key", where=str(path), fix=f"check the variable {password_env}"
            ) from error

    def sign(self, data: bytes, comment: str) -> bytes:
        """Return the signature of `data` as a file; it also covers `comment`, one line."""
        return bytes(self._key.sign(data, untrusted_comment=_COMMENT, trusted_comment=comment)) + b"\n"


class Verifier:
    """Checks signatures with one public key."""

    def __init__(self, path: Path) -> None:
        """Read the key. Raises UsageError when it cannot be used."""
        try:
            self._key = PublicKey.from_bytes(read_regular(path, limit=SMALL))
        except OSError as error:
            raise UsageError(f"cannot read this key: {error.strerror}", where=str(path)) from error
        except (Error, ValueError, UnicodeDecodeError) as error:
            raise UsageError("this is not a public key of minisign", where=str(path)) from error

    def holds(self, data: bytes, signature: bytes, comment: str) -> bool:
        """Return whether `signature` is of `data`, by this key, with this comment, and unchanged to the last byte."""
        try:
            found = Signature.from_bytes(signature)
            self._key.verify(data, found)
        except (Error, ValueError, UnicodeDecodeError):
            return False
        # Its first line and its encoding are not covered by the signature: they must be as this program writes them.
        comments = (found.untrusted_comment, found.trusted_comment)
        return comments == (_COMMENT, comment) and bytes(found) + b"\n" == signature
