# SPDX-License-Identifier: Apache-2.0
"""Neural networks on microcontrollers: the planner and executor of the firmware, on the laptop.

it = microplan.Interpreter("digits.tflite")
(scores,) = it.invoke(it.inputs[0].quantize(pixels))
"""

from microplan import _core
from microplan.errors import MicroplanError, ModelError, UsageError
from microplan.interpreter import Interpreter, Tensor
from microplan.planning import Form, ModelFile, Plan, plan, verify_plan

__all__ = [
    "Form",
    "Interpreter",
    "MicroplanError",
    "ModelError",
    "ModelFile",
    "Plan",
    "Tensor",
    "UsageError",
    "__version__",
    "plan",
    "verify_plan",
]

__version__ = _core.VERSION
