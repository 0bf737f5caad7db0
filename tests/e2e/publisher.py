"""A publisher's server for the running gateway to fetch feeds from."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def feed(title: str, episodes: int) -> bytes:
    """An RSS feed with that many episodes, each with the feed's title in its own."""
    items = "".join(
        f"<item><guid>{number}</guid><title>{title} {number}</title><pubDate>Mon, 05 Jan 2026 06:00:00 GMT</pubDate>"
        f'<enclosure url="https://audio.example/{number}.mp3" length="1" type="audio/mpeg"/></item>'
        for number in range(episodes)
    )
    return f'<rss version="2.0"><channel><title>{title}</title>{items}</channel></rss>'.encode()


class Publisher:
    """Serves `body` at every path; `url` is one of them."""

    def __init__(self, body: bytes) -> None:
        self.body = body
        self.url = ""


@contextmanager
def publishing(body: bytes, *, etag: str | None = None) -> Iterator[Publisher]:
    """A server of this feed; with an `etag`, whoever knows it is told that nothing has changed."""
    publisher = Publisher(body)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            known = etag is not None and self.headers.get("If-None-Match") == etag
            self.send_response(304 if known else 200)
            if etag is not None:
                self.send_header("ETag", etag)
            if known:
                self.end_headers()
                return
            self.send_header("Content-Type", "application/rss+xml")
            self.send_header("Content-Length", str(len(publisher.body)))
            self.end_headers()
            self.wfile.write(publisher.body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        publisher.url = f"http://127.0.0.1:{server.server_address[1]}/show.xml"
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield publisher
        finally:
            server.shutdown()
            thread.join()
