"""When an image is asked for once more, by a double of the daemon, and what is said: pytest tests/test_images.py."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import pytest

from sandbox.base import Environment, ImageBuildError, SandboxError
from sandbox.images import Images
from tests.conftest import IMAGE, daemon

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.engine import Engine


class Daemon:
    """Fails with each of some errors in turn, and has what it is asked for then."""

    def __init__(self, *errors: str) -> None:
        self.api = self
        self.asked = 0
        self._errors = list(errors)
        self._has = False

    async def call(self, function: Callable[..., Any], *args: Any, within: float = 60.0, **kwargs: Any) -> Any:  # noqa: ANN401, ARG002 - as the engine's
        return function(*args, **kwargs)

    def inspect_image(self, _: str) -> dict[str, str]:
        if not self._has:
            raise SandboxError("docker inspect_image: No such image")
        return {"Id": "sha256:1"}

    def pull(self, *_: str | None) -> None:
        self.asked += 1
        if self._errors:
            raise SandboxError(f"docker pull: {self._errors.pop(0)}")
        self._has = True

    def build(self, **_: Any) -> Iterator[dict[str, str]]:  # noqa: ANN401 - the SDK's
        self.asked += 1
        yield {"error": self._errors.pop(0)} if self._errors else {"stream": "done"}
        self._has = True


def images(daemon: Daemon) -> Images:
    return Images(cast("Engine", daemon))


@pytest.mark.fault("F43")
async def test_a_registry_that_has_too_much_to_do_is_asked_once_more() -> None:
    daemon = Daemon("429 toomanyrequests: slow down")
    assert await images(daemon).of(Environment(image="some:image")) == "sha256:1"
    assert daemon.asked == 2


@pytest.mark.fault("F43")
async def test_a_registry_without_an_image_is_asked_once() -> None:
    daemon = Daemon("manifest unknown", "never reached")
    with pytest.raises(ImageBuildError, match="image some:image: docker pull: manifest unknown"):
        await images(daemon).of(Environment(image="some:image"))
    assert daemon.asked == 1


@pytest.mark.fault("F43")
async def test_a_dockerfile_that_is_wrong_is_built_once_whatever_its_step_printed(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    daemon = Daemon("The command 'curl x: connection refused' returned a non-zero code: 7", "never reached")
    with pytest.raises(ImageBuildError, match="did not build"):
        await images(daemon).of(Environment(context=tmp_path))
    assert daemon.asked == 1


@pytest.mark.docker
@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("RUN --mount=type=cache,target=/x true", "RUN --mount"),
        ("RUN <<EOF\necho hi\nEOF", "RUN <<EOF"),
        ("RUN set -e; \\\n  cat <<'EOF' > /x\nhello\nEOF", "cat <<'EOF"),
        ("COPY <<EOF /x\nhello\nEOF", "COPY <<EOF"),
        ("COPY --link Dockerfile /x", "COPY --link"),
        (f"FROM --platform=$BUILDPLATFORM {IMAGE}", "FROM --platform=$"),
    ],
)
async def test_a_dockerfile_that_needs_buildkit_does_not_build_and_says_so(
    tmp_path: Path, text: str, named: str
) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\n{text}\n")
    async with daemon() as engine:
        with pytest.raises(ImageBuildError) as raised:
            await engine.images.of(Environment(context=tmp_path))
    first = str(raised.value).partition("\n")[0]
    assert first.endswith(f"({named!r} needs BuildKit, which is not used here)")


@pytest.mark.docker
@pytest.mark.parametrize("text", ["NONSENSE x", "RUN echo 'a <<EOF'; false"])
async def test_buildkit_is_not_named_for_what_is_wrong_without_it(tmp_path: Path, text: str) -> None:
    (tmp_path / "Dockerfile").write_text(f"FROM {IMAGE}\n{text}\n")
    async with daemon() as engine:
        with pytest.raises(ImageBuildError, match=r"^(?!.*BuildKit)"):
            await engine.images.of(Environment(context=tmp_path))
