"""The local sandbox in real namespaces, as root and as an ordinary user alike: pytest tests/test_local.py."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import io
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import textwrap
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox.archive import Archive
from sandbox.base import (
    COMMAND,
    OUTPUT_LIMIT,
    PUBLIC,
    Environment,
    ImageBuildError,
    SandboxDied,
    SandboxError,
    SandboxTimeout,
)
from sandbox.local import LocalSandbox, unavailable
from sandbox.namespace import Command, Namespace
from tests.fakes import ORPHAN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sandbox.base import Stream

REPOSITORY = Path(__file__).parent.parent
IS_ROOT = os.geteuid() == 0

as_root = pytest.mark.skipif(not IS_ROOT, reason="only root's sandbox has several users")
as_ordinary_user = pytest.mark.skipif(IS_ROOT, reason="root's sandbox has several users")


@functools.cache
def reason_for_none() -> str | None:
    """Say why this machine can have no namespaces, without asking the code under test."""
    if shutil.which("tmux") is None:
        return "no tmux here"
    user = [] if IS_ROOT else ["--user", "--map-root-user"]
    tried = subprocess.run(["unshare", *user, "--mount", "--pid", "--fork", "true"], capture_output=True, check=False)
    return tried.stderr.decode() if tried.returncode else None


@pytest.fixture(autouse=True)
def _available() -> None:
    if sys.platform != "linux" or reason_for_none():
        pytest.skip(f"no namespaces here: {reason_for_none()}")


@pytest.fixture
async def sandbox() -> AsyncIterator[LocalSandbox]:
    async with LocalSandbox(Environment()) as opened:
        yield opened


async def sh(sandbox: LocalSandbox, script: str, timeout: float = 20) -> str:  # noqa: ASYNC109
    """Run a script that has to succeed."""
    result = await sandbox.exec(["sh", "-ec", script], timeout=timeout)
    assert result.exit_code == 0, result.output
    return result.output


def context(folder: Path, dockerfile: str, **files: str) -> Environment:
    """Write a Dockerfile and the files beside it; `a__b_txt` is a/b.txt."""
    (folder / "Dockerfile").write_text("FROM base\n" + textwrap.dedent(dockerfile))
    for name, content in files.items():
        path = folder / re.sub(r"_(\w+)$", r".\1", name).replace("_.", "/").replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return Environment(context=folder)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.02)


def is_here(path: str) -> bool:
    """Tell whether this machine, not the sandbox, has a file."""
    try:
        return Path(path).exists()
    except PermissionError:  # an ordinary user cannot have written there either
        return False


async def temporary_folder(sandbox: LocalSandbox) -> Path:
    found = re.search(r"upperdir=(\S+?)/layers/", await sh(sandbox, "cat /proc/self/mountinfo"))
    assert found is not None
    return Path(found[1])


async def test_a_machine_that_can_have_a_sandbox_is_not_said_to_be_without() -> None:
    assert await unavailable() is None


# Commands


async def test_an_exit_code_is_a_result_and_both_outputs_come_in_order(sandbox: LocalSandbox) -> None:
    result = await sandbox.exec(["sh", "-c", "echo one; echo two >&2; echo three; exit 7"], timeout=10)
    assert (result.exit_code, result.output) == (7, "one\ntwo\nthree\n")


async def test_a_signal_is_an_exit_code_above_128(sandbox: LocalSandbox) -> None:
    assert (await sandbox.exec(["sh", "-c", "kill -TERM $$"], timeout=10)).exit_code == 143


@pytest.mark.parametrize(("program", "code"), [("no-such-program", 127), ("/etc/passwd", 126)])
async def test_what_cannot_be_started_is_an_exit_code_with_a_reason(
    sandbox: LocalSandbox, program: str, code: int
) -> None:
    result = await sandbox.exec([program], timeout=10)
    assert result.exit_code == code
    assert program in result.output


async def test_nothing_that_was_printed_before_the_end_is_lost(sandbox: LocalSandbox) -> None:
    many = (sandbox.exec(["head", "-c", "60000", "/dev/zero"], timeout=30) for _ in range(40))
    assert {len(result.output) for result in await asyncio.gather(*many)} == {60_000}


async def test_only_the_end_of_a_long_output_is_kept(sandbox: LocalSandbox) -> None:
    result = await sandbox.exec(["sh", "-c", "head -c 30000000 /dev/zero | tr '\\0' x; printf '\\377end'"], timeout=60)
    assert len(result.output) == OUTPUT_LIMIT
    assert result.output.endswith("x\ufffdend")


async def test_a_command_gets_a_clean_environment(sandbox: LocalSandbox) -> None:
    lines = (await sh(sandbox, "env")).splitlines()
    names = {line.partition("=")[0] for line in lines}
    assert names <= {"PATH", "LANG", "HOME", "PWD", "OLDPWD", "_", "SHLVL", COMMAND}
    assert "HOME=/root" in lines


async def test_the_call_s_environment_wins_over_the_task_s_and_that_over_the_image_s(tmp_path: Path) -> None:
    environment = context(tmp_path, "ENV A=image B=image C=image\n").model_copy(
        update={"env": {"B": "task", "C": "task"}}
    )
    async with LocalSandbox(environment) as sandbox:
        result = await sandbox.exec(["sh", "-c", "echo $A $B $C"], timeout=10, env={"C": "call"})
    assert result.output == "image task call\n"


async def test_a_command_has_three_open_files_and_no_more(sandbox: LocalSandbox) -> None:
    script = "for number in $(ls /proc/self/fd); do [ -e /proc/$$/fd/$number ] && echo $number; done; true"
    assert {*(await sh(sandbox, script)).split()} <= {"0", "1", "2", "255"}


@pytest.mark.fault("F41")
async def test_a_timeout_kills_all_that_the_command_started(sandbox: LocalSandbox) -> None:
    script = f"setsid sleep 1001 & sleep 1002 & {ORPHAN.format(1003)}; sh -c 'sleep 1003; true'; wait"
    with pytest.raises(SandboxTimeout, match=r"sh was not over after 0\.5 s"):
        await sandbox.exec(["sh", "-c", script], timeout=0.5)
    assert await sh(sandbox, "cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -c 'sleep 100[123]' || true") == "0\n"


async def test_a_cancelled_command_is_dead(sandbox: LocalSandbox) -> None:
    task = asyncio.create_task(sandbox.exec(["sh", "-c", "touch /started; sleep 1000"], timeout=100))
    await sh(sandbox, "while ! [ -e /started ]; do sleep 0.02; done")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert "sleep 1000" not in await sh(sandbox, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '; true")


async def test_what_a_command_leaves_running_neither_holds_it_up_nor_dies(sandbox: LocalSandbox) -> None:
    begun = time.monotonic()
    result = await sandbox.exec(["sh", "-c", "(sleep 1; touch /later; sleep 100) & echo done"], timeout=50)
    assert result.output == "done\n"
    assert time.monotonic() - begun < 0.9
    await sh(sandbox, "while ! [ -e /later ]; do sleep 0.05; done")


async def test_orphans_are_reaped(sandbox: LocalSandbox) -> None:
    await sh(sandbox, "for n in 1 2 3 4 5; do (sleep 0.0$n &) ; done")
    await sh(sandbox, "while cat /proc/[0-9]*/stat 2>/dev/null | grep -q '(sleep)'; do true; done")


async def test_killing_everything_inside_leaves_a_sandbox_that_works(sandbox: LocalSandbox) -> None:
    await sandbox.exec(["sh", "-c", "kill -9 -1; kill -9 1; kill -INT 1; kill -TERM 1; kill -CHLD 1"], timeout=10)
    assert await sh(sandbox, "echo alive") == "alive\n"


async def test_commands_run_at_the_same_time(sandbox: LocalSandbox) -> None:
    first = sh(sandbox, "while ! [ -e /go ]; do sleep 0.02; done; echo went")
    second = sh(sandbox, "touch /go")
    assert [*await asyncio.gather(first, second)] == ["went\n", ""]


async def test_commands_of_a_sandbox_that_was_left_are_refused() -> None:
    async with LocalSandbox(Environment()) as sandbox:
        pass
    with pytest.raises(SandboxDied):
        await sandbox.exec(["true"], timeout=10)


# Streams


async def test_a_stream_carries_bytes_both_ways(sandbox: LocalSandbox) -> None:
    stream = await sandbox.stream(["cat"])
    sent = os.urandom(300_000)
    got = bytearray()
    writing = asyncio.create_task(stream.write(sent))
    while len(got) < len(sent):
        got += await stream.read()
    await writing
    await stream.close()
    await stream.close()
    assert bytes(got) == sent
    assert await stream.read() == b""


async def test_a_stream_ends_with_its_process_even_when_a_child_holds_the_output(sandbox: LocalSandbox) -> None:
    stream = await sandbox.stream(["sh", "-c", "echo out; echo err >&2; sleep 1000 & exit"])
    got = b""
    async with asyncio.timeout(10):
        while chunk := await stream.read():
            got += chunk
    assert got == b"out\n"
    await stream.close()


async def write_on(stream: Stream) -> None:
    async with asyncio.timeout(10):
        while True:  # the kernel lets go of an ended process's two pipes one after the other
            await stream.write(b"x")


async def test_writing_to_a_process_that_has_ended_is_an_error(sandbox: LocalSandbox) -> None:
    stream = await sandbox.stream(["true"])
    assert await stream.read() == b""
    with pytest.raises(SandboxError, match="has ended"):
        await write_on(stream)
    await stream.close()


async def test_closing_a_stream_ends_its_input_and_wakes_its_reader(sandbox: LocalSandbox) -> None:
    stream = await sandbox.stream(["sh", "-c", "cat; touch /over"])
    reading = asyncio.create_task(stream.read())
    await asyncio.sleep(0)
    await stream.close()
    assert await reading == b""
    await sh(sandbox, "while ! [ -e /over ]; do sleep 0.02; done")
    assert await sh(sandbox, "echo alive") == "alive\n"


async def test_leaving_closes_the_streams_that_are_open() -> None:
    async with LocalSandbox(Environment()) as sandbox:
        stream = await sandbox.stream(["cat"])
        reading = asyncio.create_task(stream.read())
        await asyncio.sleep(0)
    assert await reading == b""


# What is seen and what is changed


async def test_changes_stay_in_the_sandbox(sandbox: LocalSandbox) -> None:
    places = ["/etc", "/opt", "/srv", "/usr/bin", "/usr/local/bin", "/var", "/app", "/tests", "/root", "/home"]
    for place in places:
        await sh(sandbox, f"mkdir -p {place}; echo x > {place}/termstone-was-here; cat {place}/termstone-was-here")
        assert not is_here(place + "/termstone-was-here")
    await sh(sandbox, "echo 127.0.0.1 termstone-host >> /etc/hosts; rm /etc/passwd")
    assert subprocess.run(["grep", "-q", "termstone-host", "/etc/hosts"], check=False).returncode == 1  # noqa: ASYNC221
    assert is_here("/etc/passwd")


async def test_the_folders_of_users_and_the_temporary_ones_are_empty(sandbox: LocalSandbox, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("x")
    assert await sh(sandbox, "ls -A /root /home /tmp /var/tmp /mnt /media /boot | grep -v :") == "\n" * 6
    assert (await sandbox.exec(["cat", str(tmp_path / "secret")], timeout=10)).exit_code == 1


@pytest.mark.skipif(
    Path.home().is_relative_to("/home") or Path.home() == Path("/root"), reason="homes are masked anyway"
)
async def test_a_home_elsewhere_can_be_hidden() -> None:
    async with LocalSandbox(Environment(), hidden=[Path.home()]) as sandbox:
        assert await sh(sandbox, f"ls -A {Path.home()}") == ""


async def test_what_is_hidden_is_empty_and_what_is_beside_it_is_not() -> None:
    hidden = [Path("/usr/share/doc"), Path("/usr/bin/tar"), Path("/usr/share/termstone-not-yet/below")]
    async with LocalSandbox(Environment(), hidden=[Path("/usr/share/doc"), hidden[2]]) as sandbox:
        assert await sh(sandbox, "ls -A /usr/share/doc /usr/share/termstone-not-yet | grep -v :") == "\n"
        assert await sh(sandbox, "ls /usr/share | wc -l") != "0\n"
        # Neither taking the empty folder away nor moving it brings back what it covers.
        moved = "mv /usr/share/doc /usr/share/doc2; ls -A /usr/share/doc2; rmdir /usr/share/doc2; ls -A /usr/share/doc"
        assert (await sandbox.exec(["sh", "-c", moved], timeout=10)).output.count("\n") <= 2


async def test_a_hidden_file_is_not_there() -> None:
    async with LocalSandbox(Environment(), hidden=[Path("/etc/hostname"), Path("/etc/os-release")]) as sandbox:
        assert (await sandbox.exec(["cat", "/etc/hostname"], timeout=10)).exit_code == 1


@as_root
async def test_root_inside_does_not_read_what_only_root_may_read(sandbox: LocalSandbox) -> None:
    for line in (await sh(sandbox, "cat /etc/shadow")).splitlines():
        assert line.split(":")[1] == "*"
    private = await sh(sandbox, "find /etc -type f ! -perm -o=r -size +0")
    assert {line for line in private.splitlines() if not line.startswith("/etc/sudoers")} <= {
        "/etc/shadow",
        "/etc/gshadow",
    }


async def test_the_root_folder_looks_like_a_machine_s(sandbox: LocalSandbox) -> None:
    listed = (await sh(sandbox, "ls /")).split()
    assert {"bin", "dev", "etc", "home", "opt", "proc", "root", "srv", "sys", "tmp", "usr", "var"} <= {*listed}
    assert (
        await sh(sandbox, "echo x > /dev/null; head -c 3 /dev/zero | wc -c; [ -w /dev/shm ] && tty -s || true") == "3\n"
    )


TOOLS = {
    "git": "git init -q /app; cd /app; git -c user.name=a -c user.email=a@b commit -q --allow-empty -m x; git status",
    "python3": "python3 -c 'import multiprocessing, sqlite3, ssl; multiprocessing.Queue()'",
    "gcc": "cd /tmp; echo 'int main(){return 0;}' > a.c; gcc a.c -o a; ./a",
    "bash": "bash -c 'cat <(echo x)'",
}


@pytest.mark.parametrize("tool", TOOLS)
async def test_this_machine_s_tools_work(sandbox: LocalSandbox, tool: str) -> None:
    if shutil.which(tool, path="/usr/bin:/bin") is None:
        pytest.skip(f"no {tool} here")
    await sh(sandbox, TOOLS[tool], 60)


# Ways out


ESCAPES = {
    "unmount a folder": "umount -l /etc",
    "unmount a device": "umount /dev/null",
    "mount anything": "mkdir -p /m; mount -t tmpfs none /m",
    "enter another mount namespace": "nsenter -t 1 -m true",
    "enter another network": "nsenter -t 1 -n true",
    "make a mount namespace": "unshare -m true",
    "see the first process's root": "ls /proc/1/root/",
    "read the first process's memory": "head -c 1 /proc/1/mem",
    "read the first process's environment": "cat /proc/1/environ",
    "write to the first process's socket": "echo x > /proc/1/fd/0",
    "make a device": "mknod /dev/x b 8 0",
    "change a kernel setting": "echo 0 > /proc/sys/kernel/core_uses_pid",
    "change a device's mode": "chmod 600 /dev/null",
    "replace a device": "rm -f /dev/null",
    "write to /sys": "touch /sys/x || echo 0 > /sys/devices/system/cpu/cpu0/online",
    "name the machine": "hostname elsewhere",
    "set the clock": "date -s 2001-01-01",
    "load a module": "modprobe dummy",
    "get rid of mounts in namespaces of one's own": "unshare -Urm sh -c 'umount /dev/null || umount -l /proc/sys'",
    "show a process's files anew": "unshare -Urmpf sh -c 'mount -t proc none /proc'",
    "move the clock of the machine's network": "ip link set lo down",
    "overrule the overlay": "setfattr -n trusted.overlay.opaque -v n /etc",
}


@pytest.mark.parametrize("way", ESCAPES)
async def test_there_is_no_way_to(sandbox: LocalSandbox, way: str) -> None:
    assert (await sandbox.exec(["sh", "-c", ESCAPES[way]], timeout=20)).exit_code != 0
    assert await sh(sandbox, "echo alive > /dev/null; echo alive") == "alive\n"


async def test_processes_of_the_machine_are_not_there(sandbox: LocalSandbox) -> None:
    processes = (await sh(sandbox, "ls -d /proc/[0-9]*")).split()
    assert len(processes) < 6
    assert (await sandbox.exec(["kill", "-0", str(os.getpid())], timeout=10)).exit_code != 0


async def test_a_capability_set_holds_nothing_that_reaches_the_kernel(sandbox: LocalSandbox) -> None:
    sets = dict(re.findall(r"Cap(\w+):\s+(\w+)", await sh(sandbox, "cat /proc/self/status")))
    sys_admin, sys_ptrace, sys_module, mknod = (1 << number for number in (21, 19, 16, 27))
    for name in ("Inh", "Prm", "Eff", "Bnd", "Amb"):
        assert not int(sets[name], 16) & (sys_admin | sys_ptrace | sys_module | mknod), name


# The network


@pytest.fixture
def service() -> Iterator[int]:
    """A service on this machine."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield int(server.getsockname()[1])


