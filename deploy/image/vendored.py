"""Add to a bill of materials what is vendored into the page: python vendored.py SBOM REPORTS-PACKAGE."""

import hashlib
import json
import sys
from pathlib import Path


def main(bill: Path, reports: Path) -> None:
    """Add a component for each folder in `html/vendor`: its version, license and the hash of its script."""
    found = json.loads(bill.read_text())
    for version in sorted(reports.glob("html/vendor/*/VERSION")):
        name, number = version.parent.name, version.read_text().strip()
        script = (version.parent / f"{name}.js").read_bytes()
        component = {
            "type": "library",
            "name": name,
            "version": number,
            "purl": f"pkg:npm/{name}@{number}",
            "bom-ref": f"{name}=={number}",
            "hashes": [{"alg": "SHA-256", "content": hashlib.sha256(script).hexdigest()}],
        }
        found["components"].append(component)
    bill.write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
