"""Images for one module of ours: this machine's Python with what that module imports, and nothing else."""

from __future__ import annotations

import functools
import marshal
import os
import subprocess
import sys
from importlib.util import MAGIC_NUMBER, source_hash
from pathlib import Path

from sandbox.archive import Archive
from sandbox.base import SandboxError
from sandbox.bundle import libraries_and_loader

_REPOSITORY = Path(__file__).parent.parent
_STANDARD = Path(os.__file__).parent
_HOME = "python"  # Python looks for its library beside the folder that it is in, but not at /
_LIBRARY = f"{_HOME}/{sys.platlibdir}/python{sys.version_info.major}.{sys.version_info.minor}"
_LIST = """import sys; sys.path.insert(0, sys.argv.pop()); __import__(sys.argv.pop())
for module in dict.fromkeys(sys.modules.values()):
    if getattr(module, "__file__", None): print(module.__file__)"""
_START = ["/lib/loader", "--library-path", "/lib", f"/{_HOME}/bin/python", "-I", "-S", "-c"]


def probe(module: str) -> list[str]:
    """Return a command that ends with exit code 0 where all of it works."""
    return [*_START, f"import sys; sys.path.insert(0, '/own'); import {module}"]


def command(module: str) -> list[str]:
    """Return what runs the module's `main`; its arguments follow."""
    return [*_START, f"import sys; sys.path.insert(0, '/own'); from {module} import main; main()"]


@functools.cache
def python_bundle(module: str) -> bytes:
    """Return the image's files as a tar archive; equal parts give equal bytes.

    Raises:
        SandboxError: Python's libraries cannot be found.
    """
    program = Path(sys._base_executable).resolve()  # type: ignore[attr-defined] # noqa: SLF001 - not the venv's link
    listed = subprocess.run(
        [program, "-I", "-S", "-c", _LIST, module, _REPOSITORY], capture_output=True, text=True, check=False, env={}
    )
    parts = [Path(line) for line in listed.stdout.splitlines()]
    if not parts:
        raise SandboxError(f"Python cannot be bundled: {listed.stderr.strip()[-200:]}")
    compiled = [part for part in parts if ".so" in part.suffixes]
    listing = subprocess.run(["ldd", program, *compiled], capture_output=True, text=True, check=False).stdout
    libraries, loader = libraries_and_loader(listing)
    archive = (
        Archive()
        .file(f"{_HOME}/bin/python", program.read_bytes(), 0o755)
        .file("lib/loader", loader.read_bytes(), 0o755)
    )
    for library in libraries:
        archive.file(f"lib/{library.name}", library.read_bytes(), 0o755)
    for part in parts:
        _add(archive, part)
    return archive.done()


def _add(archive: Archive, part: Path) -> None:
    inside = part.is_relative_to(_STANDARD)
    place = Path(_LIBRARY, part.relative_to(_STANDARD)) if inside else Path("own", part.relative_to(_REPOSITORY))
    if part.suffix != ".py":
        archive.file(str(place), part.read_bytes(), 0o755)
        return
    source = part.read_bytes()  # compiled here, as each start there would do it again
    header = MAGIC_NUMBER + (1).to_bytes(4, "little") + source_hash(source)
    archive.file(str(place.with_suffix(".pyc")), header + marshal.dumps(compile(source, str(place), "exec")))
