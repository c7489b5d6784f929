"""Reports as a browser shows them: pytest tests/test_report.py. Needs a Chromium; those tests are skipped without."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import sync_playwright

from evals.analysis.compare import compare
from evals.analysis.report.files import Written, write_apart, write_comparison, write_job, write_trial
from evals.analysis.trial_files import record_of
from tests.job_folders import read_job, write_termstone
from tests.trial_folders import HOSTILE
from tests.trial_folders import write_trial as write_files

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from playwright.sync_api import Browser, Dialog, Page, Request

    from evals.analysis.job_record import JobRecord

TASKS = {"alpha": "PPF", "beta": "FFI", "gamma": "PPP", "delta": "PFP", "epsilon": "FFF", "zeta": "PPP"}
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ELEMENTS = "[...document.querySelectorAll('*')].map(node => node.tagName).join(' ')"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip(
            "no Chromium here to look at reports in: apt install chromium, or put any Chrome on PATH as google-chrome"
        )
    with sync_playwright() as playwright:
        flags = ["--no-sandbox"] if os.geteuid() == 0 else []
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser: Browser) -> Iterator[Page]:
    """A tab that fails the test when a page complains, opens a dialog or asks for anything but files."""
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    trouble: list[str] = []

    def refuse(dialog: Dialog) -> None:
        trouble.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def note(request: Request) -> None:
        if not request.url.startswith("file:"):
            trouble.append(request.url)

    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.on("dialog", refuse)
    page.on("request", note)
    yield page
    page.close()
    assert not trouble


def make_job(folder: Path, text: str = "plain", **config: Any) -> Path:  # noqa: ANN401 - JobConfig's fields
    write_termstone(folder, TASKS, **config)
    for result in folder.glob("*/*/result.json"):
        facts = json.loads(result.read_text()) | {"message": text, "notes": [text], "answered_by": [text]}
        write_files(result.parent, text, **facts)
    return folder


def report(folder: Path) -> Written:
    return write_job(read_job(folder), folder / "report.html")


def open_page(tab: Page, path: Path, fragment: str = "") -> None:
    tab.goto(path.as_uri() + fragment)


def test_a_report_leads_to_its_trials_and_back(tmp_path: Path, tab: Page) -> None:
    written = report(make_job(tmp_path / "job"))
    assert (written.pages, written.without) == (18, 0)
    open_page(tab, written.path)
    assert tab.inner_text(".rate") == "55.6 %"
    assert tab.locator(".matrix tbody tr").count() == 6
    tab.click("#trials a >> nth=0")
    assert tab.inner_text("h1").startswith("alpha")
    tab.click("text=report")
    assert tab.url == written.path.as_uri()


def test_the_numbers_of_a_report_are_those_of_the_job(tmp_path: Path, tab: Page) -> None:
    open_page(tab, report(make_job(tmp_path / "job")).path)
    assert [tab.inner_text(f"dd.of-{outcome}") for outcome in ("passed", "failed", "invalid")] == ["10", "7", "1"]
    assert "10 of 17 valid trials" in tab.inner_text(".big")
    cells = tab.locator(".matrix tbody tr").filter(has_text="beta").locator(".cell")
    assert [cells.nth(n).inner_text() for n in range(3)] == ["✕", "✕", "–"]


def test_trials_are_filtered_and_sorted(tmp_path: Path, tab: Page) -> None:
    open_page(tab, report(make_job(tmp_path / "job")).path)
    tab.fill("#filter", "failed alpha")
    assert tab.locator("#trials tbody tr:visible").count() == 1
    assert tab.inner_text("#left") == "1 of 18"
    tab.fill("#filter", "")
    tab.click("#trials th:has-text('task')")
    tab.click("#trials th:has-text('task')")
    assert tab.inner_text("#trials tbody tr >> nth=0").startswith("zeta")


def test_a_comparison_names_its_winner_and_shows_every_configuration(tmp_path: Path, tab: Page) -> None:
    jobs = [read_job(make_job(tmp_path / name, model=f"openai/{name}")) for name in ("gpt-5", "gpt-4")]
    written = write_comparison(compare(jobs), tmp_path / "out.html")
    open_page(tab, written.path)
    assert tab.inner_text(".answer").startswith("No winner")
    assert tab.inner_text("h1") == "openai/gpt-5 and openai/gpt-4"
    assert tab.locator(".numbers tbody tr").count() == 2
    tab.click(".cell >> nth=0")
    assert tab.inner_text("h1").startswith("alpha")


def test_the_steps_stand_beside_the_terminal_as_it_looked(tmp_path: Path, tab: Page) -> None:
    written = write_trial(write_files(tmp_path / "trial", "hello", keys="ls\n"), None, tmp_path / "page.html")
    open_page(tab, written.path)
    screen = tab.locator("#s3 .terminal")
    assert screen.inner_text() == "$ screen hello\n$ false\n$  "  # with the cursor
    assert screen.locator(".bold.f1").inner_text() == "false"
    words, beside = tab.locator("#s3 .words").bounding_box(), screen.bounding_box()
    assert words
    assert beside
    assert beside["x"] > words["x"] + words["width"]
    assert tab.locator("#s1 .terminal").count() == 0


def test_a_trial_is_read_by_keyboard(tmp_path: Path, tab: Page) -> None:
    open_page(tab, write_trial(write_files(tmp_path / "trial", "hello"), None, tmp_path / "page.html").path)
    tab.keyboard.press("j")
    tab.keyboard.press("j")
    assert tab.locator(".step.now").get_attribute("id") == "s2"
    tab.keyboard.press("k")
    assert tab.locator(".step.now").get_attribute("id") == "s1"
    tab.keyboard.press("f")
    assert tab.locator(".step.now").get_attribute("id") == "s3"
    assert tab.url.endswith("#s3")
    tab.keyboard.press("/")
    tab.keyboard.type("done")
    assert tab.inner_text("#found") == "1 step"
    tab.keyboard.press("Enter")
    assert tab.locator(".step.now").get_attribute("id") == "s4"


def test_an_address_with_a_step_opens_there(tmp_path: Path, tab: Page) -> None:
    written = write_trial(write_files(tmp_path / "trial", "hello"), None, tmp_path / "page.html")
    open_page(tab, written.path, "#s4")
    assert tab.locator(".step.now").get_attribute("id") == "s4"


@pytest.mark.parametrize("width", [390, 768, 1440])
def test_no_page_is_wider_than_the_screen(tmp_path: Path, tab: Page, width: int) -> None:
    written = report(make_job(tmp_path / "job", "long" * 300))
    tab.set_viewport_size({"width": width, "height": 800})
    for path in (written.path, next((tmp_path / "job/report-trials").iterdir())):
        open_page(tab, path)
        assert tab.evaluate("document.documentElement.scrollWidth") <= width, path


@pytest.mark.fault("F67")
def test_no_text_of_a_model_or_a_sandbox_comes_alive(tmp_path: Path, tab: Page) -> None:
    shapes = []
    for name, texts in (("plain", ["plain"]), ("hostile", HOSTILE)):
        for number, text in enumerate(texts):
            folder = make_job(tmp_path / f"{name}{number}", text, model=text, format=text, reasoning_effort=text)
            written = report(folder)
            pages = [written.path, next((folder / "report-trials").iterdir())]
            for page in pages:
                open_page(tab, page)
                assert tab.evaluate("window.pwned") is None, text
            shapes.append([_shape(tab, page) for page in pages])
    for text, shape in zip(HOSTILE, shapes[1:], strict=True):
        assert shape == shapes[0], f"{text!r} changed what the page consists of"


def make_hostile_pair(folder: Path, text: str) -> list[JobRecord]:
    """Write two jobs with a text in their labels, their tasks, what broke, what differs and what was changed."""
    for name in ("a", "b"):
        changed: dict[str, Any] = dict.fromkeys(("model", "max_turns", "concurrency"), f"{text} {name}")
        write_termstone(folder / name, TASKS, prompts=f"{text} {name}", **changed)
        for result in (folder / name).glob("*/*/result.json"):
            facts = json.loads(result.read_text())
            facts |= {"task": f"{facts['task']} {text}", "message": text, "answered_by": [f"{text} {name}"]}
            result.write_text(json.dumps(facts))
        job = json.loads((folder / name / "job.json").read_text())
        job["lock"]["tasks"] = {f"{task} {text}": digest for task, digest in job["lock"]["tasks"].items()}
        (folder / name / "job.json").write_text(json.dumps(job))
    return [read_job(folder / name) for name in ("a", "b")]


@pytest.mark.fault("F67")
def test_no_text_in_a_comparison_comes_alive(tmp_path: Path, tab: Page) -> None:
    shapes: dict[str, list[str]] = {}
    for number, text in enumerate(("plain", *HOSTILE)):
        jobs = make_hostile_pair(tmp_path / str(number), text)
        compared = write_comparison(compare(jobs, force=True), tmp_path / f"{number}.html").path
        apart = write_apart(jobs, f"{text}: that is why", tmp_path / f"{number}-apart.html").path
        shapes[text] = []
        for page in (compared, apart):
            shapes[text].append(_shape(tab, page))
            assert tab.evaluate("window.pwned") is None, text
            assert tab.locator(".forced").count() == 1
    for text in HOSTILE:
        assert shapes[text] == shapes["plain"], f"{text!r} changed what the page consists of"


def _shape(tab: Page, path: Path) -> str:
    """Name each element of a page, but for those of the screen: colours and line ends are the emulator's."""
    open_page(tab, path)
    tab.evaluate("document.querySelectorAll('.terminal').forEach(node => node.textContent = '')")
    return str(tab.evaluate(ELEMENTS))


