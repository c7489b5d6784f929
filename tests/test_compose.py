"""Tasks with a compose file: what it may ask for, and its services on a real engine: pytest tests/test_compose.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from sandbox import compose_file, compose_policy
from sandbox.base import HOME, PUBLIC, Environment, Network, RefusedEnvironment, SandboxError, SandboxStartError
from sandbox.compose import ComposeSandbox, prepare
from sandbox.compose_policy import Addition, Build
from sandbox.limits import PIDS
from sandbox.terminal import open_terminal
from tests.conftest import IMAGE, daemon, own_containers
from tests.test_network import GET, Address, asks, hears, mine, server

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.engine import Engine

__all__ = ["server"]  # a fixture


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with daemon() as connected:
        yield connected


def written(folder: Path, text: str, **settings: object) -> Environment:
    """Write a compose file and a Dockerfile beside it."""
    (folder / "docker-compose.yaml").write_text(text)
    (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nWORKDIR /app\n")
    return Environment.model_validate({"compose": folder / "docker-compose.yaml", **settings})


DISK = 1 << 20
"""Bytes: the limit of the tasks here that name one."""
MAIN = f"services:\n  main:\n    image: {IMAGE}\n"
NINEFOLD = [(after, ", ".join([f"*{before}"] * 9)) for before, after in zip("abcdefgh", "bcdefghi", strict=True)]
HOSTILE = {
    "privileges": "    privileged: true\n",
    "a capability": "    cap_add: [SYS_ADMIN]\n",
    "a device": "    devices: ['/dev/kmsg:/dev/kmsg']\n",
    "rules for devices": "    device_cgroup_rules: ['c 1:3 mr']\n",
    "this machine's network": "    network_mode: host\n",
    "another container's network": "    network_mode: 'container:other'\n",
    "this machine's processes": "    pid: host\n",
    "this machine's memory": "    ipc: host\n",
    "this machine's users": "    userns_mode: host\n",
    "this machine's control groups": "    cgroup_parent: /\n",
    "no seccomp filter": "    security_opt: ['seccomp:unconfined']\n",
    "the root folder": "    volumes: ['/:/host']\n",
    "the socket of Docker": "    volumes: ['/var/run/docker.sock:/var/run/docker.sock']\n",
    "a folder above": "    volumes: ['../../secrets:/s:ro']\n",
    "a home folder": "    volumes: ['~/.ssh:/s']\n",
    "a link that leads out": "    volumes: ['./leads-out:/s']\n",
    "a mount in many words": "    volumes: [{type: bind, source: /etc, target: /e}]\n",
    "a variable of this machine": "    environment: {KEY: '${HOME}'}\n",
    "a variable by its name": "    environment: [HOME]\n",
    "a file of variables outside": "    env_file: /etc/environment\n",
    "another file's service": "    extends: {file: ../other.yaml, service: main}\n",
    "another container's volumes": "    volumes_from: ['container:other']\n",
    "a sysctl": "    sysctls: {kernel.msgmax: 1}\n",
    "a runtime": "    runtime: nvidia\n",
    "priority over this machine's processes": "    ulimits: {rtprio: 99}\n",
    "a device to deploy on": "    deploy: {resources: {reservations: {devices: [{capabilities: [gpu]}]}}}\n",
    "a build outside": "    build: {context: ../..}\n",
    "a build of an address": "    build: 'https://example.com/x.git'\n",
    "a build with this machine's network": "    build: {context: ., network: host}\n",
    "a build with a secret": "    build: {context: ., secrets: [key]}\n",
    "a build with this machine's variable": "    build: {context: ., args: [HOME]}\n",
    "a Dockerfile outside": "    build: {context: ., dockerfile: ../../Dockerfile}\n",
    "another file": "include: [../other.yaml]\n",
    "a network of others": "networks: {default: {external: true}}\n",
    "a network on this machine's card": "networks: {default: {driver: macvlan, driver_opts: {parent: eth0}}}\n",
    "a volume of others": "volumes: {v: {external: true}}\n",
    "a volume over a folder": "volumes: {v: {driver_opts: {type: none, o: bind, device: /etc}}}\n",
    "a secret outside": "secrets: {s: {file: /etc/shadow}}\n",
    "a secret of the environment": "secrets: {s: {environment: HOME}}\n",
    "aliases without end": "x-a: &a [1, 1]\n" + "".join(f"x-{b}: &{b} [{aliases}]\n" for b, aliases in NINEFOLD),
    "merges without end": "x-a: &a {k: 1}\n" + "".join(f"x-{b}: &{b} {{<<: [{aliases}]}}\n" for b, aliases in NINEFOLD),
    "a value that holds itself": "x-a: &a [*a]\n",
    "brackets without end": f"x-a: {'[' * 20_000}\n",
    "a file without end": f"x-a: {'a' * 200_000}\n",
    "an object of Python's": "x-a: !!python/object/apply:os.system [id]\n",
}  # fmt: skip


@pytest.mark.fault("F63", "F66")
@pytest.mark.parametrize("name", HOSTILE)
def test_a_compose_file_is_refused_that_asks_for(name: str, tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    (folder / "leads-out").symlink_to("/etc")
    environment = written(folder, MAIN + HOSTILE[name])
    begun = time.monotonic()
    with pytest.raises(RefusedEnvironment, match=r"^docker-compose\.yaml: [^\n]{5,400}$"):
        compose_policy.read(environment)
    assert time.monotonic() - begun < 1


@pytest.mark.parametrize("asked", ["privileged: true", "environment: [HOME]", "environment: {A: '${HOME}'}"])
def test_a_refusal_names_the_option_that_would_allow_it(tmp_path: Path, asked: str) -> None:
    with pytest.raises(RefusedEnvironment, match=r" \(--trust-task allows it\)$"):
        compose_policy.read(written(tmp_path, MAIN + f"    {asked}\n"))
    compose_policy.read(written(tmp_path, MAIN + f"    {asked}\n", trust=True))


@pytest.mark.parametrize("asked", ["scale: 2", "environment: {A: '${NOT_SET:?no default}'}"])
def test_what_no_trust_can_help_does_not_name_it(tmp_path: Path, asked: str) -> None:
    with pytest.raises(RefusedEnvironment, match=r"^(?!.*--trust-task)"):
        compose_policy.read(written(tmp_path, MAIN + f"    {asked}\n", trust=True))


def test_what_reaches_beyond_is_given_to_a_task_that_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OF_THIS_MACHINE", "known")
    text = MAIN + "    cap_add: [SYS_PTRACE]\n    volumes: ['/etc:/e:ro']\n    environment: {A: '${OF_THIS_MACHINE}'}\n"
    found = compose_policy.read(written(tmp_path, text, trust=True))
    main = found.document["services"]["main"]
    assert found.notes == ("docker-compose.yaml is given this machine's OF_THIS_MACHINE",)
    assert main == {"cap_add": ["SYS_PTRACE"], "volumes": ["/etc:/e:ro"], "environment": {"A": "known"}}


def test_terminal_benchs_file_is_read_as_it_stands(tmp_path: Path) -> None:
    text = """services:
  client:
    build: {dockerfile: Dockerfile}
    image: ${T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME}
    container_name: ${T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME}
    command: ["sh", "-c", "sleep infinity"]
    environment: ["TEST_DIR=${T_BENCH_TEST_DIR}"]
    volumes:
      - ${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}
      - ${T_BENCH_TASK_AGENT_LOGS_PATH}:${T_BENCH_CONTAINER_AGENT_LOGS_PATH}
