"""The terminal in images of all kinds, with its tmux bundle and nothing else: pytest tests/test_any_image.py."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, NamedTuple

import pytest

from agent.oracle import NopAgent
from evals.result import Cause, Outcome
from evals.sandboxes import choose
from sandbox.archive import Archive
from sandbox.base import Environment, SandboxStartError, UnsupportedImage
from sandbox.bundle import libraries_and_loader
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from sandbox.observation import State
from sandbox.terminal import open_terminal
from tests.conftest import IMAGE
from tests.fakes import make_task
from tests.test_trial import Bench

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from sandbox.terminal import Terminal

BUSYBOX, MUSL = "/bin/busybox", "/lib/ld-musl-*.so.1"
DEBIAN = f"FROM {IMAGE}\n"
TOOLS = f"""FROM {IMAGE} AS tools
RUN apt-get update && apt-get install -y --no-install-recommends bash-static busybox-static musl
RUN mkdir -p /root-of/bin /root-of/lib /root-of/tmp && cp {BUSYBOX} /root-of/bin && cp {MUSL} /root-of/lib && \
    chmod 1777 /root-of/tmp && ln -s ld-musl-$(uname -m).so.1 /root-of/lib/preloaded.so && \
    for name in $(busybox --list); do ln -s busybox /root-of/bin/$name || true; done
FROM scratch
"""
HOSTILE = """RUN printf 'exit 9\\n' > /hostile && printf '$include /hostile\\nset editing-mode vi\\n' > /inputrc
ENV INPUTRC=/inputrc ENV=/hostile BASH_ENV=/hostile PROMPT_COMMAND="echo asked; false" TERM=nonsense \
    LD_PRELOAD=/hostile LD_LIBRARY_PATH=/nowhere PS1="" TERMSTONE_TTY=/dev/null
