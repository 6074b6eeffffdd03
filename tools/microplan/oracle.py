# SPDX-License-Identifier: Apache-2.0
"""The reference: TensorFlow Lite Micro on this machine, else LiteRT.

OracleRunner runs it in a process of its own, because neither of them survives every model.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from microplan.errors import MicroplanError
from microplan.inputs import Sample
from microplan.interpreter import Array
from microplan.planning import ModelFile

# By preference: name, module that must be there.
ORACLES = {"tflite-micro": "tflite_micro", "litert": "ai_edge_litert"}


def available_oracles() -> list[str]:
    return [name for name, module in ORACLES.items() if importlib.util.find_spec(module)]


class OracleRunner:
    """Runs the samples in an oracle; `tensors` are the indices of those to return."""

    def __init__(self, name: str, model: ModelFile, tensors: Sequence[int]) -> None:
        self.name = name
        self._model = model
        self._tensors = list(tensors)

    def run(self, samples: Sequence[Sample], *, reset_each: bool) -> list[dict[int, Array]]:
        """The tensors after each sample; MicroplanError when the oracle refuses the model or crashes."""
        with tempfile.TemporaryDirectory(prefix="microplan-") as folder:
            model, inputs, results = (Path(folder) / name for name in ("model", "inputs.npz", "results.npz"))
            model.write_bytes(self._model.content)
            _save(inputs, {str(i): np.stack(column) for i, column in enumerate(zip(*samples, strict=True))})
            command = [sys.executable, "-m", "microplan.oracle", self.name]
            command += [str(model), str(inputs), str(results), "reset" if reset_each else "keep"]
            command += [",".join(map(str, self._tensors))]
            done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
            if done.returncode != 0 or not results.exists():
                lines = done.stderr.strip().splitlines()
                raise MicroplanError(
                    f"{self.name} does not run {self._model.name} (exit code {done.returncode}): "
                    f"{lines[-1] if lines else 'it said nothing'}. Nothing is compared with it."
                )
            with np.load(results) as arrays:
                columns = {tensor: arrays[str(tensor)] for tensor in self._tensors}
        return [{tensor: column[i] for tensor, column in columns.items()} for i in range(len(samples))]


class _Oracle(Protocol):
    def reset(self) -> None: ...
    def invoke(self, sample: Sample) -> None: ...
    def tensor(self, index: int) -> Array: ...


class _TfliteMicro:
    def __init__(self, model: bytes) -> None:
        from tflite_micro.python.tflite_micro import runtime

        self._interpreter: Any = runtime.Interpreter.from_bytes(
            model, intrepreter_config=runtime.InterpreterConfig.kPreserveAllTensors
        )

    def reset(self) -> None:
        self._interpreter.reset()

    def invoke(self, sample: Sample) -> None:
        for index, array in enumerate(sample):
            self._interpreter.set_input(array, index)
        self._interpreter.invoke()

    def tensor(self, index: int) -> Array:
        return np.asarray(self._interpreter.GetTensor(index, 0)["tensor_data"])


class _LiteRt:
    def __init__(self, model: bytes) -> None:
        from ai_edge_litert import interpreter

        self._interpreter: Any = interpreter.Interpreter(
            model_content=model,
            experimental_op_resolver_type=interpreter.OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
            experimental_preserve_all_tensors=True,
        )
        self._interpreter.allocate_tensors()
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]

    def reset(self) -> None:
        self._interpreter.reset_all_variables()

    def invoke(self, sample: Sample) -> None:
        for index, array in zip(self._inputs, sample, strict=True):
            self._interpreter.set_tensor(index, array)
        self._interpreter.invoke()

    def tensor(self, index: int) -> Array:
        return np.asarray(self._interpreter.get_tensor(index))


def _main(name: str, model: str, inputs: str, results: str, reset: str, tensors: str) -> None:
    content = Path(model).read_bytes()
    oracle: _Oracle = _TfliteMicro(content) if name == "tflite-micro" else _LiteRt(content)
    columns: dict[str, list[Array]] = {index: [] for index in tensors.split(",")}
    with np.load(inputs) as arrays:
        samples = list(zip(*(arrays[str(i)] for i in range(len(arrays))), strict=True))
    oracle.reset()
    for sample in samples:
        if reset == "reset":
            oracle.reset()
        oracle.invoke(list(sample))
        for index, column in columns.items():
            column.append(oracle.tensor(int(index)).copy())
    _save(Path(results), {index: np.stack(column) for index, column in columns.items()})


def _save(path: Path, arrays: dict[str, Array]) -> None:
    np.savez(path, **arrays)  # type: ignore[arg-type]  # numpy's stub takes the keywords for its options


if __name__ == "__main__":
    _main(*sys.argv[1:])
