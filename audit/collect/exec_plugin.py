"""PluginCredential plugins of a kubeconfig (`exec`): a command that prints an `ExecCredential`."""

import base64
import json
import os
import subprocess
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from audit.collect.kubeconfig import CredentialsError, Section

_EXTENSION: Final = "client.authentication.k8s.io/exec"


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """What a plugin gave: a token, a certificate and key (PEM), and when they expire (seconds since 1970)."""

    token: str
    certificate: tuple[bytes, bytes] | None
    expires: float | None


class _PluginStatus(msgspec.Struct):
    token: str | None = None
    certificate: str | None = msgspec.field(default=None, name="clientCertificateData")
    key: str | None = msgspec.field(default=None, name="clientKeyData")
    expires: datetime | None = msgspec.field(default=None, name="expirationTimestamp")


class _ExecCredential(msgspec.Struct):
    version: str = msgspec.field(name="apiVersion")
    status: _PluginStatus


_CREDENTIAL: Final = msgspec.json.Decoder(_ExecCredential)


def plugin_credential(plugin: Section, cluster: Section, seconds: float) -> PluginCredential:
    """Run the plugin and return what it gave. Raises CredentialsError, which never quotes the plugin."""
    command, version = plugin.text("command"), plugin.text("apiVersion")
    if not command or not version:
        raise CredentialsError(f"{plugin.name} needs `command` and `apiVersion`")
    if plugin.text("interactiveMode") == "Always":
        raise CredentialsError(f"{plugin.name} wants to talk to a person: log in with it first, or use a token")
    printed = _run(plugin, command, _info(plugin, cluster, version), seconds)
    try:
        answer = _CREDENTIAL.decode(printed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not even as a cause: what it printed is a credential.
        raise CredentialsError(f"{plugin.name}: {command} printed no ExecCredential") from None
    if answer.version != version:
        raise CredentialsError(f"{plugin.name}: {command} speaks another version than {version}")
    status = answer.status
    pair = (status.certificate.encode(), status.key.encode()) if status.certificate and status.key else None
    if not status.token and not pair:
        raise CredentialsError(f"{plugin.name}: {command} gave neither a token nor a certificate with its key")
    return PluginCredential(status.token or "", pair, status.expires.timestamp() if status.expires else None)


def _run(plugin: Section, command: str, info: str, seconds: float) -> bytes:
    arguments = plugin.values.get("args") or []
    if not isinstance(arguments, list) or not all(isinstance(one, str) for one in arguments):
        raise CredentialsError(f"{plugin.name}: args must be a list of texts")
    # As kubectl does: a path with a folder in it starts at the kubeconfig, a bare name is looked up in PATH.
    program = str(plugin.folder / command) if os.sep in command else command
    try:
        done = subprocess.run(  # noqa: S603  running it is what the person's own kubeconfig asks for
            [program, *arguments],
            env={**os.environ, **_environment(plugin), "KUBERNETES_EXEC_INFO": info},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=seconds,
            check=False,
        )
    except OSError as error:
        hint = " ".join(plugin.text("installHint").split())
        said = f"{plugin.name}: cannot run {command}: {error.strerror}"
        raise CredentialsError(f"{said}{f' ({hint})' if hint else ''}") from None
    except subprocess.TimeoutExpired:
        raise CredentialsError(f"{plugin.name}: {command} did not end in time") from None
    if done.returncode:
        said = f"{plugin.name}: {command} ended with {done.returncode}"
        raise CredentialsError(f"{said}; run it by itself to see why")
    return done.stdout


def _environment(plugin: Section) -> dict[str, str]:
    given = plugin.values.get("env") or []
    try:
        return {str(one["name"]): str(one["value"]) for one in given}
    except (TypeError, KeyError):
        raise CredentialsError(f"{plugin.name}: env must be a list of `name` and `value`") from None


def _info(plugin: Section, cluster: Section, version: str) -> str:
    """Return what a plugin is told: the version to speak, and where it wants to know it, the cluster."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.values.get("provideClusterInfo"):
        authority = base64.b64encode(cluster.content("certificate-authority")).decode()
        spec["cluster"] = {"server": cluster.text("server"), "certificate-authority-data": authority}
        spec["cluster"] |= {key: cluster.text(key) for key in ("tls-server-name", "proxy-url") if cluster.text(key)}
        extensions = cluster.values.get("extensions")
        for one in extensions if isinstance(extensions, list) else []:
            if isinstance(one, dict) and one.get("name") == _EXTENSION:
                spec["cluster"]["config"] = one.get("extension")
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
