"""Removing what ended runs left: containers, networks, volumes, folders of local sandboxes, and images if asked."""

from __future__ import annotations

import asyncio
import shutil

from sandbox import owner
from sandbox.base import SandboxError


async def clean(*, images: bool = False) -> list[str]:
    """Remove what dead runs left, and nothing of a live one's.

    Args:
        images: whether to remove the images of tasks too, which are built again when they are needed.

    Returns:
        What was removed and what was not, one line each; empty when there was nothing.
    """
    folders = list(owner.abandoned_folders())
    for folder in folders:
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    lines = [_counted(len(folders), "folder of a local sandbox", "folders of local sandboxes")]
    try:
        lines += await _docker(images=images)
    except SandboxError as error:
        lines.append(f"Docker: {error}")
    return [line for line in lines if line]


async def _docker(*, images: bool) -> list[str]:
    from sandbox.engine import Engine  # noqa: PLC0415 - only who cleans pays for Docker's SDK
    from sandbox.reaper import reap, remove_images  # noqa: PLC0415 - as said

    engine = await Engine.connect()
    try:
        removed = await reap(engine)
        return [
            _counted(removed.containers, "container", "containers"),
            _counted(removed.networks, "network", "networks"),
            _counted(removed.volumes, "volume", "volumes"),
            _counted(await remove_images(engine) if images else 0, "image", "images"),
        ]
    finally:
        engine.close()


def _counted(number: int, one: str, many: str) -> str:
    return f"removed {number} {one if number == 1 else many}" if number else ""
