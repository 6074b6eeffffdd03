# SPDX-License-Identifier: Apache-2.0
"""The commands of `microplan`, one module for each family."""
