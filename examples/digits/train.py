# SPDX-License-Identifier: Apache-2.0
"""Trains the digits network, quantizes it to int8 and writes everything else that lies in this folder.

PyTorch trains the float network, `microplan.testing.tflite_writer` writes the int8 file, and the accuracy is
what the reference interpreter, TensorFlow Lite Micro, makes of the held-out digits. Main function: `main`.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from tflite_micro.python.tflite_micro import runtime
from torch import nn
from torch.nn import functional

from microplan.testing.tflite_writer import ModelWriter, asymmetric_parameters, quantize, symmetric_scale

HERE = Path(__file__).parent
SEED = 1
EPOCHS = 60
BATCH = 32
MAX_PIXEL = 16  # The dataset's pixels count the set bits of a 4x4 block.
SAMPLES_PER_DIGIT = 2

# With these an 8-bit image's bytes, minus 128, are the quantized input. The scale is the file's float32: a
# pixel of 8 lies so close to halfway between two integers that the difference to 1/255 decides.
INPUT_SCALE = float(np.float32(1 / 255))
INPUT_ZERO_POINT = -128


class DigitsNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3, padding=1)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.pointwise = nn.Conv2d(8, 16, 1)
        self.dense = nn.Linear(4 * 4 * 16, 10)

    def activations(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        """Returns the output of every layer that has weights, by the layer's name."""
        conv = functional.relu(self.conv(images))
        depthwise = functional.relu(self.depthwise(conv))
        pointwise = functional.relu(self.pointwise(depthwise))
        pooled = functional.max_pool2d(pointwise, 2)
        # Flattened in the order of the .tflite file: channels last.
        dense = self.dense(pooled.permute(0, 2, 3, 1).flatten(1))
        return {"conv": conv, "depthwise": depthwise, "pointwise": pointwise, "dense": dense}

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.activations(images)["dense"]


def as_batch(pixels: NDArray[np.uint8]) -> torch.Tensor:
    return torch.from_numpy(pixels.astype(np.float32) / MAX_PIXEL).unsqueeze(1)


def train(pixels: NDArray[np.uint8], labels: NDArray[np.int64]) -> DigitsNet:
    torch.manual_seed(SEED)
    # One thread: the order of additions, and with it the weights, is the same in every run.
    torch.set_num_threads(1)
    net = DigitsNet()
    images, targets = as_batch(pixels), torch.from_numpy(labels)
    optimizer = torch.optim.AdamW(net.parameters(), lr=5e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, EPOCHS)
    for _ in range(EPOCHS):
        for batch in torch.randperm(len(images)).split(BATCH):
            optimizer.zero_grad()
            functional.cross_entropy(net(images[batch]), targets[batch]).backward()
            optimizer.step()
        schedule.step()
    return net.eval()


@dataclass(frozen=True)
class Activation:
    """A tensor of the int8 model that the next operator reads."""

    index: int
    scale: float
    zero_point: int


class Quantizer:
    """Writes a trained network's layers as int8 operators, with ranges measured on calibration images."""

    def __init__(self, net: DigitsNet, calibration: torch.Tensor) -> None:
        self.writer = ModelWriter()
        self._net = net
        with torch.no_grad():
            self._ranges = {
                name: (values.min().item(), values.max().item())
                for name, values in net.activations(calibration).items()
            }

    def layer(
        self,
        operator: str,
        name: str,
        source: Activation,
        order: tuple[int, ...],
        channel_axis: int | None,
        shape: tuple[int, ...],
        **options: Any,
    ) -> Activation:
        """Writes a layer that has weights.

        order: the axes of PyTorch's weights in the order of the .tflite file.
        channel_axis: the axis of the written weights that has a scale for each index; None for one scale.
        """
        layer = getattr(self._net, name)
        weights = layer.weight.detach().permute(order).numpy()
        weight_scale = symmetric_scale(weights, channel_axis)
        filter_index = self.writer.tensor(
            f"{name}/weights",
            weights.shape,
            "int8",
            quantize(weights, weight_scale, axis=channel_axis),
            scale=weight_scale,
            quantized_dimension=channel_axis or 0,
        )
        bias = layer.bias.detach().numpy()
        bias_scale = np.float32(source.scale) * weight_scale
        bias_index = self.writer.tensor(
            f"{name}/bias", bias.shape, "int32", quantize(bias, bias_scale, dtype=np.int32), scale=bias_scale
        )
        scale, zero_point = asymmetric_parameters(*self._ranges[name])
        output = self.activation(name, shape, scale, zero_point)
        self.writer.operator(operator, (source.index, filter_index, bias_index), (output.index,), **options)
        return output

    def activation(self, name: str, shape: tuple[int, ...], scale: float, zero_point: int) -> Activation:
        index = self.writer.tensor(name, shape, "int8", scale=scale, zero_point=zero_point)
        return Activation(index, scale, zero_point)


