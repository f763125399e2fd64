"""Where the repository and the data of its tests are."""

from pathlib import Path
from typing import Final

TESTS: Final = Path(__file__).resolve().parent
ROOT: Final = TESTS.parent
DATA: Final = TESTS / "data"
DEMO: Final = ROOT / "audit" / "demo"
SHARED: Final = ROOT.parent / "shared"  # recorded zones that are not in the repository
