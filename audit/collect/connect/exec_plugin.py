"""Credential plugins of a kubeconfig (`exec`): commands that print an `ExecCredential`."""

import base64
import json
import os
import subprocess
import threading
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from audit.collect.connect.kubeconfig import CredentialsError, Section
from audit.masking import remember

_MAX_OUTPUT: Final = 1 << 20  # bytes
_EXTENSION: Final = "client.authentication.k8s.io/exec"


@dataclass(frozen=True, slots=True)
class PluginCredential:
    """Token, or certificate and key (PEM), of a plugin, and when they expire (seconds since 1970)."""

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
    """Run the plugin and return its credential. Raises CredentialsError, which never quotes its output."""
    command, version = plugin.text("command"), plugin.text("apiVersion")
    if not command or not version:
        raise CredentialsError(f"{plugin.name} needs `command` and `apiVersion`")
    if plugin.text("interactiveMode") == "Always":
        raise CredentialsError(f"{plugin.name} needs a terminal: log in with it first, or use a token")
    printed = _run(plugin, command, _info(plugin, cluster, version), seconds)
    try:
        answer = _CREDENTIAL.decode(printed)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Not even as the cause: the output is a credential.
        raise CredentialsError(f"{plugin.name}: {command} did not print an ExecCredential") from None
    if answer.version != version:
        raise CredentialsError(f"{plugin.name}: {command} printed an apiVersion other than {version}")
    status = answer.status
    remember(status.token or "", status.key or "")
    pair = (status.certificate.encode(), status.key.encode()) if status.certificate and status.key else None
    if not status.token and not pair:
        raise CredentialsError(f"{plugin.name}: {command} returned neither a token nor a certificate with its key")
    return PluginCredential(status.token or "", pair, status.expires.timestamp() if status.expires else None)


def _run(plugin: Section, command: str, info: str, seconds: float) -> bytes:
    arguments = plugin.values.get("args") or []
    if not isinstance(arguments, list) or not all(isinstance(argument, str) for argument in arguments):
        raise CredentialsError(f"{plugin.name}: args must be a list of strings")
    # As in kubectl: a path with a folder is relative to the kubeconfig, a bare name is looked up in PATH.
    program = str(plugin.folder / command) if os.sep in command else command
    try:
        with subprocess.Popen(  # noqa: S603  the kubeconfig of the person who runs this asks for it
            [program, *arguments],
            env={**os.environ, **_environment(plugin), "KUBERNETES_EXEC_INFO": info},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        ) as process:
            late, printed = _printed(process, seconds)
    except (OSError, ValueError) as error:
        hint = " ".join(plugin.text("installHint").split())
        # ValueError: a name or a variable that the system does not take, as with a null byte in it.
        problem = f"{plugin.name}: cannot run {command}: {getattr(error, 'strerror', None) or 'not a program name'}"
        raise CredentialsError(f"{problem}{f' ({hint})' if hint else ''}") from None
    if late:
        raise CredentialsError(f"{plugin.name}: {command} timed out")
    if len(printed) > _MAX_OUTPUT:
        raise CredentialsError(f"{plugin.name}: {command} printed more than {_MAX_OUTPUT >> 20} MiB")
    if process.returncode:
        raise CredentialsError(
            f"{plugin.name}: {command} exited with {process.returncode}; run it by itself to see why"
        )
    return printed


def _printed(process: "subprocess.Popen[bytes]", seconds: float) -> tuple[bool, bytes]:
    """Return whether a process had to be killed because it took too long, and what it printed."""
    late = threading.Event()

    def end() -> None:
        late.set()
        process.kill()

    timer = threading.Timer(seconds, end)
    timer.start()
    try:
        assert process.stdout  # noqa: S101  it was requested
        printed = process.stdout.read(_MAX_OUTPUT + 1)
        if len(printed) > _MAX_OUTPUT:
            process.kill()
        process.wait()
    finally:
        timer.cancel()
    return late.is_set(), printed


def _environment(plugin: Section) -> dict[str, str]:
    variables = plugin.values.get("env") or []
    try:
        return {str(variable["name"]): str(variable["value"]) for variable in variables}
    except (TypeError, KeyError):
        raise CredentialsError(f"{plugin.name}: env must be a list of `name` and `value`") from None


def _info(plugin: Section, cluster: Section, version: str) -> str:
    """Return the ExecCredential that is passed to a plugin: its version and, if it asks for it, the cluster."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.values.get("provideClusterInfo"):
        authority = base64.b64encode(cluster.content("certificate-authority")).decode()
        spec["cluster"] = {"server": cluster.text("server"), "certificate-authority-data": authority}
        spec["cluster"] |= {key: cluster.text(key) for key in ("tls-server-name", "proxy-url") if cluster.text(key)}
        extensions = cluster.values.get("extensions")
        for extension in extensions if isinstance(extensions, list) else []:
            if isinstance(extension, dict) and extension.get("name") == _EXTENSION:
                spec["cluster"]["config"] = extension.get("extension")
    return json.dumps({"apiVersion": version, "kind": "ExecCredential", "spec": spec})
