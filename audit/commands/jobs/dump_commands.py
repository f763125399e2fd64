"""`dump-commands`: commands that save the lists with `oc` where the program cannot connect.

A failed `oc get` still writes an empty list, so each is written to a `.part` file and renamed on success; lists that
failed are named.
"""

from typing import Final

from audit.command_line.result import Result, Verbatim
from audit.errors import UsageError
from audit.snapshot.objects import DECLARED, OF_A_ZONE, TRACES

_KINDS: Final = [kind for kind in OF_A_ZONE if kind not in {*DECLARED, *TRACES, "tokens"}]
_SH: Final = """\
if command -v oc >/dev/null; then
  mkdir -p dump && failed=
  for kind in {kinds}; do
    if oc get "$kind" -A -o json > "dump/$kind.part"; then mv "dump/$kind.part" "dump/$kind.json"
    else rm -f "dump/$kind.part" "dump/$kind.json"; failed="$failed $kind"; fi
  done
  [ -z "$failed" ] || {{ echo "INCOMPLETE, not listed:$failed" >&2; false; }}
else echo "oc is not on the PATH: no list was written" >&2; false; fi
"""
_POWERSHELL: Final = """\
[Console]::OutputEncoding = [Text.Encoding]::UTF8
New-Item -ItemType Directory -Force dump | Out-Null; $failed = @()
foreach ($kind in {kinds}) {{
  $json = oc get $kind -A -o json
  if ($LASTEXITCODE -eq 0) {{ $json | Out-File -Encoding utf8 "dump/$kind.json" }}
  else {{ Remove-Item -ErrorAction SilentlyContinue "dump/$kind.json"; $failed += $kind }}
}}
if ($failed) {{ throw "INCOMPLETE, not listed: $failed" }}
"""


def dump_commands(shell: str) -> Result:
    """Return the commands for a shell. Raises UsageError for another one."""
    if shell == "sh":
        text = _SH.format(kinds=" ".join(_KINDS))
    elif shell == "powershell":
        text = _POWERSHELL.format(kinds=", ".join(f'"{kind}"' for kind in _KINDS))
    else:
        raise UsageError(f"no such shell: {shell}", where="--shell", fix="sh or powershell")
    return Result(value=lambda: text, text=[Verbatim(text)])
