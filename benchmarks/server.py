"""A zone of prepared bytes in a process of its own, so that what it costs is not counted with what is measured."""

import argparse
import sys
import time
from pathlib import Path

from benchmarks.estate import OF_AN_ESTATE
from tests.simulator.prepared import PreparedZone


def main() -> None:
    """Serve the LIST answers in a folder until the standard input ends; write a kubeconfig when ready."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="folder with <plural>.json")
    parser.add_argument("--pace", type=float, default=0, help="bytes a second for each list; 0: as fast as it goes")
    given = parser.parse_args()
    prepared = {plural: (given.folder / f"{plural}.json").read_bytes() for plural in OF_AN_ESTATE}
    with PreparedZone(prepared, given.folder, pace=given.pace or None) as zone:
        zone.kubeconfig(given.folder / "kubeconfig.yaml")
        (given.folder / "ready").write_text(f"{zone.url}\n{zone.ca_file}\n{zone.token}\n")
        sys.stdin.read()
        time.sleep(0.1)


if __name__ == "__main__":
    main()
