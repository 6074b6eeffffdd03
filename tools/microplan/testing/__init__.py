# SPDX-License-Identifier: Apache-2.0
"""Helpers for tests and training scripts; the tools and the firmware do not need them."""
