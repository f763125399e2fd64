"""The files of AWS profiles: which keys count, and what is said of those that cannot be used."""

from pathlib import Path

import pytest

from audit.errors import UsageError
from audit.storage.aws_profile import shared_settings

CREDENTIALS = """\
[default]
aws_access_key_id = DEFAULT
aws_secret_access_key = canary-default
[audit]
aws_access_key_id = AUDIT
aws_secret_access_key = canary%audit
aws_session_token = canary-session
[sso]
sso_session = company
"""
CONFIG = """\
[default]
region = eu-central-1
[profile audit]
region = ch-gva-2
endpoint_url = https://sos-ch-gva-2.exo.io
output = json
[profile sso]
region = eu-west-1
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "credentials").write_text(CREDENTIALS)
    (tmp_path / "config").write_text(CONFIG)
    return {
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "credentials"),
        "AWS_CONFIG_FILE": str(tmp_path / "config"),
    }


DEFAULT = {"aws_access_key_id": "DEFAULT", "aws_secret_access_key": "canary-default", "region": "eu-central-1"}
AUDIT = {
    "aws_access_key_id": "AUDIT",
    "aws_secret_access_key": "canary%audit",
    "aws_session_token": "canary-session",
    "region": "ch-gva-2",
    "endpoint_url": "https://sos-ch-gva-2.exo.io",
}


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, DEFAULT),
        ({"AWS_PROFILE": "audit"}, AUDIT),
        ({"AWS_PROFILE": "audit", "AWS_REGION": "x"}, {k: v for k, v in AUDIT.items() if k != "region"}),
        ({"AWS_PROFILE": "audit", "AWS_ACCESS_KEY_ID": "K"}, {}),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, {}),
        ({"AWS_PROFILE": "audit", "AWS_WEB_IDENTITY_TOKEN_FILE": "/token"}, AUDIT),
        ({"AWS_SHARED_CREDENTIALS_FILE": "/no/such"}, {}),
    ],
)
def test_which_profile_counts(files: dict[str, str], given: dict[str, str], expected: dict[str, str]) -> None:
    """Keys in variables first, then the profile that is named, then other identities, then `default`."""
    assert shared_settings(files | given) == expected


@pytest.mark.parametrize(
    ("profile", "said"),
    [
        ("none", "profile none has no access key (write its keys there, or run `aws configure export-credentials"),
        ("sso", "profile sso has no access key"),
    ],
)
def test_a_profile_without_keys_says_how_to_get_them(files: dict[str, str], profile: str, said: str) -> None:
    """One that is named is not passed over."""
    with pytest.raises(UsageError) as raised:
        shared_settings(files | {"AWS_PROFILE": profile})
    assert said in str(raised.value)


@pytest.mark.parametrize("text", ["canary-key without a section", "[audit]\ncanary-key", "\xff"])
def test_a_damaged_file_is_not_quoted(files: dict[str, str], text: str) -> None:
    """A line of it may hold a key."""
    Path(files["AWS_SHARED_CREDENTIALS_FILE"]).write_bytes(text.encode("latin-1"))
    with pytest.raises(UsageError) as raised:
        shared_settings(files | {"AWS_PROFILE": "audit"})
    assert "is not a file of AWS profiles" in str(raised.value)
    assert "canary" not in repr((raised.value, raised.value.__cause__))
