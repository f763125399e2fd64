"""Credentials of S3 in the files that the AWS tools share: `~/.aws/credentials`, `~/.aws/config` and `AWS_PROFILE`.

Variables with keys take precedence, as for those tools. Roles and single sign-on are left to them: they export keys.
"""

from collections.abc import Mapping
from configparser import ConfigParser
from configparser import Error as SyntaxProblem
from pathlib import Path
from typing import Final

from audit.errors import UsageError
from audit.masking import remember

_PROFILE: Final = "AWS_PROFILE"
# The files: the variable that names each, and where it is otherwise.
_CREDENTIALS: Final = ("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials")
_CONFIG: Final = ("AWS_CONFIG_FILE", "~/.aws/config")
# What is taken of a profile, and the variable that takes precedence.
_KEYS: Final = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
_SETTINGS: Final = {"region": "AWS_REGION", "endpoint_url": "AWS_ENDPOINT_URL"}
# Other sources of credentials, which are used unless a profile is named.
_OTHERS: Final = ("AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI")


def shared_settings(environment: Mapping[str, str]) -> dict[str, str]:
    """Return keys, region and endpoint of the profile, by their names in the files; nothing if no profile counts.

    Raises UsageError for a profile that is named and cannot be used.
    """
    named = environment.get(_PROFILE, "")
    if environment.get("AWS_ACCESS_KEY_ID") or (not named and any(environment.get(name) for name in _OTHERS)):
        return {}
    profile = named or "default"
    keys, where = _section(_CREDENTIALS, profile, environment)
    settings, _ = _section(_CONFIG, profile if profile == "default" else f"profile {profile}", environment)
    found = settings | keys
    if not all(found.get(name) for name in _KEYS[:2]):
        if named:
            fix = f"write its keys there, or run `aws configure export-credentials --profile {named} --format env`"
            raise UsageError(f"profile {named} has no access key", where=where, fix=fix)
        return {}
    for name in _KEYS:
        remember(found.get(name, ""))
    overridden = {name for name, variable in _SETTINGS.items() if environment.get(variable)}
    wanted = {*_KEYS, *_SETTINGS} - overridden
    return {name: value for name, value in found.items() if name in wanted and value.isprintable() and value}


def _section(file: tuple[str, str], section: str, environment: Mapping[str, str]) -> tuple[dict[str, str], str]:
    """Return a section of one of the files, and its path. Raises UsageError for a file that cannot be read."""
    variable, usual = file
    path = Path(environment.get(variable) or usual).expanduser()
    parser = ConfigParser(interpolation=None, default_section="")
    try:
        parser.read_string(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}, str(path)
    except OSError as error:
        raise UsageError(f"cannot be read: {error.strerror}", where=str(path)) from error
    except (SyntaxProblem, UnicodeDecodeError):
        # The message of the parser quotes the line, which may hold a key.
        raise UsageError("is not a file of AWS profiles", where=str(path), fix="see `aws configure`") from None
    return (dict(parser.items(section)) if parser.has_section(section) else {}), str(path)
