"""`gatelift bench` as people and programs use it, against any endpoint."""

import html
import html.parser
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.infra.cli.conftest import Answer
from tests.infra.load.conftest import Handler, Told, answers, serve, text

KEY = "sk-planted-secret-of-the-endpoint-zq1"
Gatelift = Callable[..., Answer]


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Iterator[Told]:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serve() as server:
        yield server


@pytest.fixture
def measured(inside: Gatelift, told: Told) -> Gatelift:
    """Runs the command against the server."""
    return lambda *arguments: inside("bench", "--url", told.url, "--warm-up", "1", "--yes", *arguments)


def test_rows(measured: Gatelift, told: Told) -> None:
    answer = measured("--rate", "50,100", "--requests", "4", "--input-len", "6", "--max-tokens", "5")
    assert answer.code == 0, answer
    head, *rows = answer.stdout.splitlines()
    assert head.split()[:4] == ["deployment", "pace", "done/s", "tokens/s"]
    assert [row.split()[:2] for row in rows] == [["(endpoint)", "50/s"], ["(endpoint)", "100/s"]]
    assert "9 requests in about 1 s to http://127.0.0.1" in answer.stderr
    assert "6 random words, answers of at most 5 tokens" in answer.stderr
    assert len([body for _, _, body in told.seen if body]) == 9
    assert {headers["Authorization"] for _, headers, _ in told.seen} == {f"Bearer {KEY}"}


def test_json(measured: Gatelift) -> None:
    document = measured("--concurrency", "1,2", "--requests", "3", "--output", "json").document
    assert (document["model"], document["kept"], document["files"]) == ("first-model", True, [])
    assert [run["result"]["max_concurrency"] for run in document["runs"]] == [1, 2]
    for run in document["runs"]:
        assert (run["summary"]["requests"], run["summary"]["tokens"], run["summary"]["error_rate"]) == (3, 9, 0.0)
        assert run["result"]["total_input_tokens"] == 27
        assert run["client"]["strained"] in (True, False)


def test_an_objective_that_is_not_kept_is_an_exit_code(measured: Gatelift, told: Told) -> None:
    told.scripts = [answers(), answers(), answers(text("a"), {"error": {"message": "engine died"}})]
    answer = measured("--rate", "30,60", "--requests", "4", "--slo", "ttft_p95=60s,error_rate=1%")
    assert answer.code == 1
    assert "the endpoint at 30/s: error_rate 25 %, limit 1 %" in answer.stdout
    assert "keeps ttft_p95 60 s, error_rate 1 % at none of these" in answer.stdout
    assert "the endpoint was spared 60/s" in answer.stdout
    assert "1 × error in the stream: engine died" in answer.stderr


def test_an_objective_that_is_kept(measured: Gatelift) -> None:
    answer = measured("--rate", "30,60", "--requests", "4", "--slo", "error_rate=1%", "--output", "json")
    assert (answer.code, answer.document["kept"], answer.document["objectives"]) == (0, True, {"error_rate": 0.01})


