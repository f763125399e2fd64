"""The only reader of YAML: plain values, and limits that hostile files meet."""

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from audit.config.yaml_reader import MAX_DEPTH, MAX_DIGITS, YamlError, read_document, read_values


@settings(max_examples=200)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=10,
    )
)
def test_yaml_is_read_as_pyyaml_wrote_it(value: object) -> None:
    """Plain values of every kind come back as they were, from a program's file and from one that people wrote."""
    text = yaml.safe_dump(value)
    assert list(read_values(text.encode())) == [value]
    assert read_document(text).value == value


@given(
    st.recursive(
        st.sampled_from(["a", "0x1f", "1.5", ".inf", "on", "~", "2026-01-01"]),
        lambda inner: st.lists(inner, max_size=3),
    )
)
def test_dates_stay_strings(value: object) -> None:
    """Lists and scalars of every kind are read; a date is what was written."""
    text = str(value).replace("'", "")
    document = read_document(text)
    assert not document.mistakes
    assert "2026-01-01" not in text or "2026-01-01" in str(document.value)


def test_several_documents() -> None:
    """A program's file may hold several; people write one."""
    assert list(read_values(b"a\n---\nb\n...\n")) == ["a", "b"]
    assert read_document("a: 1\n---\nb: 2").mistakes == ["only one document is expected: remove what follows `---`"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_encodings(encoding: str) -> None:
    """A byte order mark says which encoding it is."""
    assert list(read_values("name: Zürich\n".encode(encoding))) == [{"name": "Zürich"}]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (b"[" * (MAX_DEPTH + 1), f"line 1, column {MAX_DEPTH + 1}: nested more than {MAX_DEPTH} levels deep"),
        (b"{a: " * 100_000, f"nested more than {MAX_DEPTH} levels deep"),
        (b"a: " + b"9" * (MAX_DIGITS + 1), f"line 1, column 4: a number of more than {MAX_DIGITS} digits"),
        (b"a: 1." + b"9" * MAX_DIGITS, f"line 1, column 4: a number of more than {MAX_DIGITS} digits"),
        (b"a: *b", "line 1, column 4: alias without its anchor"),
        (b"a: &a [*a]", "line 1, column 8: alias without its anchor"),
        (b"a: 1\na: 2", "line 2, column 1: duplicate key"),
        (b"? [a]\n: b", "line 1, column 3: a key must be a string"),
        (b'a: "\\ud800"', "line 1, column 7: found invalid Unicode character escape code"),
        (b"a: \xed\xa0\x80", "invalid"),
        (b"a: [1", "did not find expected"),
        (b"a: \x07", "control characters are not allowed"),
    ],
)
def test_a_hostile_file_is_one_error(text: bytes, problem: str) -> None:
    """Whatever is in the file: one message with the place, and nothing of the text."""
    with pytest.raises(YamlError) as raised:
        list(read_values(text))
    assert problem in str(raised.value)
    assert "9999" not in str(raised.value)


def test_aliases_that_multiply_are_refused() -> None:
    """A billion values in a few lines are counted before anybody walks them; one alias is fine."""
    assert list(read_values(b"a: &x [1]\nb: *x")) == [{"a": [1], "b": [1]}]
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    with pytest.raises(YamlError, match="line 8, column 25: aliases expand to more than"):
        list(read_values("\n".join(lines).encode()))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[" * 500, "nested more than"),
        ("a: &x 1\nb: *x", "line 2, column 4: aliases are not supported"),
        ("a:\n  b: 1\n  b: 2", "a.b (line 3): duplicate key"),
    ],
)
def test_mistakes_of_people(text: str, problem: str) -> None:
    """A file that people write is read more strictly, and its mistakes are collected."""
    assert problem in read_document(text).mistakes[0]


@given(st.binary(max_size=80))
def test_any_bytes(data: bytes) -> None:
    """Any bytes are values or one error."""
    try:
        values = list(read_values(data))
    except YamlError as error:
        values = [str(error)]
    assert all(value is None or isinstance(value, str | int | float | list | dict) for value in values)
