# SPDX-License-Identifier: Apache-2.0
"""Text from the package's templates: render()."""

from __future__ import annotations

from collections.abc import Mapping

import jinja2

_ENVIRONMENT = jinja2.Environment(
    loader=jinja2.PackageLoader("microplan"),
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    # The others are C++.
    autoescape=lambda name: name is not None and name.endswith(".svg.j2"),
)


def render(template: str, values: Mapping[str, object]) -> str:
    return _ENVIRONMENT.get_template(template).render(values)