def connect(port: int) -> str:
    return f"bash -c 'exec 3<>/dev/tcp/127.0.0.1/{port}'"


async def test_without_a_network_there_is_a_loopback_and_nothing_else(sandbox: LocalSandbox, service: int) -> None:
    assert (await sandbox.exec(["sh", "-c", connect(service)], timeout=10)).exit_code != 0
    names = [line.split(":")[0].strip() for line in (await sh(sandbox, "cat /proc/net/dev")).splitlines()[2:]]
    assert "eth0" not in names
    own = "from socket import *; a = '127.0.0.1', 80; s = create_server(a); create_connection(a); print('up')"
    assert await sh(sandbox, f'python3 -c "{own}"') == "up\n"


async def test_with_a_network_this_machine_s_is_used_and_a_note_says_so(service: int) -> None:
    async with LocalSandbox(Environment(network=PUBLIC)) as sandbox:
        await sh(sandbox, connect(service))
        assert any("network" in note for note in sandbox.notes)


async def test_building_has_a_network_and_what_it_starts_ends_with_its_step(tmp_path: Path, service: int) -> None:
    environment = context(tmp_path, f"RUN {connect(service)} && (setsid sleep 1000 &)\n")
    async with LocalSandbox(environment) as sandbox:
        assert "sleep 1000" not in await sh(sandbox, "cat /proc/[0-9]*/cmdline | tr '\\0' ' '")
        assert (await sandbox.exec(["sh", "-c", connect(service)], timeout=10)).exit_code != 0


