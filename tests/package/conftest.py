# SPDX-License-Identifier: Apache-2.0
"""What the package tests share: the boards and examples they build, and PlatformIO without its registry."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PLATFORMS = Path(__file__).parent / "platformio"

SCONS = """\
import SCons.Script

SCons.Script.main()
"""

# `pio pkg pack` downloads the list of licences to look ours up in.
PIO = """\
import sys

from platformio.__main__ import main
from platformio.package.manifest.schema import ManifestSchema

ManifestSchema.load_spdx_licenses = staticmethod(lambda: {"licenses": [{"licenseId": "Apache-2.0"}]})
sys.exit(main())
"""


def _install(folder: Path, kind: str, name: str, version: str) -> None:
    """Adds what PlatformIO's package manager notes about a package that it has installed from its registry."""
    spec = {"owner": "platformio", "id": None, "name": name, "requirements": None, "uri": None}
    note = {"type": kind, "name": name, "version": version, "spec": spec}
    (folder / ".piopm").write_text(json.dumps(note))


@pytest.fixture(scope="session")
def platformio_core(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """PlatformIO's folder with what it would download: its build tool, and the platforms `native` and `qemu`."""
    dependencies = pytest.importorskip("platformio.dependencies", reason="needs PlatformIO: pip install platformio")
    core = tmp_path_factory.mktemp("platformio")
    shutil.copytree(PLATFORMS, core / "platforms")
    for name in ("native", "qemu"):
        _install(core / "platforms" / name, "platform", name, "1.0.0")

    # PyPI's SCons instead of PlatformIO's package of it, under the version that PlatformIO asks for.
    scons = core / "packages" / "tool-scons"
    scons.mkdir(parents=True)
    version = dependencies.get_core_dependencies()["tool-scons"].lstrip("~")
    (scons / "scons.py").write_text(SCONS)
    (scons / "package.json").write_text(json.dumps({"name": "tool-scons", "version": version}))
    _install(scons, "tool", "tool-scons", version)
    return core


@pytest.fixture(scope="session")
def pio(platformio_core: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Runs `pio`; further options: the Python, and changes of the environment."""

    def run(
        *arguments: str | Path, python: str | Path = sys.executable, **environment: str
    ) -> subprocess.CompletedProcess[str]:
        offline = {
            "PLATFORMIO_CORE_DIR": str(platformio_core),
            "PLATFORMIO_DISABLE_UPGRADE_CHECK": "true",
            "PLATFORMIO_SETTING_ENABLE_TELEMETRY": "no",
        }
        return subprocess.run(
            [python, "-c", PIO, *arguments],
            env={**os.environ, **offline, **environment},
            capture_output=True,
            text=True,
            timeout=600,
        )

    return run