"""
OTHER_TMUX = """RUN printf '#!/bin/sh\\nexit 1\\n' > /usr/local/bin/tmux && chmod 755 /usr/local/bin/tmux
ENV TMUX=/tmp/other,1,0 TMUX_PANE=%9 TMUX_TMPDIR=/nowhere
"""


class Image(NamedTuple):
    """An image to open a terminal in."""

    dockerfile: str
    read_only: bool = False


IMAGES = {
    "Debian": Image(DEBIAN),
    "busybox and musl, which it preloads": Image(
        f"{TOOLS}COPY --from=tools /root-of /\nENV LD_PRELOAD=/lib/preloaded.so\n"
    ),
    "a static bash as sh, and no PATH": Image(f"{TOOLS}COPY --from=tools /bin/bash-static /bin/sh\nENV PATH=\n"),
    "a static busybox as sh, and no PATH": Image(f"{TOOLS}COPY --from=tools {BUSYBOX} /bin/sh\nENV PATH=\n"),
    "a user without a name": Image(f"{DEBIAN}USER 1000\n"),
    "a root that is read-only": Image(DEBIAN, read_only=True),
    "no folder for temporary files": Image(f"{DEBIAN}RUN rm -rf /tmp /var/tmp\n"),
    "a tmux of its own": Image(DEBIAN + OTHER_TMUX),
    "a hostile environment": Image(DEBIAN + HOSTILE),
    "an entry point that ends": Image(f'{DEBIAN}ENTRYPOINT ["false"]\n'),
}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    connected = await Engine.connect()
    yield connected
    connected.close()


async def conversation(terminal: Terminal) -> list[str]:
    """Have the shell alone do what a terminal is for, and name what went wrong."""
    wrong: list[str] = []

    async def expect(name: str, keystrokes: str, shown: str = "", state: State = State.PROMPT, code: int = 0) -> None:
        seen = await terminal.type(keystrokes, 30)
        wanted = (state, code if state is State.PROMPT else None)
        if (seen.state, seen.exit_code) != wanted or shown not in seen.text or seen.seconds > 10:
            wrong.append(f"{name}: {seen!r}")

    await expect("an exit code", "(exit 3)\n", code=3)
    await expect("a here-document", "while IFS= read -r a; do echo \"<$a>\"; done <<'E'\na\tb\n  c\nE\n", "\n<  c>\n")
    await expect("a program that reads", "IFS= read -r a\n", state=State.INPUT)
    await expect("what it is sent", "\tx\ty\n")
    await expect("a tab for a program", "[ \"$a\" = \"$(printf '\\tx\\ty')\" ] && echo s''ame\n", "same")
    await expect("an open quote", "echo 'a\n", state=State.CONTINUATION)
    await expect("its end", "b'\n", "a\nb\n")
    await expect("a tab at the prompt", "[ '\t' = \"$(printf '\\t')\" ] && echo e''qual\n", "equal")
    seen = await terminal.type("i=0; while [ $i -lt 90 ]; do echo line-$i; i=$((i+1)); done\n", 30)
    found = [line for line in seen.text.splitlines() if line.startswith("line-")]
    if found != [f"line-{number}" for number in range(90)]:
        wrong.append(f"each line once: {seen!r}")
    return wrong


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
@pytest.mark.parametrize("name", IMAGES)
@pytest.mark.fault("F38")
async def test_the_terminal_works_in(name: str, sandboxes: Sandboxes, tmp_path: Path) -> None:
    image = IMAGES[name]
    (tmp_path / "Dockerfile").write_text(image.dockerfile)
    environment = Environment(context=tmp_path, read_only=image.read_only, folders=("/kept",))
    async with sandboxes.open(environment) as sandbox, open_terminal(sandbox) as terminal:
        assert await conversation(terminal) == []


@pytest.mark.parametrize("line", ["USER root", "USER 1000", HOSTILE])
async def test_a_local_sandbox_has_the_same_terminal(line: str, tmp_path: Path) -> None:
    try:
        local = await choose("local")
    except SandboxStartError as error:
        pytest.skip(str(error))
    (tmp_path / "Dockerfile").write_text(f"{DEBIAN}{line}\n")
    async with local.open(Environment(context=tmp_path)) as sandbox, open_terminal(sandbox) as terminal:
        assert await conversation(terminal) == []


@pytest.mark.docker
async def test_an_entry_point_runs_beside_the_terminal(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text(f'{DEBIAN}ENTRYPOINT ["sh", "-c", "echo $0 > /begun; exec $0 \\"$@\\""]\n')
    async with DockerSandbox(engine, Environment(context=tmp_path)) as sandbox:
        seen = await sandbox.exec(["sh", "-c", "until grep -s . /begun; do :; done"], timeout=10)
    assert seen.output == "sh\n"


@pytest.mark.docker
@pytest.mark.fault("F38")
async def test_where_nothing_but_some_folders_can_be_written_to_everybody_may_write_there(engine: Engine) -> None:
    environment = Environment(image=IMAGE, read_only=True, folders=("/kept/here",))
    async with DockerSandbox(engine, environment) as sandbox:
        seen = await sandbox.exec(["sh", "-c", "touch /kept/here/x; touch /x /kept/x"], timeout=10, user="nobody")
    assert seen.output.count("Read-only file system") == 2
    assert "/kept/here/x" not in seen.output


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
@pytest.mark.fault("F38")
async def test_an_image_without_a_shell_is_unsupported_and_nobodys_failure(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    task = make_task(tmp_path / "hello", dockerfile=f"{TOOLS}COPY --from=tools {BUSYBOX} /bin/true\n")
    result = await Bench(sandboxes, tmp_path / "job").run(task, lambda *_: NopAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.UNSUPPORTED_IMAGE)
    assert result.message == "the image has no /bin/sh, and a terminal needs a shell"


@pytest.mark.docker
async def test_an_image_for_another_machine_is_unsupported(engine: Engine) -> None:
    name = "termstone-test:s390x"
    await engine.call(engine.api.load_image, saved(name, "s390x"))
    try:
        with pytest.raises(UnsupportedImage, match=r"^the image is for s390x, and this machine is \w+$"):
            async with DockerSandbox(engine, Environment(image=name)):
                pass
    finally:
        await engine.call(engine.api.remove_image, name)


def saved(name: str, architecture: str) -> bytes:
    """Make an image for another machine, as ``docker save`` would write it."""
    program = b"\x7fELF\x02\x02\x01" + bytes(9) + b"\x00\x02\x00\x16" + bytes(44)
    layer = Archive().file("bin/sh", program, 0o755).done()
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    config = {"architecture": architecture, "os": "linux", "rootfs": {"type": "layers", "diff_ids": [digest]}}
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    archive = Archive().file("layer.tar", layer).file("config.json", json.dumps(config).encode())
    return archive.file("manifest.json", json.dumps(manifest).encode()).done()


def test_the_loader_of_an_arm64_machine_is_found() -> None:
    listing = """/usr/bin/tmux:
\tlinux-vdso.so.1 (0x0000ffff9c0e5000)
\tlibtinfo.so.6 => /lib/aarch64-linux-gnu/libtinfo.so.6 (0x0000ffff9bf90000)
\tlibc.so.6 => /lib/aarch64-linux-gnu/libc.so.6 (0x0000ffff9bdd0000)
\t/lib/ld-linux-aarch64.so.1 (0x0000ffff9c0a8000)
"""
    libraries, loader = libraries_and_loader(listing)
    assert [path.name for path in libraries] == ["libc.so.6", "libtinfo.so.6"]
    assert str(loader) == "/lib/ld-linux-aarch64.so.1"