# Files in and out


async def test_files_come_out_as_they_went_in(sandbox: LocalSandbox) -> None:
    content = os.urandom(3_000_000)
    archive = Archive().folder("data", 0o700).file("data/a", content).file("data/sub/b", b"", 0o755).done()
    await sandbox.put(archive, "/app")
    assert await sandbox.get("/app/data", 5_000_000) == {"a": content, "sub/b": b""}
    assert await sandbox.get("/app/data/a", 5_000_000) == {"a": content}
    assert (
        await sh(sandbox, "stat -c '%a %U' /app/data /app/data/a /app/data/sub/b") == "700 root\n644 root\n755 root\n"
    )


@as_root
async def test_owners_are_those_of_the_archive(sandbox: LocalSandbox) -> None:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        entry = tarfile.TarInfo("owned")
        entry.uid, entry.gid, entry.uname = 1234, 4321, "root"
        tar.addfile(entry)
    await sandbox.put(buffer.getvalue())
    assert await sh(sandbox, "stat -c '%u %g' /owned") == "1234 4321\n"


async def test_a_file_put_below_a_linked_folder_leaves_the_link(sandbox: LocalSandbox) -> None:
    await sh(sandbox, "mkdir /real; ln -s real /linked")
    await sandbox.put(Archive().folder("linked").file("linked/a", b"x").done())
    assert await sh(sandbox, "readlink /linked; cat /real/a") == "real\nx"


