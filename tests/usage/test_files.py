"""Logs in every form that people have them in: each known request is read once, and no other."""

import bz2
import csv
import gzip
import json
import lzma
import re
from collections import Counter
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from random import Random

import pytest

from audit.errors import UsageError
from audit.usage import files
from audit.usage.files import FilePart, Read, read_files, read_part
from audit.usage.requests import PULL, PUSH, Use
from tests.paths import SHARED
from tests.usage.logs import counted, log, requests, truth

STAMP = b"2026-11-25T23:08:42.876304158Z"
NAMES = {"pod_name": "image-registry-6d-abc", "namespace_name": "openshift-image-registry"}


def lines(texts: Iterable[bytes]) -> bytes:
    return b"".join(text + b"\n" for text in texts)


def logging(text: bytes) -> bytes:
    """One line as OpenShift Logging stores it."""
    return json.dumps({"@timestamp": STAMP.decode(), "message": text.decode(), "kubernetes": NAMES}).encode()


def loki(text: bytes) -> bytes:
    """One line of `logcli -o jsonl`."""
    labels = {f"kubernetes_{name}": value for name, value in NAMES.items()}
    return json.dumps({"labels": labels, "line": text.decode(), "timestamp": STAMP.decode()}).encode()


def logrus(text: bytes) -> bytes:
    """The same line, of a registry whose log is JSON."""
    pairs = re.findall(r'([\w.]+)=("(?:[^"\\]|\\.)*"|\S+)', text.decode())
    values = {key: json.loads(value) if value.startswith('"') else value for key, value in pairs}
    if status := values.get("http.response.status"):
        values["http.response.status"] = int(status)
    return json.dumps(values).encode()


def cri(texts: list[bytes]) -> bytes:
    """A container's log file, in which the runtime has split long lines."""
    head, made = STAMP + b" stderr ", []
    for number, text in enumerate(texts):
        middle = len(text) // 2 if number % 3 else 0
        made += [head + b"P " + text[:middle]] if middle else []
        made.append(head + b"F " + text[middle:])
    return lines(made)


