"""Complete a bill of materials: python bill.py SBOM REPORTS-PACKAGE PIP-REPORT.

It gets the hashes of the archives that pip installed, and what is vendored into the page.
"""

import hashlib
import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def main(bill: Path, reports: Path, installed: Path) -> None:
    """Write the bill again with both."""
    found = json.loads(bill.read_text())
    archives = dict(_archives(json.loads(installed.read_text())))
    for component in found["components"]:
        if digest := archives.get((_normal(component["name"]), component.get("version"))):
            component["hashes"] = [{"alg": "SHA-256", "content": digest}]
    found["components"] += _vendored(reports)
    bill.write_text(json.dumps(found, indent=2) + "\n")


def _archives(report: Any) -> Iterator[tuple[tuple[str, str], str]]:
    """Yield name and version of each package that `pip install --report` names, and the SHA-256 of its archive."""
    for one in report["install"]:
        name = _normal(one["metadata"]["name"]), one["metadata"]["version"]
        yield name, one["download_info"]["archive_info"]["hashes"]["sha256"]


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _vendored(reports: Path) -> Iterator[dict[str, object]]:
    """Yield a component for each folder in `html/vendor`: its version and the hash of its script."""
    for version in sorted(reports.glob("html/vendor/*/VERSION")):
        name, number = version.parent.name, version.read_text().strip()
        script = (version.parent / f"{name}.js").read_bytes()
        yield {
            "type": "library",
            "name": name,
            "version": number,
            "purl": f"pkg:npm/{name}@{number}",
            "bom-ref": f"{name}=={number}",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(script).hexdigest()}],
        }


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]))
