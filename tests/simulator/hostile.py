"""What a hostile server may send in place of a list, byte by byte."""

import gzip
import json
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from itertools import chain, repeat
from typing import Final

MIB: Final = 1 << 20
LIST: Final = b'{"kind": "RoleBindingList", "apiVersion": "v1", "metadata": {"resourceVersion": "1"}, "items": []}'
_STARTS: Final = b'{"kind": "RoleBindingList", "metadata": {}, "items": ['


def response(body: bytes = LIST, *headers: str, status: str = "200 OK", length: str | None = "") -> bytes:
    """A response; its length is announced as it is, or as `length` says, or (None) not at all."""
    lines = [f"HTTP/1.1 {status}", "Content-Type: application/json", *headers]
    if length is not None:
        lines.append(f"Content-Length: {length or len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunked(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)


def slowly(data: bytes, seconds: float = 0.02) -> Iterator[bytes]:
    for at in range(len(data)):
        time.sleep(seconds)
        yield data[at : at + 1]


@cache
def bomb(wbits: int) -> bytes:
    """A hundred megabytes of white space in the middle of a list, packed as gzip (31) or deflate (15)."""
    packer = zlib.compressobj(wbits=wbits)
    parts = [packer.compress(part) for part in (_STARTS, *repeat(b" " * MIB, 100), b"]}")]
    return b"".join([*parts, packer.flush()])


def items(*texts: str) -> bytes:
    return _STARTS + ",".join(texts).encode("utf-8", "surrogatepass") + b"]}"


def named(name: str) -> str:
    return f'{{"metadata": {{"name": {name}, "namespace": "ns-0"}}, "roleRef": {{"kind": "Role", "name": "r"}}}}'


_CHUNKS: Final = response(b"", "Transfer-Encoding: chunked", length=None)

# What is sent; whoever sends without an end goes on until the client leaves.
BEHAVIOURS: Final[dict[str, Callable[[], Iterable[bytes]]]] = {
    "endless body": lambda: chain([response(_STARTS, length=None)], repeat(b" " * MIB)),
    "endless chunks": lambda: chain([_CHUNKS], repeat(chunked(b" " * MIB))),
    "endless body of a known length": lambda: chain([response(_STARTS, length=str(1 << 60))], repeat(b" " * MIB)),
    "endless headers": lambda: chain([b"HTTP/1.1 200 OK\r\n"], (b"X-%d: y\r\n" % n for n in range(1 << 60))),
    "endless header": lambda: chain([b"HTTP/1.1 200 OK\r\nX: "], repeat(b"y" * MIB)),
    "endless status line": lambda: chain([b"HTTP/1.1 200 "], repeat(b"y" * MIB)),
    "endless continue": lambda: repeat(b"HTTP/1.1 100 Continue\r\n\r\n" * 1000),
    "endless chunk size": lambda: chain([_CHUNKS], repeat(b"0" * MIB)),
    "endless chunk extension": lambda: chain([_CHUNKS, b"5;"], repeat(b"x" * MIB)),
    "endless trailers": lambda: chain([_CHUNKS, chunked(LIST), b"0\r\n"], repeat(b"X: y\r\n" * 1000)),
    "gzip bomb": lambda: [response(bomb(31), "Content-Encoding: gzip")],
    "deflate bomb": lambda: [response(bomb(15), "Content-Encoding: deflate")],
    "gzip in gzip": lambda: [response(gzip.compress(bomb(31)), "Content-Encoding: gzip, gzip")],
    "many encodings": lambda: [response(LIST, "Content-Encoding: " + ", ".join(["gzip"] * 100))],
    "damaged gzip": lambda: [response(gzip.compress(LIST)[:-9] + b"\0" * 9, "Content-Encoding: gzip")],
    "gzip that is none": lambda: [response(LIST, "Content-Encoding: gzip")],
    "cut gzip": lambda: [response(gzip.compress(LIST * 999)[:50], "Content-Encoding: gzip")],
    "an unknown encoding": lambda: [response(b"\x8b\x02\x80", "Content-Encoding: br")],
    "slow headers": lambda: slowly(response(LIST, "X: " + "y" * 2000)),
    "slow body": lambda: chain([response(_STARTS, length="100000")], slowly(b" " * 100_000)),
    "a large header": lambda: [response(LIST, "X: " + "y" * MIB)],
    "many headers": lambda: [response(LIST, *(f"X-{n}: y" for n in range(10_000)))],
    "a header without a colon": lambda: [response(LIST, "what is this")],
    "a header with a null": lambda: [response(b"<", "X: a\0b")],
    "no HTTP": lambda: [b"SSH-2.0-OpenSSH_9.0\r\n"],
    "nothing": list,
    "old HTTP": lambda: [LIST],
    "HTTP/2": lambda: [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(100)],
    "status 000": lambda: [response(status="000 x")],
    "status 99999": lambda: [response(status="99999 x")],
    "status -1": lambda: [response(status="-1 x")],
    "switching protocols": lambda: [response(b"", status="101 Switching Protocols")],
    "no content": lambda: [response(b"", status="204 No Content", length=None)],
    "not modified": lambda: [response(b"", status="304 Not Modified")],
    "partial content": lambda: [response(LIST, "Content-Range: bytes 0-9/1000", status="206 Partial Content")],
    "redirect to a file": lambda: [response(b"", "Location: file:///etc/passwd", status="302 Found")],
    "redirect to itself": lambda: [response(b"", "Location: .", status="307 x")],
    "redirect to another host": lambda: [response(b"", "Location: https://evil.invalid/", status="308 x")],
    "retry after a billion years": lambda: [response(b"", "Retry-After: " + "9" * 400, status="429 x")],
    "retry after a bad date": lambda: [response(b"", "Retry-After: Mon, 99 Foo 99999", status="503 x")],
    "a login is wanted": lambda: [response(b"", "WWW-Authenticate: Basic realm=" + "x" * 9999, status="401 x")],
    "a negative length": lambda: [response(LIST, length="-5")],
    "a length that is none": lambda: [response(b"<", length="many")],
    "a longer length": lambda: [response(LIST, length="99999")],
    "a shorter length": lambda: [response(LIST, length="10")],
    "two lengths": lambda: [response(LIST, "Content-Length: 3")],
    "a negative chunk": lambda: [_CHUNKS + b"-5\r\nabcde\r\n0\r\n\r\n"],
    "a chunk of no size": lambda: [_CHUNKS + b"zz\r\nabcde\r\n0\r\n\r\n"],
    "a chunk of an exabyte": lambda: [_CHUNKS + b"fffffffffffffff\r\nabcde"],
    "no last chunk": lambda: [_CHUNKS + chunked(LIST[:50])],
    "no body": lambda: [response(b"")],
    "a number": lambda: [response(b"7")],
    "null": lambda: [response(b"null")],
    "a list": lambda: [response(b"[]")],
    "null items": lambda: [response(items("null"))],
    "items that are a text": lambda: [response(b'{"kind": "RoleBindingList", "metadata": {}, "items": "x"}')],
    "deep": lambda: [response(_STARTS + b"[" * 100_000)],
    "deep and closed": lambda: [response(items('{"metadata": ' + "[" * 100_000 + "]" * 100_000 + "}"))],
    "a long number": lambda: [response(items('{"metadata": {"name": ' + "9" * 100_000 + "}}"))],
    "not a number": lambda: [response(items('{"metadata": {"name": NaN}}'))],
    "infinite": lambda: [response(b'{"items": [], "metadata": {"remainingItemCount": 1e999}}')],
    "no UTF-8": lambda: [response(items('{"metadata": {"name": "').replace(b'"]}', b"\xff\xfe") + b'"}}]}')],
    "UTF-16": lambda: [response(LIST.decode().encode("utf-16"))],
    "a surrogate": lambda: [response(items(named('"\\ud800"')))],
    "a raw surrogate": lambda: [response(items(named('"\ud800"')))],
    "a name that is none": lambda: [response(items(named("{}")))],
    "no name": lambda: [response(items(named('""')))],
    "everything twice": lambda: [response(LIST + LIST)],
    "another kind": lambda: [response(LIST.replace(b"RoleBinding", b"Secret"))],
    "a Status": lambda: [response(json.dumps({"kind": "Status", "message": "\x1b[2J\u202e" * 9999}).encode())],
    "a Status with a wild code": lambda: [response(b'{"kind": "Status", "code": -99999999999999999999}')],
    "a page": lambda: [response(b"<!DOCTYPE html><script>alert(1)</script>", status="200 OK")],
    "the same token for ever": lambda: [response(LIST.replace(b'"1"', b'"1", "continue": "again"'))],
}
