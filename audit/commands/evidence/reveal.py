"""`reveal`: the names behind pseudonyms."""

from collections.abc import Sequence
from pathlib import Path

from audit.command_line.pseudonyms import known_names
from audit.command_line.result import Result
from audit.errors import UsageError
from audit.exit_codes import of_answer
from audit.pseudonyms.pseudonyms import Pseudonyms


def reveal(path: Path, texts: Sequence[str]) -> Result:
    """Return texts with the names behind their pseudonyms; the result is partial when one holds none that is known."""
    if not path.exists():
        raise UsageError("no such map", where=str(path), fix="give the file of --pseudonym-map")
    names = Pseudonyms(b"", known_names(path))
    revealed = {text: names.real(text) for text in texts}
    unknown = [text for text, real in revealed.items() if text == real]
    return Result(
        value=lambda: {text: None if text == real else real for text, real in revealed.items()},
        text=[real for text, real in revealed.items() if text != real],
        notes=[f"no name is known behind {text}" for text in unknown],
        exit_code=of_answer(complete=not unknown),
    )
