"""What fixes a group of findings: the commands of each, as a loop where only their namespaces differ."""

import json
import re
import shlex
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from audit.checks.remedies import quoted

# The name of a namespace as Kubernetes has it: a shell needs no quotes for it.
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")
_PATCH: Final = "oc patch "
_VARIABLE: Final = '"$namespace"'


class Fix(NamedTuple):
    """Commands for a shell, one a line; `changes` counts the different ones, a loop once."""

    text: str
    changes: int


def fix_of(zone: str, commands: Iterable[tuple[str, str]]) -> Fix:
    """Return what fixes several things in one zone; each has its namespace and its commands."""
    loops: dict[str, list[str]] = {}
    for namespace, lines in commands:
        loops.setdefault(_pattern(namespace, lines), []).append(namespace)
    parts = [f"# In zone {quoted(zone)}:"] if loops else []
    # A patch holds the subjects that stay as they were seen: after another command, it would bring some back.
    for pattern, namespaces in sorted(loops.items(), key=lambda loop: not is_patch(loop[0])):
        names = sorted({*namespaces})
        if _VARIABLE not in pattern:
            parts.append(pattern)
        elif len(names) == 1:
            parts.append(pattern.replace(_VARIABLE, names[0]))
        else:
            body = "\n".join(f"  {line}" for line in pattern.split("\n"))
            parts.append(f"for namespace in {' '.join(names)}; do\n{body}\ndone")
    return Fix("\n".join(parts), len(loops))


def is_patch(commands: str) -> bool:
    """Return whether some of these commands replace the subjects of a binding."""
    return any(_is_patch_line(line) for line in commands.split("\n")) if _PATCH in commands else False


def _is_patch_line(line: str) -> bool:
    return line.lstrip().startswith((f"{_PATCH}rolebinding ", f"{_PATCH}clusterrolebinding "))


def one_patch(commands: Sequence[str]) -> str:
    """Return several commands that each take a subject out of the same binding by a patch as one that takes out all.

    Each patch holds the subjects that stay beside its own: one after the other, they would bring each other's back.
    """
    lines = [line for text in commands for line in text.split("\n")]
    others = [line for line in dict.fromkeys(lines) if not _is_patch_line(line)]
    patches = [*dict.fromkeys(line for line in lines if _is_patch_line(line))]
    if len(patches) == 1 or any("$'" in line for line in patches):
        return "\n".join([*others, *patches])
    words = [shlex.split(line) for line in patches]
    at = words[0].index("-p") + 1
    kept = [json.loads(each[at])["subjects"] for each in words]
    patch = json.dumps(
        {"subjects": [subject for subject in kept[0] if all(subject in subjects for subjects in kept[1:])]}
    )
    return "\n".join([*others, " ".join(map(quoted, [*words[0][:at], patch, *words[0][at + 1 :]]))])


def _pattern(namespace: str, lines: str) -> str:
    """Return commands with a variable in place of their namespace, or as they are."""
    # Within quotes a variable would mean nothing, and there alone a word holds spaces.
    if "'" in lines or '"' in lines or not _LABEL.fullmatch(namespace):
        return lines
    return (
        f"{lines}\n".replace(f" -n {namespace} ", f" -n {_VARIABLE} ")
        .replace(f" --role-namespace={namespace} ", f" --role-namespace={_VARIABLE} ")
        .replace(f" system:serviceaccount:{namespace}:", f" system:serviceaccount:{_VARIABLE}:")
        .replace(f" system:serviceaccounts:{namespace}\n", f" system:serviceaccounts:{_VARIABLE}\n")
        .replace(f" oc label namespace {namespace} ", f" oc label namespace {_VARIABLE} ")[:-1]
    )


def commands_of(remedies: Iterable[str]) -> str:
    """Return what closes several findings about the same thing, each of which has a remedy.

    Where one takes a right away, and others first give a lesser one in its place, the right is only taken away: what
    would be given could be what the first is about.
    """
    distinct = sorted({*remedies}, key=lambda text: (len(text), text))
    shortest = distinct[0]
    if all(text.endswith(shortest) for text in distinct):
        return shortest
    return "\n".join(dict.fromkeys(line for text in distinct for line in text.split("\n")))
