"""Dockerfiles as they are read: pytest tests/test_dockerfile.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from sandbox import dockerfile
from sandbox.base import ImageBuildError
from sandbox.dockerfile import Ignored

if TYPE_CHECKING:
    from pathlib import Path


def read(text: str) -> list[tuple[int, str, str]]:
    """Read what follows a FROM, as line, keyword and text."""
    instructions = dockerfile.parse(f"FROM base\n{text}")
    return [(each.line, each.keyword, each.text) for each in instructions[1:]]


def test_continued_lines_are_one_instruction_and_comments_between_them_are_none() -> None:
    text = "# syntax=x\n\nrun one && \\\n  # a comment\n\n  two \\ \n  && three\nENV a=b\n"
    assert read(text) == [(4, "RUN", "one &&   two   && three"), (9, "ENV", "a=b")]


def test_flags_stand_apart_from_the_text() -> None:
    copy = dockerfile.parse("FROM base\nCOPY --chown=app:app --link --chmod=755 a b\n")[1]
    assert copy.flags == {"chown": "app:app", "link": "", "chmod": "755"}
    assert copy.text == "a b"


def test_a_lone_here_document_is_the_script_and_any_other_belongs_to_its_command() -> None:
    run, other, last = dockerfile.parse("FROM x\nRUN <<EOF\na\n# b\nEOF\nRUN cat <<'END' > f\nRUN x\nEND\nUSER y\n")[1:]
    assert dockerfile.script(run.text) == "a\n# b"
    assert dockerfile.script(other.text) == "cat <<'END' > f\nRUN x\nEND"
    assert (last.keyword, last.text) == ("USER", "y")


def test_a_shift_or_a_here_string_is_no_here_document() -> None:
    assert [line for line, *_ in read('RUN cat <<<WORD\nRUN python -c "1<<n"\nUSER y\n')] == [2, 3, 4]


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("FROM a AS b\nFROM c\n", "Dockerfile:2: FROM c: a second stage needs Docker"),
        ("FROM a\n\nONBUILD RUN x\n", "Dockerfile:3: ONBUILD RUN x: not supported without Docker"),
        ("FROM a\nRUNN x\n", "Dockerfile:2: RUNN x: not supported without Docker"),
        ("RUN x\n", "Dockerfile: no FROM in it"),
    ],
)
def test_what_cannot_be_followed_is_named_in_one_line(text: str, line: str) -> None:
    with pytest.raises(ImageBuildError) as raised:
        dockerfile.parse(text)
    assert str(raised.value) == line


def test_a_missing_dockerfile_is_a_build_error(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match="Dockerfile: No such file"):
        dockerfile.load(tmp_path)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a  b\tc", ["a", "b", "c"]),
        ("'a b' \"c d\"e", ["a b", "c de"]),
        (r"a\ b \$A '$A' \"", ["a b", "$A", "$A", '"']),
        ('$A${A}x $NONE. "$A b"', ["11x", ".", "1 b"]),
        ("${A:-no} ${NONE:-yes} ${A:+yes} ${NONE:+no}x ${NONE:-$A}", ["1", "yes", "yes", "x", "1"]),
        ("''", [""]),
        ("", []),
    ],
)
def test_words_are_split_as_docker_splits_them(text: str, found: list[str]) -> None:
    assert dockerfile.words(text, {"A": "1"}) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('A=1 B="2 3" C=$X', {"A": "1", "B": "2 3", "C": "x"}),
        ("NAME the rest of $X", {"NAME": "the rest of x"}),
        ("URL=http://a/?b=c", {"URL": "http://a/?b=c"}),
    ],
)
def test_both_forms_of_env_are_read(text: str, found: dict[str, str]) -> None:
    env = dockerfile.parse(f"FROM a\nENV {text}\n")[1]
    assert dockerfile.assignments(env, {"X": "x"}) == found


@pytest.mark.parametrize("text", ["A=1 B", "A"])
def test_an_env_without_a_value_is_named(text: str) -> None:
    env = dockerfile.parse(f"FROM a\nENV {text}\n")[1]
    with pytest.raises(ImageBuildError, match="Dockerfile:2: ENV A"):
        dockerfile.assignments(env, {})


def test_the_exec_form_is_json_and_nothing_else_is() -> None:
    assert dockerfile.exec_form('["a", "b c"]') == ["a", "b c"]
    assert dockerfile.exec_form("[ -e x ] && y") is None
    assert dockerfile.exec_form("['a']") is None
    assert dockerfile.exec_form("[1]") is None


def test_the_last_pattern_that_fits_decides_what_is_ignored() -> None:
    ignored = Ignored(["# comment", "*.log", "!keep.log", "node_modules", "**/cache", "docs/*.md", "build/"])
    for path in ("a.log", "node_modules", "node_modules/x/y", "cache", "a/b/cache/c", "docs/a.md", "build/x"):
        assert path in ignored, path
    for path in ("keep.log", "sub/a.log", "docs/sub/a.md", "node_modules2", "Dockerfile"):
        assert path not in ignored, path
