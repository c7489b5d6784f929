"""The tmux bundle: tmux, stty and sleep, with libraries, loader and locale in one folder, for any image.

It is taken once per process from this machine, carries its own dynamic loader, and so depends on nothing in the image:
not on a C library, not on a package manager, not on the network.
"""

from __future__ import annotations

import functools
import re
import shutil
import subprocess
from pathlib import Path

from sandbox.archive import Archive
from sandbox.base import HOME, SandboxError

MINIMUM = (3, 2)
"""The first tmux whose `new-session` takes an environment (`-e`)."""

_LOCALES = ("/usr/lib/locale/C.utf8", "/usr/lib/locale/C.UTF-8", "/usr/lib64/locale/C.utf8")
_SHELL_FILES = Path(__file__).parent / "shell"

TMUX_ENV = {"LOCPATH": f"{HOME}/locale"}


def tmux(name: str) -> tuple[str, ...]:
    """Return how to call tmux inside a sandbox, with a server named `name`.

    Its socket lies outside /tmp, which tasks empty, and each server has its own, as one that ends still answers for a
    moment.
    """
    program = (f"{HOME}/lib/loader", "--library-path", f"{HOME}/lib", f"{HOME}/bin/tmux")
    return (*program, "-S", f"{HOME}/run/{name}.sock", "-f", f"{HOME}/shell/tmux.conf")


@functools.cache
def tmux_bundle(home: str = HOME.lstrip("/")) -> bytes:
    """Return the bundle as a tar archive, to unpack at ``/`` unless `home` is another way to its folder from there.

    Equal parts give equal bytes.

    Raises:
        SandboxError: tmux is missing here, too old, or its libraries cannot be found.
    """
    programs = [_tmux(), _tool("stty"), _tool("sleep")]
    listing = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    libraries, loader = libraries_and_loader(listing)
    archive = Archive().folder(home)
    for folder in ("bin", "lib", "locale"):
        archive.folder(f"{home}/{folder}")
    for program in programs:
        archive.file(f"{home}/bin/{program.name}", program.read_bytes(), 0o755)
    archive.file(f"{home}/lib/loader", loader.read_bytes(), 0o755)
    for library in libraries:
        archive.file(f"{home}/lib/{library.name}", library.read_bytes(), 0o755)
    archive.tree(_locale(), f"{home}/locale/C.utf8", 0o644)
    archive.tree(_SHELL_FILES, f"{home}/shell", 0o644)
    # Any user's terminal puts its socket here, as in /tmp.
    return archive.folder(f"{home}/run", 0o1777).done()


def _tmux() -> Path:
    found = shutil.which("tmux")
    if found is None:
        raise SandboxError("tmux is not installed: apt install tmux (or dnf, pacman, apk add)")
    version = subprocess.run([found, "-V"], capture_output=True, text=True, check=False).stdout.strip()
    number = re.search(r"(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < MINIMUM:
        raise SandboxError(f"{version or 'this tmux'} is too old: 3.2 or newer is needed")
    return Path(found)


def _tool(name: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise SandboxError(f"{name} is not installed: apt install coreutils")
    return Path(found)


def libraries_and_loader(listing: str) -> tuple[list[Path], Path]:
    """Find in what ldd prints the shared libraries of programs, and the loader that binds them."""
    libraries = sorted({Path(path) for path in re.findall(r"=> (/\S+)", listing)})
    loaders = re.findall(r"^(?:.*=>)?\s*(/\S*/ld-\S+)", listing, re.MULTILINE)
    if not loaders:
        raise SandboxError("tmux cannot be bundled, as ldd names no loader for it")
    return libraries, Path(loaders[0])


def _locale() -> Path:
    for path in map(Path, _LOCALES):
        if path.is_dir():
            return path
    raise SandboxError("no C.UTF-8 locale on this machine, and tmux needs one: apt install libc-bin")
