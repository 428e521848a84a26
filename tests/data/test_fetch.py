"""Downloads: resumed, verified, atomic; against a server on loopback that can misbehave."""

import gzip
import hashlib
import http.server
import io
import tarfile
import threading

import pytest
from data_files import idx_bytes, write_mnist

from simulacra.data.catalog import fetch as module
from simulacra.data.catalog import names
from simulacra.data.catalog.fetch import fetch
from simulacra.data.catalog.registry import REMOTES, Remote

CONTENT = bytes(range(256)) * 4096


class Server(http.server.ThreadingHTTPServer):
    """Serves `files`; `mode` says how it misbehaves, `asked` what it was asked."""

    def __init__(self, files):
        super().__init__(("127.0.0.1", 0), Handler)
        self.files, self.mode, self.asked = files, "", []

    def handle_error(self, request, client_address):
        """A client that hangs up is no news."""

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}/data"


class Handler(http.server.BaseHTTPRequestHandler):
    server: Server

    def do_GET(self):
        name = self.path.rsplit("/", 1)[-1]
        wanted = self.headers.get("Range")
        self.server.asked.append((name, wanted))
        if name not in self.server.files or self.server.mode == "missing":
            return self.send_error(404)
        if self.server.mode == "busy" and len(self.server.asked) < 3:
            return self.send_error(503)
        body = self.server.files[name]
        start = int(wanted[6:-1]) if wanted and self.server.mode != "no range" else 0
        if start >= len(body):
            return self.send_error(416)
        self.send_response(206 if start else 200)
        if start:
            begin = 0 if self.server.mode == "other range" else start
            self.send_header("Content-Range", f"bytes {begin}-{len(body) - 1}/{len(body)}")
        rest = body[start:]
        self.send_header("Content-Length", str(len(rest)))
        self.end_headers()
        if self.server.mode == "cut":
            # half of what is left, then the line goes dead
            self.wfile.write(rest[: max(1, len(rest) // 2)] if len(rest) > 1000 else rest)
            self.close_connection = True
        elif self.server.mode == "cut once" and len(self.server.asked) == 1:
            self.wfile.write(rest[: len(rest) // 3])
            self.close_connection = True
        else:
            self.wfile.write(rest)
        return None

    def log_message(self, *_):
        pass


@pytest.fixture
def server(monkeypatch):
    remote = Remote(
        "toy/toy.bin", ("http://127.0.0.1:9/toy.bin",), hashlib.sha256(CONTENT).hexdigest(), len(CONTENT)
    )
    monkeypatch.setitem(REMOTES, "mnist", (remote,))
    monkeypatch.setattr(module, "PAUSE", 0.0)
    server = Server({"toy.bin": CONTENT})
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def test_a_download_lands_whole_and_shows_progress(server, tmp_path):
    seen = []
    folder = fetch("mnist", tmp_path, server.url, lambda *step: seen.append(step))
    assert folder == tmp_path / "toy" and (folder / "toy.bin").read_bytes() == CONTENT
    assert [p.name for p in folder.iterdir()] == ["toy.bin"]
    assert seen[-1] == ("toy.bin", len(CONTENT), len(CONTENT))
    fetch("mnist", tmp_path, server.url)
    assert len(server.asked) == 1  # it is there and is not asked for again


@pytest.mark.parametrize("mode", ["cut", "cut once", "busy"])
def test_a_cut_connection_goes_on_where_it_stopped(server, tmp_path, mode):
    server.mode = mode
    assert (fetch("mnist", tmp_path, server.url) / "toy.bin").read_bytes() == CONTENT
    starts = [int(r[6:-1]) for _, r in server.asked if r]
    assert starts == sorted(starts) and len(server.asked) > 1


def test_a_later_call_asks_only_for_the_rest(server, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin.part").write_bytes(CONTENT[:1000])
    fetch("mnist", tmp_path, server.url)
    assert server.asked == [("toy.bin", "bytes=1000-")]
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


def test_a_server_without_ranges_sends_all_again(server, tmp_path):
    server.mode = "no range"
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin.part").write_bytes(b"x" * 1000)
    fetch("mnist", tmp_path, server.url)
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("left", [b"x" * 1000, b"x" * len(CONTENT), b"x" * (len(CONTENT) + 5)])
def test_a_wrong_beginning_is_thrown_away_and_fetched_again(server, tmp_path, left):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin.part").write_bytes(left)
    fetch("mnist", tmp_path, server.url)
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


def test_a_finished_part_is_verified_and_moved(server, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin.part").write_bytes(CONTENT)
    fetch("mnist", tmp_path, server.url)
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("body", [CONTENT[:-1] + b"x", CONTENT * 3, b""])
def test_wrong_bytes_are_removed(server, tmp_path, body):
    server.files["toy.bin"] = body
    with pytest.raises(ValueError, match="was removed") as caught:
        fetch("mnist", tmp_path, server.url)
    assert "toy.bin" in str(caught.value) and "\n" not in str(caught.value)
    assert list((tmp_path / "toy").iterdir()) == []


@pytest.mark.parametrize("mode, words", [("missing", "HTTP 404"), ("other range", "another range")])
def test_refusals_are_named_and_leave_nothing_new(server, tmp_path, mode, words):
    server.mode = mode
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin.part").write_bytes(CONTENT[:10])
    with pytest.raises(ValueError, match=words):
        fetch("mnist", tmp_path, server.url)
    assert not (tmp_path / "toy" / "toy.bin").exists()
    assert (tmp_path / "toy" / "toy.bin.part").read_bytes() == CONTENT[:10]


def test_no_server_is_one_sentence(server, tmp_path):
    with pytest.raises(ValueError, match=r"could not be downloaded .* put the file into") as caught:
        fetch("mnist", tmp_path)
    assert "127.0.0.1:9" in str(caught.value) and list((tmp_path / "toy").iterdir()) == []


def test_a_copy_is_tried_where_the_publisher_fails(server, tmp_path, monkeypatch):
    (remote,) = REMOTES["mnist"]
    both = Remote(remote.path, (f"{server.url}/none.bin", f"{server.url}/toy.bin"), remote.sha256)
    monkeypatch.setitem(REMOTES, "mnist", (both,))
    assert (fetch("mnist", tmp_path) / "toy.bin").read_bytes() == CONTENT


def test_another_file_in_the_place_is_not_overwritten(server, tmp_path):
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "toy.bin").write_bytes(b"mine")
    with pytest.raises(ValueError, match="move it away"):
        fetch("mnist", tmp_path, server.url)
    assert (tmp_path / "toy" / "toy.bin").read_bytes() == b"mine"


def test_two_downloads_of_one_file_do_not_meet(server, tmp_path):
    fcntl = pytest.importorskip("fcntl")
    (tmp_path / "toy").mkdir()
    with open(tmp_path / "toy" / "toy.bin.part", "wb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(ValueError, match="another process is downloading"):
            fetch("mnist", tmp_path, server.url)
    fetch("mnist", tmp_path, server.url)


def test_a_folder_that_cannot_be_written(server, tmp_path):
    (tmp_path / "toy").write_bytes(b"a file where the folder should be")
    with pytest.raises(ValueError, match="could not be written below"):
        fetch("mnist", tmp_path, server.url)


def test_gzipped_files_are_known_by_their_content(server, tmp_path, monkeypatch):
    remote = Remote("toy/toy.gz", (), hashlib.sha256(CONTENT).hexdigest(), unzip=True)
    monkeypatch.setitem(REMOTES, "mnist", (remote,))
    server.files["toy.gz"] = gzip.compress(CONTENT, mtime=12345)
    assert gzip.decompress((fetch("mnist", tmp_path, server.url) / "toy.gz").read_bytes()) == CONTENT
    (tmp_path / "toy" / "toy.gz").unlink()
    server.files["toy.gz"] = CONTENT
    with pytest.raises(ValueError, match="no valid gzip"):
        fetch("mnist", tmp_path, server.url)


@pytest.fixture
def archive(server, monkeypatch):
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w:gz") as tar:
        for name, content in {"in/a.bin": b"aaa", "in/b.bin": b"bb", "../evil": b"e"}.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    server.files["toy.tar.gz"] = made.getvalue()
    digest = hashlib.sha256(made.getvalue()).hexdigest()
    remote = Remote("toy/toy.tar.gz", (), digest, members=("in/a.bin", "in/b.bin"))
    monkeypatch.setitem(REMOTES, "mnist", (remote,))
    return server


def test_archives_are_unpacked_to_the_named_members_alone(archive, tmp_path):
    fetch("mnist", tmp_path / "d", archive.url)
    found = sorted(p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*") if p.is_file())
    assert found == ["d/toy/in/a.bin", "d/toy/in/b.bin"]
    fetch("mnist", tmp_path / "d", archive.url)
    assert len(archive.asked) == 1


def test_unpacking_that_was_cut_off_goes_on(archive, tmp_path):
    (tmp_path / "toy" / "in").mkdir(parents=True)
    (tmp_path / "toy" / "toy.tar.gz").write_bytes(archive.files["toy.tar.gz"])
    (tmp_path / "toy" / "in" / "a.bin").write_bytes(b"aaa")
    fetch("mnist", tmp_path, archive.url)
    assert (tmp_path / "toy" / "in" / "b.bin").read_bytes() == b"bb" and not archive.asked
    (tmp_path / "toy" / "in" / "a.bin").unlink()
    with pytest.raises(ValueError, match="not complete"):
        fetch("mnist", tmp_path, archive.url)


def test_what_was_fetched_is_what_load_data_finds(server, tmp_path, monkeypatch):
    from simulacra.data import load_data

    arrays = write_mnist(tmp_path / "publisher")
    remotes = []
    for name, array in arrays.items():
        server.files[f"{name}.gz"] = (tmp_path / "publisher" / f"{name}.gz").read_bytes()
        digest = hashlib.sha256(idx_bytes(array)).hexdigest()
        remotes.append(Remote(f"mnist/{name}.gz", (), digest, unzip=True))
    monkeypatch.setitem(REMOTES, "mnist", tuple(remotes))
    monkeypatch.setenv("SIMULACRA_DATA", str(tmp_path / "data"))
    fetch("mnist", base_url=server.url)
    assert len(load_data("mnist").test) == 20


def test_what_cannot_be_fetched():
    asked = (("ring", "needs no download"), ("minst", "did you mean"), ("fsdd", "cannot be fetched"))
    for name, words in asked:
        with pytest.raises(ValueError, match=words):
            fetch(name)
    with pytest.raises(ValueError, match="http://"):
        fetch("mnist", base_url="file:///etc")


def test_the_registry_covers_every_data_set_in_files():
    kept = {e.name: e for e in names.ENTRIES if e.kind == "files" and not e.by_hand}
    assert set(REMOTES) == set(kept)
    for name, remotes in REMOTES.items():
        placed = {place for r in remotes for place in (r.members or (r.name,))}
        stems = {place.rsplit("/", 1)[-1].removesuffix(".gz") for place in placed}
        assert any(set(files) <= stems for files in kept[name].files)
        for remote in remotes:
            assert len(remote.sha256) == 64 and int(remote.sha256, 16) and remote.urls


def test_names_and_downloads_need_no_torch():
    import subprocess
    import sys

    code = "import sys, simulacra.data.catalog.fetch as f; f.names.available(); print('torch' in sys.modules)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == "False"