def write_int8(net: DigitsNet, calibration: torch.Tensor) -> bytes:
    """Returns the network as an int8 .tflite file."""
    quantizer = Quantizer(net, calibration)
    writer = quantizer.writer
    image = quantizer.activation("image", (1, 8, 8, 1), INPUT_SCALE, INPUT_ZERO_POINT)

    window = {"padding": "SAME", "stride_w": 1, "stride_h": 1, "fused_activation_function": "RELU"}
    conv = quantizer.layer("CONV_2D", "conv", image, (0, 2, 3, 1), 0, (1, 8, 8, 8), **window)
    depthwise = quantizer.layer(
        "DEPTHWISE_CONV_2D", "depthwise", conv, (1, 2, 3, 0), 3, (1, 8, 8, 8), depth_multiplier=1, **window
    )
    pointwise = quantizer.layer("CONV_2D", "pointwise", depthwise, (0, 2, 3, 1), 0, (1, 8, 8, 16), **window)

    # Neither the maximum nor the reshape computes new values: both keep their input's quantization.
    pooled = quantizer.activation("pooled", (1, 4, 4, 16), pointwise.scale, pointwise.zero_point)
    writer.operator(
        "MAX_POOL_2D",
        (pointwise.index,),
        (pooled.index,),
        padding="VALID",
        stride_w=2,
        stride_h=2,
        filter_width=2,
        filter_height=2,
    )
    flat = quantizer.activation("flat", (1, 256), pooled.scale, pooled.zero_point)
    flat_shape = writer.tensor("flat/shape", (2,), "int32", [1, 256])
    writer.operator("RESHAPE", (pooled.index, flat_shape), (flat.index,), new_shape=[1, 256])

    dense = quantizer.layer("FULLY_CONNECTED", "dense", flat, (0, 1), None, (1, 10))
    # The only output quantization that int8 softmax kernels accept.
    probabilities = quantizer.activation("probabilities", (1, 10), 1 / 256, -128)
    writer.operator("SOFTMAX", (dense.index,), (probabilities.index,), beta=1.0)
    return writer.finish((image.index,), (probabilities.index,))


def classify(model: bytes, pixels: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Returns what the reference interpreter takes each image for."""
    interpreter = runtime.Interpreter.from_bytes(model)
    inputs = quantize(pixels / MAX_PIXEL, INPUT_SCALE, INPUT_ZERO_POINT).reshape(-1, 1, 8, 8, 1)
    answers = []
    for image in inputs:
        interpreter.set_input(image, 0)
        interpreter.invoke()
        answers.append(interpreter.get_output(0).argmax())
    return np.array(answers)


def report(what: str, answers: NDArray[np.int64], labels: NDArray[Any]) -> None:
    right = np.count_nonzero(answers == labels)
    print(f"{what}: {right} of {len(labels)} right, {right / len(labels):.2%}")


def main() -> None:
    digits = load_digits()
    train_pixels, test_pixels, train_labels, test_labels = train_test_split(
        digits.images.astype(np.uint8),
        digits.target.astype(np.int64),
        test_size=0.25,
        random_state=SEED,
        stratify=digits.target,
    )
    net = train(train_pixels, train_labels)
    model = write_int8(net, as_batch(train_pixels))
    (HERE / "digits.tflite").write_bytes(model)

    chosen = np.sort([i for d in range(10) for i in np.flatnonzero(test_labels == d)[:SAMPLES_PER_DIGIT]])
    samples, labels = test_pixels[chosen], test_labels[chosen].astype(np.uint8)
    np.save(HERE / "samples.npy", samples)
    np.save(HERE / "labels.npy", labels)
    seven = samples[np.flatnonzero(labels == 7)[0]]
    Image.fromarray(quantize(seven / MAX_PIXEL, INPUT_SCALE, dtype=np.uint8)).save(HERE / "seven.png")

    with torch.no_grad():
        float_answers = net(as_batch(test_pixels)).argmax(1).numpy()
    print(f"digits.tflite: {len(model)} bytes, {sum(p.numel() for p in net.parameters())} parameters")
    report("float, held-out digits", float_answers, test_labels)
    report("int8, held-out digits", classify(model, test_pixels), test_labels)
    report("int8, samples.npy", classify(model, samples), labels)


if __name__ == "__main__":
    main()
