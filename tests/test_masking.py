"""Credentials are masked in every spelling, and nothing else is."""

import json
import random
import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from audit import masking
from audit.collect.decode import CollectError
from audit.errors import UsageError, contained
from audit.masking import excerpt, masked, remember, remember_login, repeats
from tests.spellings import SPELLINGS, leaks

SECRET = "s3cr3t+token/with.stuff-0123456789"


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_every_spelling_is_masked(spelling: str) -> None:
    """Alone, in a sentence, in JSON, in a header; and the words beside it stay."""
    remember(SECRET)
    text = SPELLINGS[spelling](SECRET)
    for before, after in (("", ""), ("a token ", " was sent"), ('{"m": "', '"}'), ("Authorization: Bearer ", "\r\n")):
        shown = masked(before + text + after)
        assert "***" in shown
        assert leaks(shown.encode(), SECRET) == []
        assert shown.startswith(before)
        assert shown.endswith(after)


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Zs", "Cs"]), min_size=8, max_size=60),
    st.sampled_from([*SPELLINGS]),
    st.sampled_from([*SPELLINGS]),
)
@example("pässwörd-with-umlauts", "percent all", "plain")
@example("a\\b%2Fc&amp;d=3De", "plain", "plain")
@example("bf=0f19;'-+", "json some", "json slash")
@example("a\\+b%6n>", "html", "html")
def test_any_secret_in_any_two_spellings(secret: str, one: str, other: str) -> None:
    """Whatever it is made of, also of what looks like escapes, and one spelling after another."""
    masking._known = masking._Known(frozenset())
    remember(secret)
    assert "***" in masked(SPELLINGS[one](secret))
    inner = SPELLINGS[one](secret)
    outer = {"json all", "percent", "percent all", "html", "html numbers", "escaped bytes", "json slash"}
    if other in outer and one not in {"base64 twice", "percent twice", "json twice"}:
        assert "***" in masked(SPELLINGS[other](inner))


@given(st.text(max_size=300))
def test_a_text_without_a_secret_stays_as_it_is(text: str) -> None:
    """Also with everything in it that looks like an escape."""
    masking._known = masking._Known(frozenset())
    remember("a-secret-that-is-not-in-there")
    assert masked(text) == text


def test_what_is_no_secret() -> None:
    """What is shorter than six characters would be found everywhere; frames of keys are in every key."""
    remember("abc", "", "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\n-----END PRIVATE KEY-----")
    assert masked("abc -----BEGIN PRIVATE KEY-----") == "abc -----BEGIN PRIVATE KEY-----"
    assert masked("it is MIIEvQIBADANBgkqhkiG9w0BAQEF") == "it is ***"


def test_the_login_of_a_proxy() -> None:
    """As it is in the URL, decoded, and as the header sends it; the name alone is no secret."""
    remember_login("http://us3r:s3cr3t%2Fpw@127.0.0.1:28500")
    for text in ("s3cr3t%2Fpw", "s3cr3t/pw", "Proxy-Authorization: Basic dXMzcjpzM2NyM3QvcHc="):
        assert "***" in masked(text), text
    assert masked("us3r at 127.0.0.1") == "us3r at 127.0.0.1"


def test_a_cut_leaves_no_part_of_a_secret() -> None:
    """Wherever a long text is cut, and however often it repeats the secret before."""
    remember(SECRET * 4)
    for size in (10, 300, 70_000):
        for before in range(0, 200_000, 39_973):
            shown = excerpt("x" * before + (SECRET * 4 + " ") * 600, size)
            assert len(shown) <= size
            assert SECRET[:8] not in shown


def test_errors_are_masked_where_they_are_made() -> None:
    """So that whoever prints or keeps one has nothing to do."""
    remember(SECRET)
    assert str(UsageError(f"no {SECRET}", where=SECRET, fix=SECRET)) == "***: no *** (***)"
    assert CollectError("error", "x" * 290 + SECRET).detail == "x" * 290 + "***"
    assert contained(ValueError(SECRET)) == "internal error: ValueError: ***"


def test_data_that_repeat_a_secret_are_noticed() -> None:
    """In any string of JSON; a short password can be part of a name by chance."""
    for spelling, spell in SPELLINGS.items():
        if spelling not in {"base64 twice", "base64 of json", "base64 lines", "in lines", "hexadecimal pairs",
                            "quoted printable"}:  # fmt: skip
            data = json.dumps({"items": [{"name": "a"}, {"name": f"b {spell(SECRET)}"}]}).encode()
            assert repeats(data, [SECRET]), spelling
            assert not repeats(data, ["another-secret"]), spelling
    assert not repeats(b'{"name": "openshift-image-registry"}', ["openshift"])


def test_many_secrets_cost_no_time() -> None:
    """A message is searched for all of them at once; a new one is found at once."""
    source = random.Random(1)
    remember(*("".join(source.choices(string.ascii_letters, k=40)) for _ in range(300)))
    text = 'rolebindings is forbidden: User "auditor" cannot list resource "rolebindings" in the namespace "shop"'
    assert masked(text) == text
    remember(SECRET)
    assert masked(f"{text} {SECRET}") == f"{text} ***"