FORMS: dict[str, Callable[[list[bytes]], bytes]] = {
    "plain": lines,
    "without the last line end": b"\n".join,
    "Windows line ends": b"\r\n".join,
    "doubled": lambda texts: lines(texts + texts),
    "shuffled": lambda texts: lines(Random(1).sample(texts, len(texts))),
    "gzip": lambda texts: gzip.compress(lines(texts)),
    "xz": lambda texts: lzma.compress(lines(texts)),
    "bzip2": lambda texts: bz2.compress(lines(texts)),
    "oc logs --prefix": lambda texts: lines(b"[pod/image-registry-6d-abc/registry] " + text for text in texts),
    "oc logs --timestamps": lambda texts: lines(STAMP + b" " + text for text in texts),
    "both": lambda texts: lines(b"[pod/image-registry-6d-abc/registry] " + STAMP + b" " + text for text in texts),
    "CRI": cri,
    "Loki": lambda texts: lines(map(loki, texts)),
    "Elasticsearch": lambda texts: lines(b'{"_index": "infra", "_source": ' + logging(text) + b"}" for text in texts),
    "OpenShift Logging": lambda texts: lines(map(logging, texts)),
    "OpenShift Logging in Loki": lambda texts: lines(loki(logging(text)) for text in texts),
    "JSON of logrus": lambda texts: lines(map(logrus, texts)),
    "two forms in one file": lambda texts: lines([*map(loki, texts[: len(texts) // 2]), *texts[len(texts) // 2 :]]),
}


def read(folder: Path, data: bytes, name: str = "registry.log") -> Read:
    path = folder / name
    path.write_bytes(data)
    return read_files([path], processes=1)


@pytest.mark.parametrize("form", FORMS)
def test_each_request_is_read_once_in_every_form(form: str, tmp_path: Path) -> None:
    """Who, what, where and how often; a user agent that quotes a log line is none."""
    for seed in range(5):
        made = requests(Random(seed))
        result = read(tmp_path, FORMS[form](log(made)))
        assert counted(result) == truth(made)
        assert result.damaged.count == 0
        first = min(request.at for request in made)
        assert datetime.fromtimestamp(min(result.time.tolist()) / 1_000_000, UTC) == first


def test_a_pod_is_named_by_the_line_or_by_the_path(tmp_path: Path) -> None:
    """Without that two replicas cannot be told apart."""
    texts = log(requests(Random(1)))
    assert set(read(tmp_path, FORMS["both"](texts)).registry) == {"image-registry-6d-abc"}
    assert set(read(tmp_path, FORMS["Loki"](texts)).registry) == {"image-registry-6d-abc"}
    for path in (
        "var/log/pods/openshift-image-registry_image-registry-5f-x_1b2c/registry/0.log",
        "namespaces/openshift-image-registry/pods/image-registry-5f-x/registry/registry/logs/current.log",
        "var/log/containers/image-registry-5f-x_openshift-image-registry_registry-0a1b.log",
    ):
        (tmp_path / path).parent.mkdir(parents=True)
        assert set(read(tmp_path, lines(texts), path).registry) == {"image-registry-5f-x"}


def test_a_file_in_parts_is_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever a part ends, each line is read, by one process or by two."""
    made = requests(Random(3), many=50)
    data = lines(log(made))
    for size in (97, 1000, 4096, len(data), len(data) - 1):
        monkeypatch.setattr(files, "_PART", size)
        monkeypatch.setattr(files, "_CHUNK", 333)
        assert counted(read(tmp_path, data)) == truth(made)
    monkeypatch.setattr(files, "_PART", len(data) // 2)
    assert counted(read_files([tmp_path / "registry.log"], processes=2)) == truth(made)


def test_damaged_lines_are_counted_and_quoted_and_add_nothing(tmp_path: Path) -> None:
    """Cut, merged, binary: what cannot be read is no use, and the others are read."""
    random = Random(5)
    for seed in range(30):
        made = requests(Random(seed))
        texts = log(made)
        damaged = random.randrange(len(texts))
        change = random.choice(("cut", "merged", "binary", "empty JSON"))
        text = texts[damaged]
        texts[damaged] = {
            "cut": text[: random.randrange(1, len(text) - 30)],
            "merged": text[:60] + text,
            "binary": b"\x00\xff" + text[5:],
            "empty JSON": b"{}",
        }[change]
        result = read(tmp_path, lines(texts))
        missing = truth(made) - counted(result)
        assert not counted(result) - truth(made), change
        assert missing.total() <= 1
        assert result.damaged.count >= missing.total()
        assert len(result.damaged.examples) == min(result.damaged.count, 3)


def test_what_is_packed_and_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    """And said to be damaged."""
    made = requests(Random(1), many=400)
    result = read(tmp_path, gzip.compress(lines(log(made)))[:-200])
    assert result.damaged.count
    assert counted(result)
    assert counted(result) <= truth(made)


def test_lines_of_other_pods_are_no_damage(tmp_path: Path) -> None:
    """An export of all infrastructure holds more than the registry's lines."""
    other = {
        "message": "I1125 leader election",
        "kubernetes": {"namespace_name": "openshift-etcd", "pod_name": "etcd-0"},
    }
    result = read(tmp_path, lines([json.dumps(other).encode()]))
    assert (len(result.use), result.damaged.count, result.registry) == (0, 0, {})


def test_nothing_but_regular_files_is_read(tmp_path: Path) -> None:
    """A pipe would wait for ever; what is not there has one message."""
    import os

    os.mkfifo(tmp_path / "pipe")
    for name in ("pipe", "missing"):
        with pytest.raises(UsageError, match=name):
            read_files([tmp_path / name])
    assert not len(read_files([tmp_path], processes=1).use)


RECORDED = SHARED / "data/registry-zone"


@pytest.mark.parametrize("zone", [RECORDED] if RECORDED.is_dir() else [])
def test_what_a_real_registry_did_is_what_its_log_says(zone: Path) -> None:
    """Each pull and push that was done, by whom and where; no other one that anybody tried."""
    done: Counter[tuple[str, str, str, str]] = Counter()
    with gzip.open(zone / "registry-answers.csv.gz", "rt", newline="") as file:
        for row in csv.DictReader(file):
            if (
                row["done"] == "true"
                and row["status"] in {"200", "201"}
                and row["action"] in {"pull", "push", "create"}
            ):
                action = PULL if row["action"] == "pull" else PUSH
                done[row["user"], action, row["namespace"], row["repository"]] += 1
    result = read_part(FilePart(str(zone / "logs/image-registry.log.gz"), 0, -1))
    used: Counter[Use] = counted(result)
    # What made the images that were pulled.
    filler = "system:serviceaccount:openshift:filler"
    seen = Counter(
        {
            (use.user, use.action, use.namespace, use.repository): count
            for use, count in used.items()
            if use.action in {PULL, PUSH} and not use.denied and use.user != filler
        }
    )
    assert seen == done
    assert result.damaged.count == 0
