"""Train three small models and record each as a run: ``python train.py``.

The task is real, the data are made up: pictures of digits, 8 by 8 pixels, as a pocket calculator
would show them, moved about and noisy. The model is softmax regression, trained with numpy alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

import airtape

Floats: TypeAlias = NDArray[np.float64]
Labels: TypeAlias = NDArray[np.int64]

SEGMENTS = ("012456", "25", "02346", "02356", "1235", "01356", "013456", "025", "0123456", "012356")
"""The bars that are lit for each digit: 0 top, 1-2 upper, 3 middle, 4-5 lower, 6 bottom."""

BARS = (
    (0, 1, 0, 4),
    (0, 3, 0, 1),
    (0, 3, 3, 4),
    (3, 4, 0, 4),
    (3, 7, 0, 1),
    (3, 7, 3, 4),
    (6, 7, 0, 4),
)
"""Where each bar lies: first row, row behind the last, first column, column behind the last."""


@dataclass(frozen=True)
class Hyperparameters:
    """What the three runs differ in."""

    learning_rate: float
    batch_size: int
    weight_decay: float
    epochs: int = 12
    seed: int = 0


CHOICES = (
    Hyperparameters(learning_rate=0.05, batch_size=64, weight_decay=0.0),
    Hyperparameters(learning_rate=0.8, batch_size=64, weight_decay=1e-4),
    Hyperparameters(learning_rate=0.5, batch_size=16, weight_decay=1e-2),
)


def draw(digit: int) -> Floats:
    """Return a digit as it looks without noise, 8 by 8 pixels."""
    picture = np.zeros((8, 8))
    for segment in SEGMENTS[digit]:
        top, bottom, left, right = BARS[int(segment)]
        picture[top:bottom, left:right] = 1.0
    return picture


def make_digits(count: int, seed: int) -> tuple[Floats, Labels]:
    """Return pictures, one per row, and the digits that they show."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 10, count)
    pictures = np.stack(
        [np.roll(draw(label), random.integers(0, 2, 2), axis=(0, 1)) for label in labels]
    )
    pictures *= random.uniform(0.5, 1.0, (count, 1, 1))
    pictures += random.normal(0.0, 0.2, pictures.shape)
    return pictures.reshape(count, -1), labels


@dataclass
class SoftmaxRegression:
    """Ten linear functions of the pixels; the largest one wins."""

    weights: Floats
    biases: Floats

    def probabilities(self, pictures: Floats) -> Floats:
        """Return how likely each digit is, for each picture."""
        scores = pictures @ self.weights + self.biases
        likelihoods: Floats = np.exp(scores - scores.max(axis=1, keepdims=True))
        likelihoods /= likelihoods.sum(axis=1, keepdims=True)
        return likelihoods

    def score(self, pictures: Floats, labels: Labels) -> tuple[float, float]:
        """Return the mean cross entropy and the share of pictures that are recognised."""
        probabilities = self.probabilities(pictures)
        loss = -np.log(probabilities[np.arange(len(labels)), labels] + 1e-12).mean()
        return float(loss), float((probabilities.argmax(axis=1) == labels).mean())

    def step(self, pictures: Floats, labels: Labels, chosen: Hyperparameters) -> float:
        """Move one step down the gradient and return the gradient's length."""
        errors = self.probabilities(pictures)
        errors[np.arange(len(labels)), labels] -= 1.0
        gradient = pictures.T @ errors / len(labels) + chosen.weight_decay * self.weights
        self.weights -= chosen.learning_rate * gradient
        self.biases -= chosen.learning_rate * errors.mean(axis=0)
        return float(np.linalg.norm(gradient))


def batches(count: int, size: int, random: np.random.Generator) -> Iterator[Labels]:
    """Yield the places of the pictures in one epoch, a batch at a time, in random order."""
    order = random.permutation(count)
    for start in range(0, count - size + 1, size):
        yield order[start : start + size]


def train(chosen: Hyperparameters) -> None:
    """Train one model and record it as a run."""
    pictures, labels = make_digits(2_000, seed=1)
    unseen = make_digits(1_000, seed=2)
    random = np.random.default_rng(chosen.seed)
    model = SoftmaxRegression(weights=np.zeros((64, 10)), biases=np.zeros(10))

    with airtape.init(project="digits", config=asdict(chosen), tags=["softmax"]) as run:
        run.define_metric("train/loss", summary="min,last")
        run.define_metric("epoch", hidden=True)
        run.define_metric("eval/*", step_metric="epoch")
        for epoch in range(chosen.epochs):
            for batch in batches(len(labels), chosen.batch_size, random):
                gradient = model.step(pictures[batch], labels[batch], chosen)
                loss, accuracy = model.score(pictures[batch], labels[batch])
                run.log(
                    {"train/loss": loss, "train/accuracy": accuracy, "train/gradient": gradient}
                )
            loss, accuracy = model.score(*unseen)
            run.log({"epoch": epoch, "eval/loss": loss, "eval/accuracy": accuracy})


if __name__ == "__main__":
    for choice in CHOICES:
        train(choice)