async def test_links_and_devices_stay_where_they_are(sandbox: LocalSandbox) -> None:
    await sh(sandbox, "mkdir /out; ln -s /etc/passwd /out/link; mkfifo /out/pipe; echo x > /out/file")
    assert await sandbox.get("/out", 100) == {"file": b"x\n"}


async def test_nothing_there_and_too_much_there_are_errors(sandbox: LocalSandbox) -> None:
    with pytest.raises(FileNotFoundError):
        await sandbox.get("/nowhere", 100)
    await sh(sandbox, "mkdir /big; head -c 101 /dev/zero > /big/a; head -c 100M /dev/zero > /big/b")
    for path in ("/big", "/big/a", "/big/b"):
        with pytest.raises(SandboxError, match="100"):
            await sandbox.get(path, 100)


async def test_a_broken_archive_is_an_error(sandbox: LocalSandbox) -> None:
    with pytest.raises(SandboxError, match="tar"):
        await sandbox.put(b"not an archive")


async def test_the_terminal_s_folder_is_there(sandbox: LocalSandbox) -> None:
    assert await sh(sandbox, "stat -c '%a %U' /.termstone/run") == "1777 root\n"


# Users


@as_root
async def test_a_command_runs_as_a_name_or_a_number_with_its_home_and_groups(tmp_path: Path) -> None:
    environment = context(tmp_path, "RUN useradd -m app && groupadd more && usermod -aG more app\nUSER app\n")
    async with LocalSandbox(environment) as sandbox:
        assert await sh(sandbox, "id -un; id -Gn; echo $HOME; echo x > /dev/stdout") == "app\napp more\n/home/app\nx\n"
        root = await sandbox.exec(["sh", "-c", "id -u; echo $HOME"], timeout=10, user="root")
        assert root.output == "0\n/root\n"
        other = await sandbox.exec(["sh", "-c", "id -u; id -g; echo $HOME"], timeout=10, user="4242:4343")
        assert other.output == "4242\n4343\n/\n"
        assert "CapEff:\t0000000000000000" in await sh(sandbox, "cat /proc/self/status")
        nobody = await sandbox.exec(["true"], timeout=10, user="no-such-user")
        assert (nobody.exit_code, "no user no-such-user" in nobody.output) == (126, True)