"""
    found = compose_policy.read(written(tmp_path, text, service="client"))
    assert found.builds == {"client": Build(tmp_path)}
    assert found.additions == {"client": (Addition(None, "/logs"), Addition(None, "/agent-logs"))}
    assert found.document["services"]["client"] == {
        "command": ["sh", "-c", "sleep infinity"], "environment": {"TEST_DIR": "/tests"}, "volumes": [],
    }  # fmt: skip


def test_harbors_main_service_is_added_to(tmp_path: Path) -> None:
    text = "services:\n  main: {environment: {A: 1, B: true}, ports: ['80:80']}\n  db: {image: 'db:1', mem_limit: 1g}\n"
    found = compose_policy.read(written(tmp_path, text, memory_mb=512, cpus=2))
    assert (found.builds, found.images) == ({"main": Build(tmp_path)}, {"db": "db:1"})
    main = found.document["services"]["main"]
    assert main["environment"] == {"A": "1", "B": "true"}
    assert (main["mem_limit"], main["cpus"], main["command"]) == ("512m", 2, ["sh", "-c", "sleep infinity"])
    assert found.notes == ("services.main.ports are not published on this machine",)


@pytest.mark.parametrize(
    ("asked", "given"),
    [
        ("pids_limit: -1", {"pids_limit": PIDS}),
        ("pids_limit: 1000000", {"pids_limit": PIDS}),
        ("pids_limit: 0.5", {"pids_limit": 1}),
        ("pids_limit: 1e999", {"pids_limit": PIDS}),
        ("pids_limit: '100'", {"pids_limit": 100}),
        ("deploy: {resources: {limits: {pids: -1}}}", {"pids_limit": PIDS}),
        ("ulimits: {fsize: -1, nofile: 9}", {"ulimits": {"fsize": DISK, "nofile": 9}}),
        ("ulimits: {fsize: {soft: 10, hard: -1}}", {"ulimits": {"fsize": 10}}),
        ("ulimits: {fsize: 1000}", {"ulimits": {"fsize": 1000}}),
        ("memswap_limit: -1", {}),
    ],
)
def test_a_compose_file_lowers_the_limits_of_its_containers_and_lifts_none(
    tmp_path: Path, asked: str, given: dict[str, object]
) -> None:
    found = compose_policy.read(written(tmp_path, MAIN + f"    {asked}\n", storage_mb=1))
    assert found.document["services"]["main"] == given


@pytest.mark.parametrize(
    "asked",
    [
        'command: "echo it\'s"',
        "command: 5",
        "volumes: [{type: bind, target: /y}]",
        "env_file: [{x: y}]",
        'volumes: ["~nouser/x:/y"]',
        'volumes: ["./loop:/y"]',
    ],
)
def test_what_has_another_shape_is_refused_in_one_line(tmp_path: Path, asked: str) -> None:
    environment = written(tmp_path, MAIN + f"    {asked}\n")
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(RefusedEnvironment) as caught:
        compose_policy.read(environment)
    assert len(str(caught.value).splitlines()) == 1


def test_a_task_that_is_trusted_may_lift_limits(tmp_path: Path) -> None:
    text = MAIN + "    pids_limit: -1\n    ulimits: {fsize: -1, rtprio: 99}\n"
    main = compose_policy.read(written(tmp_path, text, trust=True)).document["services"]["main"]
    assert main == {"pids_limit": -1, "ulimits": {"fsize": -1, "rtprio": 99}}


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("$A ${A} $$A $${A}", "1 1 $A ${A}"),
        ("${B:-two}${B-two}${E:-x}${E-y}", "twotwox"),
        ("${A:+yes}${B:+no}${E+set}", "yesset"),
        ("${B:-${A}-${B:-deep}}", "1-deep"),
        ("${A:?must}", "1"),
        ("costs 5$ a day", "costs 5$ a day"),
    ],
)
def test_variables_are_filled_in_as_compose_does(text: str, seen: str) -> None:
    assert compose_file.filled(text, {"A": "1", "E": ""}) == seen


@pytest.mark.parametrize("text", ["$B", "${B}", "${B:?must}", "${E:?must}", "${A", "${A!}"])
def test_a_variable_that_nobody_set_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="variable"):
        compose_file.filled(text, {"A": "1", "E": ""})


SERVICES = f"""services:
  main:
    environment: {{PRICE: "5$$ and $$HOME"}}
    depends_on: {{store: {{condition: service_healthy}}}}
    volumes: ["./given:/given:ro", "shared:/shared"]
  store:
    image: {IMAGE}
    command: ["sh", "-c", "sleep 1; echo ready > /shared/state; sleep infinity"]
    healthcheck: {{test: ["CMD", "test", "-s", "/shared/state"], interval: 200ms, retries: 100}}
    volumes: ["shared:/shared"]
    stop_signal: SIGUSR1
