"""The program: `registry-audit`, and `python -m audit`.

A signal must end it properly from the first instant on, so handlers are set before anything else is imported.
"""

import _signal  # type: ignore[import-not-found]  # `signal` itself takes a while to import; typeshed lacks this one
import os

STOPPED = 143  # as in audit.exit_codes, which is not imported yet


def exit_at_once(number: int, frame: object) -> None:  # noqa: ARG001  the signature of a handler
    """End the program while nothing needs to be cleaned up; what does sets a handler of its own."""
    # Not by an exception: what is being imported or called back could swallow it.
    try:
        os.write(2, b"registry-audit: stopped\n")
    finally:
        os._exit(STOPPED)


for _number in (_signal.SIGINT, _signal.SIGTERM):
    _signal.signal(_number, exit_at_once)


def main() -> None:
    """Run the program and end it with the documented exit code; only a bug leaves a traceback."""
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            # A file that is opened later must not become stdout or stderr.
            os.open(os.devnull, os.O_RDWR)
    from audit.cli import main as run

    run()


if __name__ == "__main__":
    main()