@as_root
async def test_root_becomes_others_with_su(sandbox: LocalSandbox) -> None:
    assert await sh(sandbox, "su nobody -s /bin/sh -c 'id -un'") == "nobody\n"


@as_ordinary_user
async def test_an_ordinary_user_s_sandbox_has_root_alone_and_says_so(tmp_path: Path) -> None:
    async with LocalSandbox(context(tmp_path, "USER nobody\n")) as sandbox:
        assert await sh(sandbox, "id -u") == "0\n"
        assert any("USER nobody" in note for note in sandbox.notes)
        with pytest.raises(SandboxError, match="no user nobody here"):
            await sandbox.exec(["true"], timeout=10, user="nobody")


# Dockerfiles


async def test_a_dockerfile_is_followed(tmp_path: Path) -> None:
    dockerfile = """\
        ARG GREETING=hello
        ENV NAME=world \\
            # a comment
            WORDS="$GREETING world"
        WORKDIR /app
        WORKDIR sub
        RUN echo "$GREETING $NAME" > said && \\
            pwd > where
        RUN ["sh", "-c", "echo $0 > exec", "form"]
        SHELL ["/bin/bash", "-c"]
        RUN [[ a == a ]] && echo bash > shell
        RUN cat <<EOF > here
        $NAME
        EOF
        COPY data.txt *.cfg ./files/
        COPY --chmod=750 data.txt /opt/renamed
        COPY tree /tree
        EXPOSE 80
        CMD ["ignored"]
        """
    environment = context(tmp_path, dockerfile)
    (tmp_path / "data.txt").write_text("data")
    (tmp_path / "a.cfg").write_text("a")
    (tmp_path / "tree" / "deep").mkdir(parents=True)
    (tmp_path / "tree" / "deep" / "leaf").write_text("leaf")
    (tmp_path / "tree" / "link").symlink_to("deep/leaf")
    async with LocalSandbox(environment) as sandbox:
        assert sandbox.workdir == "/app/sub"
        said = await sh(sandbox, "cat said where exec shell here; pwd; echo $WORDS; echo $GREETING.")
        assert said == "hello world\n/app/sub\nform\nbash\nworld\n/app/sub\nhello world\n.\n"
        assert (
            await sh(sandbox, "cat files/data.txt files/a.cfg /opt/renamed; stat -c %a /opt/renamed")
            == "dataadata750\n"
        )
        assert (
            await sh(sandbox, "cat /tree/deep/leaf; readlink /tree/link; stat -c '%U %a' /tree")
            == "leafdeep/leaf\nroot 755\n"
        )
        assert any(note.startswith("FROM base is not honoured") for note in sandbox.notes)


