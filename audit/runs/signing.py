"""Signatures of files, in the format of minisign: made and checked offline, by this program or by minisign itself."""

import os
from pathlib import Path
from typing import Final

from minisign import Error, PublicKey, SecretKey, Signature

from audit.errors import UsageError

SUFFIX: Final = ".minisig"
# Nothing vouches for this line of a signature, so it says the same always.
_COMMENT: Final = "signature of registry-audit"


class Signer:
    """Signs with one key, which is read once: a wrong password is told before the work begins."""

    def __init__(self, path: Path, password_env: str) -> None:
        """Read the secret key at `path`; its password stands in the variable. Raises UsageError when it cannot."""
        try:
            self._key = SecretKey.from_bytes(path.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read this key: {error.strerror}", where=str(path)) from error
        except (Error, ValueError, UnicodeDecodeError) as error:
            raise UsageError(
                "this is no secret key of minisign", where=str(path), fix="make one: minisign -G, or -G -W"
            ) from error
        if self._key.is_encrypted():
            self._open(path, password_env)

    def _open(self, path: Path, password_env: str) -> None:
        password = os.environ.get(password_env)
        if not password:
            raise UsageError("this key has a password", where=str(path), fix=f"give it in the variable {password_env}")
        try:
            self._key.decrypt(password)
        except (Error, ValueError, MemoryError) as error:
            raise UsageError(
                "the password is not that of this key", where=str(path), fix=f"look at the variable {password_env}"
            ) from error

    def sign(self, data: bytes, said: str) -> bytes:
        """Return the signature of `data` as a file; `said` is one line that the signature vouches for too."""
        return bytes(self._key.sign(data, untrusted_comment=_COMMENT, trusted_comment=said)) + b"\n"


class Verifier:
    """Checks signatures by one public key."""

    def __init__(self, path: Path) -> None:
        """Read the public key at `path`. Raises UsageError when it cannot."""
        try:
            self._key = PublicKey.from_bytes(path.read_bytes())
        except OSError as error:
            raise UsageError(f"cannot read this key: {error.strerror}", where=str(path)) from error
        except (Error, ValueError, UnicodeDecodeError) as error:
            raise UsageError("this is no public key of minisign", where=str(path)) from error

    def holds(self, data: bytes, signature: bytes, said: str) -> bool:
        """Say whether `signature` is of `data`, by this key, and says `said`; to the last byte as it was written."""
        try:
            found = Signature.from_bytes(signature)
            self._key.verify(data, found)
        except (Error, ValueError, UnicodeDecodeError):
            return False
        # What a signature does not vouch for, its first line and how it is spelled, must be as it was written too.
        words = (found.untrusted_comment, found.trusted_comment)
        return words == (_COMMENT, said) and bytes(found) + b"\n" == signature
