#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Writes a model as a C++ header and source: `microplan embed` for build systems that call a script."""

import sys

# This folder has the package's sources, without the extension: what counts is the installed package.
sys.path.pop(0)

try:
    from microplan.cli import main
except ImportError as error:
    sys.exit(f"embed_model.py needs the Python package microplan ({error}). pip install microplan")

if __name__ == "__main__":
    main(["embed", *sys.argv[1:]], prog_name="embed_model.py")