async def test_copying_into_a_folder_leaves_its_own_mode(tmp_path: Path) -> None:
    environment = context(tmp_path, "COPY . /tmp\nCOPY one /bin\n", one="1")
    async with LocalSandbox(environment) as sandbox:
        assert (
            await sh(sandbox, "stat -c %a /tmp; cat /tmp/one /usr/bin/one; readlink /bin || echo usr/bin")
            == "1777\n11usr/bin\n"
        )


async def test_ignored_files_are_not_copied(tmp_path: Path) -> None:
    environment = context(tmp_path, "COPY . /app/\n", keep="1")
    (tmp_path / "drop").mkdir()
    (tmp_path / "drop" / "x").write_text("x")
    (tmp_path / ".dockerignore").write_text("drop\nDockerfile\n.dockerignore\n")
    async with LocalSandbox(environment) as sandbox:
        assert await sh(sandbox, "ls -A /app") == "keep\n"


@as_root
async def test_a_copy_has_the_owner_that_it_asks_for(tmp_path: Path) -> None:
    environment = context(
        tmp_path, "RUN useradd -u 1777 app\nCOPY --chown=app:root one /one\nCOPY --chown=5:6 one /two\n", one="1"
    )
    async with LocalSandbox(environment) as sandbox:
        assert await sh(sandbox, "stat -c '%U %G' /one; stat -c '%u %g' /two") == "app root\n5 6\n"


