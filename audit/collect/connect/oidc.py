"""Tokens of an OpenID Connect provider (`auth-provider: oidc` of a kubeconfig), refreshed over verified TLS only."""

import base64
import json
import time
from typing import Any, Final, NamedTuple
from urllib.parse import urlencode, urlsplit

import msgspec
import urllib3
from urllib3.exceptions import HTTPError

from audit.collect.connect.kubeconfig import CredentialsError, Section
from audit.collect.connect.transport import Route
from audit.masking import remember

_SOON: Final = 10.0  # seconds: a token that expires sooner is renewed
_OK: Final = 200
_MAX_BYTES: Final = 1 << 20  # of a response


class IdToken(NamedTuple):
    """An ID token, and when it expires (seconds since 1970; None: unknown)."""

    text: str
    expires: float | None


def id_token(provider: Section, seconds: float) -> IdToken:
    """Return the ID token of the provider, renewed if it has expired. Raises CredentialsError.

    The kubeconfig is not changed. Responses of the provider are not quoted.
    """
    config = provider.inner("config")
    if provider.text("name") != "oidc" or config is None:
        raise CredentialsError(
            f"{provider.name}: only `oidc` is supported; use a credential plugin (`exec`) for others"
        )
    token = config.text("id-token")
    expires = _expiry(token)
    if token and (expires is None or expires - time.time() > _SOON):
        return IdToken(token, expires)
    if not config.text("refresh-token"):
        raise CredentialsError(f"{provider.name}: the ID token has expired and there is no refresh token: log in again")
    try:
        token = _refreshed(config, seconds)
    except HTTPError:
        # The error may hold the request, and with it the refresh token.
        raise CredentialsError(
            f"{provider.name}: the issuer cannot be reached, or its certificate is not trusted"
        ) from None
    return IdToken(token, _expiry(token))


def _expiry(token: str) -> float | None:
    """Return the claim `exp` of a JSON Web Token. It is not verified here: the server does that."""
    parts = token.split(".")
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
        return float(claims["exp"])
    except (IndexError, ValueError, KeyError, TypeError):
        return None


def _refreshed(config: Section, seconds: float) -> str:
    issuer = config.text("idp-issuer-url").rstrip("/")
    pool = Route(config.content("idp-certificate-authority")).pool(_secure(config, issuer))
    timeout = urllib3.Timeout(total=min(seconds, 60))
    about = f"{issuer}/.well-known/openid-configuration"
    found = _json(config, pool.request("GET", about, timeout=timeout, redirect=False, preload_content=False))
    endpoint = _secure(config, str(found.get("token_endpoint", "")))
    form = {"grant_type": "refresh_token", "refresh_token": config.text("refresh-token")}
    client = {"client_id": config.text("client-id"), "client_secret": config.text("client-secret")}
    answer = pool.request(
        "POST",
        endpoint,
        body=urlencode({**form, **{key: value for key, value in client.items() if value}}),
        headers={"Content-Type": "application/x-www-form-urlencoded"},
        timeout=timeout,
        redirect=False,
        preload_content=False,
    )
    renewed = _json(config, answer)
    token = renewed.get("id_token")
    for name in ("id_token", "access_token", "refresh_token"):
        remember(str(renewed.get(name, "")))
    if not isinstance(token, str) or not token:
        raise CredentialsError(f"{config.name}: the issuer returned no ID token")
    return token


def _secure(config: Section, url: str) -> str:
    if urlsplit(url).scheme != "https":
        raise CredentialsError(f"{config.name}: idp-issuer-url must be https")
    return url


def _json(config: Section, answer: urllib3.BaseHTTPResponse) -> dict[str, Any]:
    try:
        if answer.status != _OK:
            raise CredentialsError(f"{config.name}: the issuer answered {answer.status}; log in again")
        return msgspec.json.decode(answer.read(_MAX_BYTES, decode_content=True), type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise CredentialsError(f"{config.name}: the response of the issuer is not JSON") from None
    finally:
        answer.close()
