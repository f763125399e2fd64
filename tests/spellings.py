"""A secret in every spelling in which somebody may repeat it."""

import base64
import html
import json
import re
from collections.abc import Callable
from typing import Final
from urllib.parse import quote

SPELLINGS: Final[dict[str, Callable[[str], str]]] = {
    "plain": str,
    "json slash": lambda s: s.replace("\\", "\\\\").replace("/", "\\/"),
    "json some": lambda s: s.replace("\\", "\\\\").replace("+", "\\u002b").replace("-", "\\u002D"),
    "json all": lambda s: "".join(f"\\u{pair}" for pair in re.findall("....", s.encode("utf-16-be").hex())),
    "json twice": lambda s: json.dumps(json.dumps(s).replace("/", "\\/"))[3:-3],
    "percent": lambda s: quote(s, safe=""),
    "percent lower": lambda s: quote(s, safe="").replace("%2B", "%2b").replace("%2F", "%2f"),
    "percent all": lambda s: "".join(f"%{b:02X}" for b in s.encode()),
    "percent mixed": lambda s: "".join(f"%{b:02X}" if at % 2 else f"%{b:02x}" for at, b in enumerate(s.encode())),
    "percent twice": lambda s: quote(quote(s, safe=""), safe=""),
    "html": lambda s: html.escape(s).replace("/", "&#x2F;").replace("+", "&plus;"),
    "html numbers": lambda s: "".join(f"&#{ord(c)};" for c in s),
    "escaped bytes": lambda s: "".join(f"\\x{b:02x}" for b in s.encode()),
    "octal": lambda s: "".join(f"\\{b:03o}" for b in s.encode()),
    "quoted printable": lambda s: "".join(f"={b:02X}" for b in s.encode()),
    "hexadecimal": lambda s: s.encode().hex(),
    "hexadecimal pairs": lambda s: s.encode().hex(" ").upper(),
    "base64": lambda s: base64.b64encode(s.encode()).decode(),
    "base64 bare": lambda s: base64.b64encode(s.encode()).decode().rstrip("="),
    "base64 login": lambda s: base64.b64encode(f"alice:{s}".encode()).decode(),
    "base64 at one": lambda s: base64.b64encode(f"a{s}, and more".encode()).decode(),
    "base64 at two": lambda s: base64.b64encode(f"ab{s}, and more".encode()).decode(),
    "base64 url": lambda s: base64.urlsafe_b64encode(f"??>>{s}".encode()).decode().rstrip("="),
    "base64 lines": lambda s: base64.encodebytes(f"{s * 3}".encode()).decode(),
    "base64 slash": lambda s: base64.b64encode(f"???{s}".encode()).decode().replace("/", "\\/"),
    "base64 percent": lambda s: quote(base64.b64encode(f"???{s}".encode()), safe=""),
    "base64 of json": lambda s: base64.b64encode(json.dumps({"token": s}).replace("/", "\\/").encode()).decode(),
    "base64 twice": lambda s: base64.b64encode(base64.b64encode(f"x{s}".encode())).decode(),
    "in lines": lambda s: "\n ".join(s[at : at + 7] for at in range(0, len(s), 7)),
}


def leaks(data: bytes, secret: str) -> list[str]:
    """Return the spellings of a secret that are in some data, each also as JSON and HTML would write it."""
    found = []
    for name, spell in SPELLINGS.items():
        text = spell(secret)
        core = text[4:-5] if name.startswith("base64") else text  # both ends depend on what is beside it
        forms = {core, json.dumps(core)[1:-1], html.escape(core), " ".join(core.split()), "".join(core.split())}
        if any(form.encode() in data for form in forms):
            found.append(name)
    return found