class Page(html.parser.HTMLParser):
    """What a page refers to and shows, and whether its elements are closed in order."""

    VOID = frozenset({"meta"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self.text: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attributes if name in ("src", "href")]
        if tag not in self.VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_the_page_stands_alone_and_shows_every_run(measured: Gatelift, told: Told, tmp_path: Path) -> None:
    failing = f"<script>alert(1)</script> {KEY}"
    told.scripts = [answers(), lambda handler: handler.refuse(500, {"error": {"message": failing}})]
    answer = measured("--rate", "30,60", "--requests", "4", "--report", "page.html", "--slo", "ttft_p95=60s")
    assert (answer.code, KEY in answer.stdout + answer.stderr) == (0, False)
    text = (tmp_path / "page.html").read_text()
    assert KEY not in text
    page = Page(text)
    assert (page.open, page.links) == ([], [])
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert "url(" not in text
    assert page.tags.count("svg") == 7
    shown = " ".join(page.text)
    assert "<script>alert(1)</script>" in shown  # as text
    assert re.search(r"endpoint\)? keeps ttft_p95", shown.replace("the ", ""))
    assert {"30/s", "60/s"} <= set(page.text)
    assert not [number for number in re.findall(r'(?:points|cx|cy|x1|y1)="([^"]*)"', text) if "nan" in number]


@pytest.mark.parametrize("key", ["planted<secret&of\"the'endpoint", KEY])
@pytest.mark.parametrize("before", [0, 285])
def test_no_part_of_the_key_is_told(
    inside: Gatelift, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, key: str, before: int
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", key)
    with serve() as told:
        told.scripts = [answers()]
        told.always = lambda handler: handler.refuse(401, {"error": {"message": f"{'x' * before} {key} is wrong"}})
        files = ("--report", "page.html", "--save", "one.json", "--output", "json")
        answer = inside("bench", "--url", told.url, "--warm-up", "1", "--rate", "50", "--requests", "2", *files)
    texts = (answer.stdout, answer.stderr, *((tmp_path / name).read_text() for name in ("page.html", "one.json")))
    assert [text for text in texts if html.escape(key)[:10] in text or key[:10] in text] == []
    assert "401" in answer.stdout


def test_a_document_for_each_run(measured: Gatelift, tmp_path: Path) -> None:
    assert measured("--rate", "50", "--requests", "2", "--save", "one.json").code == 0
    assert json.loads((tmp_path / "one.json").read_text())["completed"] == 2
    answer = measured("--rate", "50,60", "--requests", "2", "--save", "two.json", "--output", "json")
    assert answer.document["files"] == ["two-1.json", "two-2.json"]
    assert [json.loads((tmp_path / name).read_text())["request_rate"] for name in answer.document["files"]] == [50, 60]


def test_prompts_of_a_file(measured: Gatelift, told: Told, tmp_path: Path) -> None:
    (tmp_path / "prompts.txt").write_text("one\ntwo\n")
    answer = measured("--concurrency", "1", "--requests", "3", "--prompts", "prompts.txt", "--output-len", "4")
    assert "2 of prompts.txt, answers of exactly 4 tokens" in answer.stderr
    asked = [body for _, _, body in told.seen if body]
    assert [body["messages"][0]["content"] for body in asked] == ["two", "one", "two", "one"]
    assert {(body["max_tokens"], body["ignore_eos"]) for body in asked} == {(4, True)}
    (tmp_path / "prompts.txt").write_text('one\n{"prompt": \n')
    answer = measured("--prompts", "prompts.txt")
    assert (answer.code, "prompts.txt:2: no JSON" in answer.stderr) == (1, True)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        pytest.param("--rate inf", 2, "--rate inf sends all requests at once", id="everything-at-once"),
        pytest.param("--rate 0", 2, "is no list of rates above 0", id="no-rate"),
        pytest.param("--rate 0.01 --seconds 5", 2, "--rate 0.01 sends no request in 5 s", id="too-slow"),
        pytest.param("--rate 1e9", 2, "more than 1000000", id="too-many"),
        pytest.param("--rate 1e-5 --requests 2", 2, "take longer than a day", id="too-long"),
        pytest.param("--rate nan", 2, "is no list of rates above 0", id="nan"),
        pytest.param("--concurrency 2,x", 2, "is no list of numbers from 1 to 1024", id="no-number"),
        pytest.param("--seconds 86400", 2, "86400.0 is not in the range", id="a-day"),
        pytest.param("--deployment blue", 2, "--url stands for a spec", id="deployment-of-a-url"),
        pytest.param("--slo ttft=1s", 1, "there is no objective ttft", id="no-objective"),
        pytest.param("--requests 1 --save no/such/file", 1, "no/such/file: there is no folder no/such", id="no-folder"),
        pytest.param("--report one --save one", 2, "--report and --save name the same file", id="one-file-for-two"),
        pytest.param("--requests 1 --report .", 1, ".: this is a folder", id="folder"),
        pytest.param("--requests 1 --concurrency 1 --url", 2, "Option '--url' requires an argument", id="no-url"),
    ],
)
def test_mistakes(measured: Gatelift, arguments: str, code: int, words: str) -> None:
    answer = measured(*arguments.split())
    assert (answer.code, words in answer.stderr, answer.stdout) == (code, True, ""), answer


def test_many_requests_are_sent_only_when_they_are_meant(inside: Gatelift, told: Told) -> None:
    asked = ("bench", "--url", told.url, "--rate", "100", "--seconds", "60", "--output", "json")
    answer = inside(*asked)
    assert (answer.code, answer.document["error"]["code"]) == (1, "confirmation_needed")
    assert [body for _, _, body in told.seen if body] == []


@pytest.mark.parametrize(
    ("paces", "much"),
    [
        pytest.param(
            "--concurrency 1,2 --seconds 1", "as many requests as are answered in about 2 s to", id="for-seconds"
        ),
        pytest.param("--concurrency 1,2 --requests 2", "5 requests to", id="so-many"),
        pytest.param("--rate 2,4 --seconds 1", "7 requests in about 2 s to", id="rates"),
    ],
)
def test_how_much_it_will_be(measured: Gatelift, paces: str, much: str) -> None:
    assert measured(*paces.split()).stderr.startswith(much)


def test_another_model_than_the_first(measured: Gatelift, told: Told) -> None:
    assert measured("--concurrency", "1", "--requests", "1", "--model", "an-adapter").code == 0
    assert {body["model"] for _, _, body in told.seen} == {"an-adapter"}


def test_a_server_that_dies_is_an_exit_code(measured: Gatelift, told: Told) -> None:
    told.scripts = [answers()]
    told.always = lambda handler: handler.refuse(500, {"error": {"message": "gone"}})
    answer = measured("--rate", "30,60", "--requests", "2")
    assert (answer.code, len(answer.stdout.splitlines())) == (1, 2)
    assert "the endpoint at 30/s: no request was answered, so nothing was measured" in answer.stderr
    told.scripts = [answers()]
    assert measured("--rate", "30", "--requests", "2", "--output", "json").document["kept"] is False


def test_what_was_measured_before_an_interruption_is_written(measured: Gatelift, told: Told, tmp_path: Path) -> None:
    def interrupt(handler: Handler) -> None:
        os.kill(os.getpid(), signal.SIGINT)
        handler.server.silence.wait(30)

    told.scripts = [*[answers()] * 3, interrupt]
    answer = measured("--concurrency", "1,2", "--requests", "2", "--report", "page.html", "--save", "one.json")
    assert "stopped by SIGINT" in answer.stderr
    assert json.loads((tmp_path / "one-1.json").read_text())["completed"] == 2
    assert "1 at a time" in (tmp_path / "page.html").read_text()


def test_nobody_answers(measured: Gatelift, told: Told) -> None:
    told.always = lambda handler: handler.refuse(401, {"error": {"message": "wrong key"}})
    answer: Any = measured("--output", "json").document["error"]
    assert answer["code"] == "bench_no_answer"
    assert "401: wrong key" in answer["message"]
    assert "OPENAI_API_KEY" in answer["hint"]