async def test_a_failing_step_is_named_with_its_last_lines(tmp_path: Path) -> None:
    environment = context(tmp_path, "\nRUN echo the reason && \\\n    exit 3\nRUN touch /never\n")
    with pytest.raises(ImageBuildError) as raised:
        await LocalSandbox(environment).__aenter__()
    first, *last = str(raised.value).splitlines()
    assert first.startswith("Dockerfile:3: RUN echo the reason")
    assert first.endswith("exit code 3")
    assert last == ["the reason"]


@pytest.mark.parametrize(
    "line",
    [
        "COPY --from=other a b",
        "COPY ../outside /x",
        "COPY /etc/passwd /x",
        "COPY leading-out /x",
        "COPY missing /x",
        "COPY no-*-match /x",
        "COPY <<EOF /x\nEOF",
        "COPY --chmod=u+x one /x",
        "COPY --chown=no-such-user one /x",
        "ADD https://example.org/x /x",
        "ADD a.tar.gz /x",
        "RUN --mount=type=secret,id=x true",
        "SHELL /bin/bash",
    ],
)
async def test_what_cannot_be_followed_is_named(tmp_path: Path, line: str) -> None:
    environment = context(tmp_path, line + "\n", one="1")
    (tmp_path / "leading-out").symlink_to("/etc/passwd")
    with pytest.raises(ImageBuildError, match=f"Dockerfile:2: {line.split(maxsplit=1)[0]} "):
        await LocalSandbox(environment).__aenter__()


async def test_building_has_a_deadline(tmp_path: Path) -> None:
    environment = context(tmp_path, "RUN sleep 1000\n").model_copy(update={"build_timeout": 1.5})
    with pytest.raises(ImageBuildError, match=r"within 1\.5 s"):
        await LocalSandbox(environment).__aenter__()


