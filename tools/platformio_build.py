# SPDX-License-Identifier: Apache-2.0
"""What PlatformIO runs once for each environment that uses the library (`extraScript` in library.json).

It chooses compiler options, and embeds the models that the project's platformio.ini names:

    custom_microplan_model = model.tflite

The application then includes "model.h" and is linked with what belongs to it. Several models, separated by blanks,
share one arena: the application includes "models.h". Kernels are chosen for the core that the environment compiles for,
or for the features that are named; what they are chosen by is an option, too. The build fails, and tells what to cut,
when the models need more RAM or flash than a budget:

    custom_microplan_features = dsp,fpu
    custom_microplan_prefer = balanced | speed | ram | flash
    custom_microplan_budget_ram = 20K
    custom_microplan_budget_flash = 64K
"""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from SCons.Script import Import

OPTION = "custom_microplan_model"
FEATURES_OPTION = "custom_microplan_features"
# Those that are passed on as they are.
PASSED_OPTIONS = {
    "custom_microplan_prefer": "--prefer",
    "custom_microplan_budget_ram": "--budget-ram",
    "custom_microplan_budget_flash": "--budget-flash",
}


def set_options(env: Any, projenv: Any) -> None:
    """`env` compiles the library, `projenv` the application."""
    # Platforms optimize for size, which makes kernels slow. First in the row, so that the project's own -O comes after
    # and wins.
    env.Replace(CCFLAGS=["-O2", *(flag for flag in env["CCFLAGS"] if flag != "-Os")])
    for each in (env, projenv):
        # Plans have equal bytes everywhere only when no compiler fuses a multiplication with an addition; the headers'
        # quantize() promises the same to the application.
        each.Append(CCFLAGS=["-ffp-contract=off"])
        if not any(re.match(r"-std=(c|gnu)\+\+(17|1z|2)", str(flag)) for flag in each["CXXFLAGS"]):
            each.Append(CXXFLAGS=["-std=gnu++17"])


def embed_command(env: Any, version: str) -> list[str]:
    """`microplan embed`, from the Python that runs PlatformIO or from the PATH."""
    if importlib.util.find_spec("microplan"):
        return [sys.executable, "-c", "from microplan.cli import main; main()", "embed"]
    if command := shutil.which("microplan", path=env["ENV"]["PATH"]):
        return [command, "embed"]
    sys.exit(
        f"{OPTION} in platformio.ini needs the Python package microplan, which is neither in the Python that runs "
        f"PlatformIO nor on the PATH. Install it and build again: {sys.executable} -m pip install "
        f"microplan=={version}"
    )


def embed_models(env: Any, projenv: Any, version: str) -> None:
    names = env.subst(env.GetProjectOption(OPTION, "")).split()
    if not names:
        return
    models = [Path(env.subst("$PROJECT_DIR"), name) for name in names]
    if len({model.stem for model in models}) < len(models):
        sys.exit(f"{OPTION} in platformio.ini names two models alike. Rename one: {', '.join(names)}")
    command = embed_command(env, version)
    if features := env.GetProjectOption(FEATURES_OPTION, ""):
        command += ["--features", features]
    else:
        command += ["--compiler", projenv.subst("$CXX $CCFLAGS")]
    for name, option in PASSED_OPTIONS.items():
        if value := env.GetProjectOption(name, ""):
            command += [option, value]
    # A folder for these models: one that is no longer named leaves its files behind.
    folder = Path(env.subst("$BUILD_DIR"), "microplan", "+".join(model.stem for model in models))
    # The compiler may be on the environment's own PATH.
    variables = {**os.environ, "PATH": env["ENV"]["PATH"]}
    result = subprocess.run([*command, *map(str, models), "--out", str(folder)], check=False, env=variables)
    if result.returncode != 0:
        sys.exit(f"{OPTION} in platformio.ini: {' '.join(names)} could not be embedded.")
    projenv.Append(CPPPATH=[str(folder)])
    projenv.BuildSources(str(folder / "build"), str(folder), "+<*.cpp>")


Import("env", "projenv", "pio_lib_builder")
set_options(env, projenv)  # noqa: F821  # Import() made these names
embed_models(env, projenv, pio_lib_builder.version)  # noqa: F821
