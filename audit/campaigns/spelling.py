"""What all spellings of a name share, so that nobody decides on their own access under another one."""

import unicodedata
from typing import Final

from audit.rbac.subjects import ACCOUNT_PREFIX

# Unicode categories of what a name does not show: controls, formats, and blanks.
_UNSEEN: Final = {"Cc", "Cf", "Zs", "Zl", "Zp"}
_PREFIXES: Final = (ACCOUNT_PREFIX, "serviceaccount/", "sa/", "user/")
# Letters and signs of other scripts (Cyrillic, Greek, Armenian and more) by those here that they look like, after case
# folding and NFKC.
_LOOK_ALIKE: Final = {
    "-": "\u2010\u2011\u2012\u2013\u2014\u2212\ufe63",
    ".": "\u2024\u3002\uff0e",
    ":": "\u02d0\u2236\ua789\ufe30\uff1a",
    "a": "\u0251\u03b1\u0430",
    "b": "\u03b2\u0432\u044c",
    "c": "\u03f2\u0441",
    "d": "\u0501",
    "e": "\u03b5\u0435",
    "g": "\u0261\u050d\u0581",
    "h": "\u043d\u04bb\u0570",
    "i": "\u0131\u0269\u03b9\u0456",
    "j": "\u0458",
    "k": "\u03ba\u043a",
    "l": "\u01c0\u04cf",
    "m": "\u043c",
    "n": "\u03b7\u043f\u0578",
    "o": "\u03bf\u03c3\u043e\u0585",
    "p": "\u03c1\u0440\u0584",
    "q": "\u051b\u0566",
    "r": "\u0433",
    "s": "\u0455",
    "t": "\u03c4\u0442",
    "u": "\u03c5\u057d",
    "v": "\u03bd\u0475",
    "w": "\u03c9\u051d",
    "x": "\u03c7\u0445",
    "y": "\u03b3\u0443",
}
_TABLE: Final = str.maketrans({character: plain for plain, others in _LOOK_ALIKE.items() for character in others})


def spelling(name: str) -> str:
    """Return what all spellings of a name share: without case, Unicode form, look-alikes, blanks and invisible signs.

    An account is `namespace:name`, as the tables have it, also when it is given by its user name.
    """
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold())
    kept = "".join(character for character in folded if unicodedata.category(character) not in _UNSEEN)
    alike = kept.translate(_TABLE)
    for prefix in _PREFIXES:
        alike = alike.removeprefix(prefix)
    return alike
