"""Replicate's API over a local server: files, predictions, retries, and where the token goes."""

import json
from dataclasses import replace

import pytest
from hosted.fake_replicate import TOKEN, FakeReplicate, serving

from overseg.errors import HostError, SettingsError
from overseg.hosted.connection import Connection, RetryPolicy
from overseg.hosted.replicate import Replicate
from overseg.hosted.token import Token

AT_ONCE = RetryPolicy(tries=3, first_wait_s=0, poll_s=0, stall_s=20)
MODEL = "meta/echo"


@pytest.fixture
def fake():
    with serving(FakeReplicate({MODEL: lambda input: [input["file"], b"more"]})) as fake:
        yield fake


@pytest.fixture
def replicate(fake):
    return Replicate(Connection(fake.url, Token(TOKEN), policy=AT_ONCE))


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "a.png"
    path.write_bytes(bytes(range(256)) * 5 + b"\r\n--\r\n")
    return path


def echo(replicate, file) -> dict:
    return replicate.run(MODEL, {"file": replicate.upload(file), "number": 3})


@pytest.mark.parametrize("official", [True, False])
def test_a_file_is_uploaded_and_downloaded(official, fake, replicate, file, tmp_path):
    fake.official = official
    prediction = echo(replicate, file)
    assert prediction["status"] == "succeeded"
    assert fake.inputs[0][0] == MODEL and fake.inputs[0][1]["number"] == 3
    for url, content in zip(prediction["output"], (file.read_bytes(), b"more"), strict=True):
        replicate.download(url, tmp_path / "down")
        assert (tmp_path / "down").read_bytes() == content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.png", "down"]


@pytest.mark.parametrize("redirects", [False, True])
def test_the_token_is_sent_to_the_api_alone(redirects, fake, replicate, file, tmp_path):
    fake.redirects = redirects
    replicate.download(echo(replicate, file)["output"][0], tmp_path / "down")
    to_api = [authorization for _, at, authorization in fake.seen if at.startswith("api")]
    elsewhere = [authorization for _, at, authorization in fake.seen if at.startswith("files")]
    assert set(to_api) == {f"Bearer {TOKEN}"}
    assert elsewhere == [None] * (1 + redirects)


def test_an_api_that_sends_elsewhere_does_not_get_the_token_there(fake, replicate, tmp_path):
    fake.files["x"] = b"content"
    replicate.download(f"{fake.url}/files/x", tmp_path / "x")
    assert (tmp_path / "x").read_bytes() == b"content"
    assert fake.seen == [("GET", "api/v1/files/x", f"Bearer {TOKEN}"), ("GET", "files/x", None)]


def test_answers_do_not_contain_the_token(fake, replicate, file):
    prediction = echo(replicate, file)
    assert prediction["logs"] == "asked by [token]"
    assert TOKEN not in json.dumps(prediction)
    assert TOKEN not in repr(Token(TOKEN)) + str(Token(TOKEN)) + repr(vars(replicate))


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_temporary_failures_are_retried(status, fake, replicate, file):
    fake.failures = [status, status]
    assert replicate.upload(file).startswith(fake.url)
    assert len(fake.seen) == 3


def test_a_prediction_is_polled_again_but_never_started_twice(fake, replicate, file):
    url = replicate.upload(file)
    fake.lost = [f"/v1/models/{MODEL}/predictions"]
    with pytest.raises(HostError, match="cannot use .*/predictions: "):
        replicate.run(MODEL, {"file": url})
    fake.failures = [502]
    with pytest.raises(HostError, match="it answers 502"):
        replicate.run(MODEL, {"file": url})
    assert len(fake.inputs) == 1
    fake.failures = [429]
    assert replicate.run(MODEL, {"file": url})["status"] == "succeeded"
    assert len(fake.inputs) == 2


@pytest.mark.parametrize(
    ("status", "n_tries", "advice"),
    [
        (400, 1, ""),
        (401, 1, "; check the token"),
        (402, 1, "; the account has to pay first"),
        (422, 1, ""),
        (429, 3, "; try again later"),
        (500, 3, "; try again later"),
    ],
)
def test_a_refusal_is_one_line_without_the_token(status, n_tries, advice, fake, replicate, file):
    fake.failures = [status] * 9
    message = f"it answers {status} .*no such token: \\[token\\]\\){advice}$"
    with pytest.raises(HostError, match=message) as raised:
        replicate.upload(file)
    assert TOKEN not in str(raised.value) and "\n" not in str(raised.value)
    assert len(fake.seen) == n_tries


def test_a_wrong_token(fake, file):
    replicate = Replicate(Connection(fake.url, Token("r8_other"), policy=AT_ONCE))
    with pytest.raises(
        HostError, match=r"it answers 401 Unauthorized \(You did not pass a valid token: Bearer \[token\]"
    ):
        replicate.upload(file)


@pytest.mark.parametrize("status", ["failed", "canceled", "aborted"])
def test_a_model_that_fails(status, fake, replicate, file):
    fake.status, fake.error = status, f"out of\nmemory, {TOKEN}"
    with pytest.raises(HostError, match=f"^meta/echo ended as {status}: out of memory, \\[token\\]$"):
        echo(replicate, file)


def test_interrupted_a_prediction_is_cancelled(fake, replicate, file, monkeypatch):
    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    url = replicate.upload(file)
    monkeypatch.setattr("overseg.hosted.replicate.time.sleep", interrupt)
    with pytest.raises(KeyboardInterrupt):
        replicate.run(MODEL, {"file": url})
    assert fake.predictions["p0"]["status"] == "canceled"


def test_a_prediction_that_never_ends_is_cancelled(fake, file):
    replicate = Replicate(Connection(fake.url, Token(TOKEN), policy=replace(AT_ONCE, longest_s=0)))
    fake.n_appearances = 10**9
    with pytest.raises(HostError, match="did not finish within 0 s and was cancelled; its state was 'starting': try"):
        replicate.run(MODEL, {"file": replicate.upload(file)})
    assert fake.predictions["p0"]["status"] == "canceled"


def test_an_api_that_cannot_be_reached(tmp_path, file):
    replicate = Replicate(Connection("http://127.0.0.1:9", Token(TOKEN), policy=AT_ONCE))
    with pytest.raises(
        HostError, match="cannot use http://127.0.0.1:9/files: .*refused; check the network and try again$"
    ):
        replicate.upload(file)


def test_a_file_of_this_machine_is_no_output(replicate, tmp_path):
    with pytest.raises(HostError, match="names file:///etc/hostname, which is not an internet address"):
        replicate.download("file:///etc/hostname", tmp_path / "down")
    replicate.download("data:text/plain;base64,aGVsbG8=", tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == b"hello"


def test_a_download_that_breaks_off_leaves_nothing(fake, replicate, tmp_path):
    fake.failures = [404]
    with pytest.raises(HostError, match="it answers 404"):
        replicate.download(f"{fake.files_url}/x", tmp_path / "down")
    assert list(tmp_path.iterdir()) == []


def test_the_token_is_out_of_the_environment(fake, monkeypatch, file):
    monkeypatch.setenv("REPLICATE_API_URL", fake.url)
    monkeypatch.setenv("REPLICATE_API_TOKEN", f" {TOKEN}\n")
    assert Replicate.from_environment(policy=AT_ONCE).upload(file)
    monkeypatch.setenv("REPLICATE_API_TOKEN", "")
    with pytest.raises(SettingsError, match="set the environment variable REPLICATE_API_TOKEN"):
        Replicate.from_environment()
