"""Decoders are made while a module is read: two threads that make one for the same type at once end the process.

The first decoder of a struct writes down what its fields are, step by step, and whoever comes by meanwhile uses what is
half written: a segmentation fault, one run in many. So no function that threads may be in makes one, nor gives a type
to `decode`, which is the same.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.paths import ROOT

CODE = sorted(path for package in ("audit", "reports") for path in (ROOT / package).rglob("*.py"))
# What holds no struct has nothing to be written down.
PLAIN = {"Any", "bool", "dict", "float", "int", "list", "object", "str", "tuple"}


def made_late(code: str) -> Iterator[str]:
    """Yield the calls inside functions that make a decoder of a struct."""
    for function in ast.walk(ast.parse(code)):
        if isinstance(function, ast.FunctionDef | ast.Lambda):
            for node in ast.walk(function):
                if isinstance(node, ast.Call) and any(map(holds_struct, types_of(node))):
                    yield ast.unparse(node)


def types_of(call: ast.Call) -> list[ast.expr]:
    """Return the types that a call of msgspec is given."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    if name == "Decoder":
        return [*call.args, *(word.value for word in call.keywords)]
    if name == "decode":
        return [word.value for word in call.keywords if word.arg == "type"]
    # Of a type that a constant holds, a decoder has been made.
    return [one for one in call.args[1:2] if not isinstance(one, ast.Subscript)] if name == "convert" else []


def holds_struct(form: ast.expr) -> bool:
    return any(isinstance(node, ast.Name) and node.id not in PLAIN for node in ast.walk(form))


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_decoders_are_made_before_any_thread_is(path: Path) -> None:
    """No function makes a decoder of a struct, or has `decode` make one."""
    assert not [*made_late(path.read_text())]


@pytest.mark.parametrize(
    ("body", "late"),
    [
        ("msgspec.json.decode(data, type=Manifest)", True),
        ("msgspec.msgpack.decode(data, type=dict[str, _Column])", True),
        ("msgspec.json.Decoder(Manifest).decode(data)", True),
        ("msgspec.convert(data, Manifest)", True),
        ("msgspec.convert(data, _FORMS[kind])", False),
        ("msgspec.json.decode(data, type=dict[str, str])", False),
        ("msgspec.json.decode(data)", False),
        ("_MANIFEST.decode(data)", False),
    ],
)
def test_a_decoder_made_late_is_found(body: str, late: bool) -> None:
    """The check finds each way to make one in a function, and nothing where a module makes it."""
    assert bool([*made_late(f"def read(data):\n    return {body}")]) is late
    assert not [*made_late(f"READ = {body}")]
