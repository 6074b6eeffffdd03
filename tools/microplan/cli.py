# SPDX-License-Identifier: Apache-2.0
"""The command `microplan`: the commands, and the package's errors as messages and exit codes."""

from __future__ import annotations

from typing import Any

import click

from microplan import __version__
from microplan.commands import bench, boards, build, check, run, size, validate
from microplan.errors import MicroplanError, UsageError


class _WrongUse(click.ClickException):
    exit_code = 2


class _Group(click.Group):
    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UsageError as error:
            raise _WrongUse(str(error)) from error
        except MicroplanError as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="microplan")
def main() -> None:
    """Neural networks on microcontrollers: from a .tflite file to firmware.

    Exit codes: 0, 1 for a check that failed, 2 for wrong use.
    """


for command in (
    check.check,
    build.embed_command,
    size.size,
    build.build_command,
    run.run,
    validate.validate,
    bench.bench,
    boards.boards,
    boards.operators,
):
    main.add_command(command)