@pytest.mark.fault("F67")
def test_hostile_text_stands_in_the_page_as_it_is(tmp_path: Path, tab: Page) -> None:
    text = HOSTILE[0]
    open_page(tab, write_trial(write_files(tmp_path / "trial", text), None, tmp_path / "page.html").path)
    for place in ("#s2 .message", "#s3 .thought", "#s3 .keys >> nth=0", "#s3 .seen >> nth=0", "#s3 .terminal"):
        assert text in tab.inner_text(place)


@pytest.mark.fault("F67")
def test_a_script_that_got_past_the_escaping_would_not_run(tmp_path: Path, browser: Browser) -> None:
    path = write_trial(write_files(tmp_path / "trial", "MARK"), None, tmp_path / "page.html").path
    path.write_text(
        path.read_text().replace("task MARK", "<script>window.pwned=1</script><img src=x onerror='pwned=1'>")
    )
    page = browser.new_page()
    refused: list[str] = []
    page.on("console", lambda message: refused.append(message.text))
    open_page(page, path)
    page.wait_for_function("document.images.length === 1 && document.images[0].complete")
    assert page.evaluate("window.pwned") is None
    assert any("Content Security Policy" in line for line in refused)
    page.close()


@pytest.mark.fault("F68")
def test_a_hostile_recording_and_trajectory_are_only_read(tmp_path: Path) -> None:
    folder = write_files(tmp_path / "trial", "\x1bP$(touch pwned)\x1b\\`touch pwned`\x1b]52;c;cHduZWQ=\x07")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    write_trial(folder, record_of(folder), tmp_path / "page.html")
    assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "trial"]


def test_secrets_are_taken_out_of_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_API_KEY", "sk-0123456789")
    folder = make_job(tmp_path / "job", "the key is sk-0123456789")
    report(folder)
    pages = [folder / "report.html", *(folder / "report-trials").iterdir()]
    assert not any("sk-0123456789" in page.read_text() for page in pages)
    assert "[MY_API_KEY]" in pages[1].read_text()
