"""`simulacra data get` against a server on loopback."""

import functools
import hashlib
import http.server
import threading

import pytest

from simulacra.data.catalog.registry import REMOTES, Remote

CONTENT = bytes(range(256)) * 100


@pytest.fixture
def url(tmp_path, monkeypatch):
    (tmp_path / "served").mkdir()
    (tmp_path / "served" / "faces.mat").write_bytes(CONTENT)
    remote = Remote("faces/faces.mat", ("http://127.0.0.1:1/",), hashlib.sha256(CONTENT).hexdigest())
    monkeypatch.setitem(REMOTES, "olivetti", (remote,))
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    handler.log_message = lambda *_: None
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


def test_get(cli, url, tmp_path):
    done = cli("data", "get", "olivetti", "--folder", "here", "--base_url", url)
    assert done.code == 0, done.err
    assert done.out == "olivetti is in here/faces\n" and "faces.mat" in done.err
    assert (tmp_path / "here" / "faces" / "faces.mat").read_bytes() == CONTENT


def test_a_file_that_is_not_there(cli, url):
    done = cli("data", "get", "olivetti", "--folder", "here", "--base-url", f"{url}/nowhere")
    assert done.code == 2 and "HTTP 404" in done.err
