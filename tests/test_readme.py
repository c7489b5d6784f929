"""What README promises of the files: pytest tests/test_readme.py."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
ASIDE = {"tasks", "recorded", "__pycache__", "templates"}


def test_the_tree_names_every_module_and_none_that_is_not_there() -> None:
    tree = (ROOT / "README.md").read_text().split("## The files")[1]
    named = {word.strip(",:") for word in tree.split() if word.strip(",:").endswith(".py")}
    there = {
        path.name
        for room in ("agent", "sandbox", "evals")
        for path in (ROOT / room).rglob("*.py")
        if path.name != "__init__.py" and not ASIDE & set(path.relative_to(ROOT).parts)
    }
    lacking = {name for name in there if not any(word.endswith(name) for word in named)}
    # Those of a comparison are named together, by their endings.
    assert lacking <= {f"comparison_{part}.py" for part in ("words", "display", "markdown", "junit")}
    tests = {path.name for path in (ROOT / "tests").rglob("*.py")}
    assert {word.rpartition("/")[2] for word in named} <= there | tests
