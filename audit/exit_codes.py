"""The exit codes of the program: what each one means, and every place that chooses one of them.

docs/exit-codes.md is compared with this table by a test.
"""

from typing import Final

EXIT_CODES: Final[dict[int, str]] = {
    0: "done",
    1: "an internal error",
    2: "usage or configuration",
    3: "partial: something could not be read or written, or a zone contradicts its tables; the output says what",
    4: "nothing usable: no zone could be read",
    5: "invalid evidence (`check-evidence`): it differs from what the run wrote",
    10: "findings at or above `--fail-on`, or new ones with `--fail-on-new`; 3 takes precedence",
    143: "stopped by SIGTERM or Ctrl-C; what is complete is kept",
}
DONE, BROKEN, USAGE, PARTIAL, NOTHING, INVALID_EVIDENCE, FINDINGS, STOPPED = EXIT_CODES


def of_answer(*, complete: bool) -> int:
    """Return how a command ends that answers a question: complete, or with something unknown."""
    return DONE if complete else PARTIAL


def of_state(state: str) -> int:
    """Return how a command ends that reads zones, by their state together: complete, partial or failed."""
    return {"complete": DONE, "failed": NOTHING}.get(state, PARTIAL)


def of_gate(*, complete: bool, failing: bool) -> int:
    """Return how a command ends that judges what would be: partial wins over findings at or above its gate."""
    return PARTIAL if not complete else FINDINGS if failing else DONE


def of_run(state: str, *, failing: bool, stopped: bool = False) -> int:
    """Return how a run ends: `failing` if findings are at or above its gate; partial wins over that."""
    if stopped:
        return STOPPED
    code = of_state(state)
    return FINDINGS if code == DONE and failing else code


def of_evidence(*, valid: bool) -> int:
    """Return how a check of evidence ends."""
    return DONE if valid else INVALID_EVIDENCE