volumes: {{shared: }}
"""


@pytest.mark.docker
async def test_services_run_beside_each_other_and_nothing_is_left(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "given").mkdir()
    (tmp_path / "given" / "x").write_text("of the task")
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "y").write_text("of a step")
    environment = written(tmp_path, SERVICES, files=tmp_path / "files", env={"A": "a"}, folders=("/logs/verifier",))
    assert str(await prepare(engine, environment)).startswith("sha256:")
    async with ComposeSandbox(engine, environment) as sandbox:
        script = (
            "cat /given/x; cat y; cat /shared/state; echo $A $PRICE; pwd; getent hosts store | wc -l; ls -d /logs/*"
        )
        seen = await sandbox.exec(["sh", "-c", script], timeout=10)
        assert seen.output == "of the taskof a stepready\na 5$ and $HOME\n/app\n1\n/logs/verifier\n"
        store = sandbox.services["store"]
        assert list(sandbox.services) == ["store"]
        assert (await store.exec(["hostname"], timeout=10)).output != (
            await sandbox.exec(["hostname"], timeout=10)
        ).output
        assert await store.get("/shared", 100) == {"state": b"ready\n"}
        assert (await store.exec(["test", "-e", HOME], timeout=10)).exit_code == 1
        async with open_terminal(sandbox) as terminal:
            assert "ready" in (await terminal.type("cat /shared/state\n", 10)).text
        await sandbox.exec(["sh", "-c", "kill -9 -1; echo x > /given/x"], timeout=10)
        assert (await sandbox.exec(["cat", "/shared/state"], timeout=10)).output == "ready\n"
        begun = time.monotonic()
    took = time.monotonic() - begun
    assert took < 5
    assert await mine(engine) == []
    assert (tmp_path / "given" / "x").read_text() == "of the task"


@pytest.mark.docker
async def test_no_service_has_more_processes_larger_files_or_swap_than_a_container_has(
    engine: Engine, tmp_path: Path
) -> None:
    greedy = "pids_limit: -1, ulimits: {fsize: -1}, mem_limit: 64m, memswap_limit: -1"
    text = f"services:\n  main: {{{greedy}}}\n  other: {{image: '{IMAGE}', command: [sleep, infinity]}}\n"
    async with ComposeSandbox(engine, written(tmp_path, text, storage_mb=1)) as sandbox:
        for place in (sandbox, sandbox.services["other"]):
            seen = await place.exec(["sh", "-c", "head -c 2000000 /dev/zero > /big"], timeout=10)
            assert seen.exit_code
        hosts = [
            (await engine.call(engine.api.inspect_container, it))["HostConfig"] for it in await own_containers(engine)
        ]
    assert [host["PidsLimit"] for host in hosts] == [PIDS, PIDS]
    assert sorted((host["Memory"], host["MemorySwap"]) for host in hosts) == [(0, 0), (64 << 20, 64 << 20)]


@pytest.mark.docker
@pytest.mark.fault("F60")
@pytest.mark.parametrize("mode", ["no-network", "public", "changing", "allowlist"])
async def test_services_reach_each_other_and_what_the_network_says(
    engine: Engine, tmp_path: Path, server: Address, mode: str
) -> None:
    listed = Network(mode="allowlist", hosts=(server[0],))
    first = {"public": PUBLIC, "allowlist": listed}.get(mode, Network())
    text = f"services:\n  main: {{}}\n  other: {{image: '{IMAGE}', command: [sleep, infinity]}}\n"
    environment = written(tmp_path, text, network=first, phases=(PUBLIC,) if mode == "changing" else ())
    async with ComposeSandbox(engine, environment) as sandbox:
        beside = await sandbox.exec(["getent", "hosts", "other"], timeout=10)
        assert beside.exit_code == 0
        assert await hears(sandbox, *server) == (mode == "public")
        if mode == "changing":
            await sandbox.allow(PUBLIC)
            assert await hears(sandbox, *server)
            await sandbox.allow(Network())
            assert not await hears(sandbox, *server)
        elif mode == "allowlist":
            assert "hello /page" in await asks(sandbox, GET, f"{server[0]}:{server[1]}")
            assert "other" in (await sandbox.exec(["sh", "-c", "echo $no_proxy"], timeout=10)).output
        else:
            with pytest.raises(SandboxError, match="was not provided for"):
                await sandbox.allow(listed)


@pytest.mark.docker
async def test_a_service_that_ends_or_is_not_healthy_is_named_with_its_last_words(
    engine: Engine, tmp_path: Path
) -> None:
    bad = {
        "ended, exit code 7": "command: [sh, -c, 'echo why >&2; exit 7']",
        "is not healthy": "command: [sh, -c, 'echo why; sleep infinity'], "
        "healthcheck: {test: 'false', interval: 100ms, retries: 2}",
    }
    for reason, said in bad.items():
        text = f"services:\n  main: {{}}\n  bad: {{image: '{IMAGE}', {said}}}\n"
        with pytest.raises(SandboxStartError, match=rf"service bad {reason}\nwhy"):
            async with ComposeSandbox(engine, written(tmp_path, text)):
                pass
    assert await mine(engine) == []
