"""A Keras 3 model."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


def make(folder: Path) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """Write ``model.keras``; returns the function that scores as Keras itself does."""
    os.environ["KERAS_BACKEND"] = "torch"
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((32, 32, 1))
    maps = keras.layers.Conv2D(4, 3, activation="relu")(image)
    maps = keras.layers.BatchNormalization()(maps)
    pooled = keras.layers.Dropout(0.5)(keras.layers.GlobalAveragePooling2D()(maps))
    model = keras.Model(image, keras.layers.Dense(1, activation="sigmoid")(pooled))
    model.compile("adam", "binary_crossentropy")
    model.save(folder / "model.keras")

    def scores(images: NDArray[np.float32]) -> NDArray[np.float32]:
        found: NDArray[np.float32] = model.predict(images.transpose(0, 2, 3, 1), verbose=0)
        return found

    return scores
