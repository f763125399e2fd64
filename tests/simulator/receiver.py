"""A real HTTP server that takes messages, and does with each what it is told."""

import socket
import ssl
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

HANG, RESET, DRIP = -1, -2, -3


@dataclass
class Receiver:
    """`todo` says how each request is answered, one after the other and the last for ever; `taken` is what came."""

    todo: list[tuple[int, Mapping[str, str]]] = field(default_factory=lambda: [(200, {})])
    taken: list[tuple[str, str, bytes]] = field(default_factory=list)
    url: str = ""
    over: threading.Event = field(default_factory=threading.Event)

    def next(self) -> tuple[int, Mapping[str, str]]:
        return self.todo.pop(0) if len(self.todo) > 1 else self.todo[0]


def _handler(receiver: Receiver) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            self.do_POST()

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            receiver.taken.append((self.path, self.headers["Content-Type"], body))
            status, headers = receiver.next()
            if status == RESET:
                # A reset, and not an end: what is still on the way is thrown away.
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.connection.close()
            elif status == HANG:
                receiver.over.wait(30)
            elif status == DRIP:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not receiver.over.wait(0.02):
                    self.wfile.write(b"x")
            else:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", "0")
                self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """What clients break off is theirs."""


@contextmanager
def receiver(*todo: tuple[int, Mapping[str, str]], tls: ssl.SSLContext | None = None) -> Iterator[Receiver]:
    """Give a server that answers as it is told as long as the block runs."""
    one = Receiver(list(todo) or [(200, {})])
    server = _Server(("127.0.0.1", 0), _handler(one))
    server.daemon_threads = True
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    one.url = f"http{'s' if tls else ''}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield one
    finally:
        one.over.set()
        server.shutdown()
        thread.join()
        server.server_close()
