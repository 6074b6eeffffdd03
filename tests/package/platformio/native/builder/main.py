# SPDX-License-Identifier: Apache-2.0
"""Builds a program for the machine that runs PlatformIO; the target `exec` runs it."""

from __future__ import annotations

import shutil

from SCons.Script import AlwaysBuild, Default, DefaultEnvironment

env = DefaultEnvironment()
if shutil.which("ccache"):
    env.Replace(CC="ccache gcc", CXX="ccache g++", LINK="g++")

program = env.BuildProgram()
AlwaysBuild(env.Alias("exec", program, "$PROGPATH"))
Default(program)
