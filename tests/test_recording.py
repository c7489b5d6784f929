from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.recording import LIMIT, Recording

if TYPE_CHECKING:
    from pathlib import Path


def events(path: Path) -> list[list[Any]]:
    """Return what stands under a recording's header."""
    header, *lines = map(json.loads, path.read_text(encoding="utf-8").splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 160, 40)
    return lines


def test_a_recording_holds_output_marks_and_sizes_in_the_order_of_their_times(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "t.cast", 160, 40)
    recording.mark("step")
    recording.output(b"h\xc3")
    recording.resize(80, 24)
    recording.output(b"\xa9\xff\x1b[0m")
    recording.close()
    recording.close()
    found = events(tmp_path / "t.cast")
    assert [event[1:] for event in found] == [["m", "step"], ["o", "h"], ["r", "80x24"], ["o", "é\ufffd\x1b[0m"]]
    assert [event[0] for event in found] == sorted(event[0] for event in found)


def test_a_recording_is_complete_at_every_moment(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "t.cast", 160, 40)
    recording.output(b"so far")
    assert events(tmp_path / "t.cast")[-1][1:] == ["o", "so far"]
    recording.close()


def test_a_full_recording_ends_with_the_number_of_bytes_that_are_not_in_it(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "t.cast", 160, 40)
    chunk = b"x" * 99_990 + b"\x00" * 10
    for _ in range(200):
        recording.output(chunk)
    recording.output(b"small")
    recording.close()
    found = events(tmp_path / "t.cast")
    kept = sum(len(text) for _, kind, text in found if kind == "o")
    assert kept > 0.98 * LIMIT
    assert (tmp_path / "t.cast").stat().st_size <= LIMIT
    assert found[-1][1:] == ["m", f"dropped {200 * len(chunk) + 5 - kept} bytes"]


def test_a_disk_that_is_full_does_not_take_the_terminal_with_it(tmp_path: Path) -> None:
    (tmp_path / "t.cast").symlink_to("/dev/full")
    recording = Recording(tmp_path / "t.cast", 160, 40)
    recording.output(b"text")
    recording.close()
