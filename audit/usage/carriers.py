"""What carries a log: container log files, `oc logs`, and the JSON lines of Loki, Elasticsearch and OpenShift Logging.

A line may be carried more than once (a Loki export of lines that are JSON themselves). Inside is text of the registry,
a JSON line of the registry, or an audit event.
"""

import re
from collections import defaultdict
from typing import Any, Final

import msgspec

from audit.usage.audit_log import AuditLog
from audit.usage.registry_log import RegistryLog
from audit.usage.requests import Damaged

_NAMESPACE: Final = "openshift-image-registry"
_DEPTH: Final = 3  # lines carried in lines carried in lines
_PARTIAL: Final = re.compile(rb"(?m)^\S+ std(?:out|err) P")
_CRI: Final = re.compile(rb"(\S+ std(?:out|err)) ([FP])\S* (.*)", re.DOTALL)


class _Carrier(msgspec.Struct):
    """The keys by which a line says what it carries."""

    kind: Any = None
    auditID: Any = None  # noqa: N815 - as the API server spells it
    msg: Any = None
    level: Any = None
    time: Any = None
    line: Any = None  # Loki
    message: Any = None  # OpenShift Logging, Elasticsearch
    log: Any = None  # Docker's json-file, Fluentd
    labels: Any = None
    kubernetes: Any = None
    source: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw, name="_source")


_CARRIERS: Final = msgspec.json.Decoder(_Carrier)
_FIELDS: Final = msgspec.json.Decoder(dict[str, Any])


class Unpacker:
    """Hands each line of one file to the reader that knows what it is."""

    def __init__(self, registry: RegistryLog, audit: AuditLog, damaged: Damaged, origin: str) -> None:
        self._registry, self._audit, self._damaged, self._origin = registry, audit, damaged, origin
        self._begun: dict[bytes, bytes] = {}  # partial lines of a container's log file, by stream
        self._text: defaultdict[str, list[bytes]] = defaultdict(list)

    def read(self, lines: bytes) -> None:
        """Read whole lines, in the order of the file."""
        if self._begun or ((b" stdout P" in lines or b" stderr P" in lines) and _PARTIAL.search(lines)):
            lines = self._joined(lines)
        if not (lines.startswith(b"{") or b"\n{" in lines or b" {" in lines):
            self._registry.read(lines, self._origin)
            return
        for line in lines.splitlines():
            start = line.find(b"{")
            # JSON may stand behind the prefix and time stamp of `oc logs`, or of a container's log file.
            if start >= 0 and not re.search(rb'time="|msg=', line[:start]):
                self._carried(line[start:], self._origin, _DEPTH)
            elif line.strip():
                self._text[self._origin].append(line)
        for pod, texts in self._text.items():
            self._registry.read(b"\n".join(texts), pod)
        self._text.clear()

    def close(self) -> None:
        """Say that the file has ended: what was begun and not ended is damaged."""
        for begun in self._begun.values():
            self._damaged.add(begun)

    def _joined(self, lines: bytes) -> bytes:
        whole = []
        for line in lines.splitlines():
            match = _CRI.fullmatch(line)
            if not match:
                whole.append(line)
                continue
            head, mark, text = match.groups()
            stream = head[-6:]
            if mark == b"P":
                self._begun[stream] = self._begun.get(stream, head + b" F ") + text
            else:
                whole.append(self._begun.pop(stream, head + b" F ") + text)
        return b"\n".join(whole)

    def _carried(self, line: bytes, pod: str, depth: int) -> None:
        try:
            self._decoded(line, pod, depth)
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            self._damaged.add(line)

    def _decoded(self, line: bytes, pod: str, depth: int) -> None:
        carrier = _CARRIERS.decode(line)
        if carrier.kind == "Event" and carrier.auditID:
            self._audit.read(line, pod)
        elif carrier.source and depth:
            self._carried(bytes(carrier.source), pod, depth - 1)
        elif isinstance(carrier.msg, str) and isinstance(carrier.time, str) and isinstance(carrier.level, str):
            self._text[pod].append(self._as_text(line))
        else:
            self._message(carrier, line, pod, depth)

    def _message(self, carrier: _Carrier, line: bytes, pod: str, depth: int) -> None:
        text = next((text for text in (carrier.line, carrier.message, carrier.log) if isinstance(text, str)), None)
        if text is None:
            self._damaged.add(line)
            return
        labels = carrier.kubernetes if isinstance(carrier.kubernetes, dict) else carrier.labels
        labels = labels if isinstance(labels, dict) else {}
        names = {key.removeprefix("kubernetes_"): value for key, value in labels.items() if isinstance(value, str)}
        if names.get("namespace_name", _NAMESPACE) != _NAMESPACE:
            return  # other infrastructure: an export has more than the registry's lines
        pod = names.get("pod_name", "") or pod
        data = text.strip().encode(errors="surrogatepass")
        if data.startswith(b"{") and depth:
            self._carried(data, pod, depth - 1)
        else:
            self._text[pod].extend(data.splitlines())

    def _as_text(self, line: bytes) -> bytes:
        """Return a line that logrus wrote as JSON as it would have written it as text."""
        fields = {key: value if isinstance(value, str) else str(value) for key, value in _FIELDS.decode(line).items()}
        head = f'time="{fields.pop("time")}" level={fields.pop("level")} msg={_quoted(fields.pop("msg"))}'
        rest = "".join(f" {key}={_quoted(value)}" for key, value in sorted(fields.items()))
        return f"{head}{rest}".encode(errors="replace")


def _quoted(text: str) -> str:
    """Return a value as logrus writes it: bare where it can be, so that a request has one id in every form."""
    return text if re.fullmatch(r"[\w./@^+-]*", text, re.ASCII) else msgspec.json.encode(text).decode()