async def test_the_task_s_folder_comes_before_the_image_s_and_open_folders_are_open(tmp_path: Path) -> None:
    environment = context(tmp_path, "WORKDIR /app\n")
    changed = environment.model_copy(update={"workdir": "/elsewhere", "folders": ("/logs/agent",), "cpus": 1.0})
    async with LocalSandbox(changed) as sandbox:
        assert (sandbox.workdir, await sh(sandbox, "pwd; stat -c %a /logs/agent")) == (
            "/elsewhere",
            "/elsewhere\n777\n",
        )
        assert (await sandbox.exec(["pwd"], timeout=10, cwd="/etc")).output == "/etc\n"
        assert "cpus is not enforced" in sandbox.notes


# The end


async def test_leaving_removes_everything_even_folders_that_were_closed() -> None:
    async with LocalSandbox(Environment()) as sandbox:
        folder = await temporary_folder(sandbox)
        await sh(sandbox, "mkdir -p /app/closed/below; chmod 000 /app/closed; sleep 1000 & true")
        assert folder.is_dir()
        begun = time.monotonic()
    assert time.monotonic() - begun < 5
    assert not folder.exists()


async def test_leaving_is_not_cut_short_by_a_cancellation() -> None:
    folders: list[Path] = []

    async def run() -> None:
        async with LocalSandbox(Environment()) as sandbox:
            folders.append(await temporary_folder(sandbox))
            await sandbox.exec(["sleep", "1000"], timeout=100)

    task = asyncio.create_task(run())
    await until(lambda: bool(folders))
    task.cancel()
    await asyncio.sleep(0.001)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await until(lambda: not folders[0].exists())


async def test_a_start_that_is_cancelled_leaves_nothing(tmp_path: Path) -> None:
    script = """
        import asyncio, sys
        from sandbox.base import Environment
        from sandbox.local import LocalSandbox
        async def main():
            for milliseconds in (0, 1, 5, 20, 60, 120):
                task = asyncio.create_task(LocalSandbox(Environment()).__aenter__())
                await asyncio.sleep(milliseconds / 1000)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
        asyncio.run(main())
        """
    subprocess.run([sys.executable, "-c", textwrap.dedent(script)], env=harness_env(tmp_path), check=True, timeout=60)  # noqa: ASYNC221
    await until(lambda: not list(tmp_path.iterdir()))


@pytest.mark.parametrize("attempt", range(5))  # its death is told in two ways, and either may come first
async def test_a_harness_that_is_killed_leaves_nothing(tmp_path: Path, attempt: int) -> None:
    seconds = str(10_000_000 + 10 * os.getpid() + attempt)  # no other run of these tests sleeps as long
    script = """
        import asyncio, sys
        from sandbox.base import Environment
        from sandbox.local import LocalSandbox
        async def main():
            async with LocalSandbox(Environment()) as sandbox:
                slow_to_die = bytearray(300_000_000)
                print("in", flush=True)
                await sandbox.exec(["sh", "-c", f"setsid sleep {sys.argv[1]} & sleep {sys.argv[1]}"], timeout=1000)
        asyncio.run(main())
        """
    with subprocess.Popen(  # noqa: ASYNC220 - the harness to kill
        [sys.executable, "-c", textwrap.dedent(script), seconds], env=harness_env(tmp_path), stdout=subprocess.PIPE
    ) as harness:
        assert harness.stdout is not None
        assert harness.stdout.readline() == b"in\n"
        await until(lambda: len(running(f"sleep\0{seconds}")) == 2)
        harness.send_signal(signal.SIGKILL)
    await until(lambda: not running(f"sleep\0{seconds}"))
    await until(lambda: not list(tmp_path.iterdir()))


def harness_env(temporary: Path) -> dict[str, str]:
    return {**os.environ, "TMPDIR": str(temporary), "PYTHONPATH": os.pathsep.join([str(REPOSITORY), *sys.path])}


def running(words: str) -> list[str]:
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            if words in path.read_text(errors="replace"):
                found.append(path.parent.name)
    return found


async def test_a_command_for_a_sandbox_that_is_gone_leaves_no_file_open() -> None:
    namespace = await Namespace.start([], isolated=True)
    await namespace.stop()
    before = open_files()
    command = Command(argv=("true",), user="0", cwd="/", env={})
    for stdin in (None, b"x"):
        with pytest.raises(SandboxDied):
            await namespace.run(command, lambda _: None, stdin)
    assert open_files() == before


def open_files() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
