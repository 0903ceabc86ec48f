"""Digits from nothing to a test accuracy: Keras on JAX."""

import os

os.environ["KERAS_BACKEND"] = "jax"

import keras

from experiments.peers.training.digits_scripts.digits import digits

x, y, test_x, test_y = digits()
model = keras.Sequential(
    [
        keras.Input((64,)),
        keras.layers.Dense(32, activation="relu"),
        keras.layers.Dense(10),
    ]
)
model.compile(
    optimizer=keras.optimizers.Adam(0.001),
    loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
    metrics=["accuracy"],
)
model.fit(x, y, batch_size=32, epochs=20, verbose=0)
_, accuracy = model.evaluate(test_x, test_y, batch_size=360, verbose=0)
print(f"accuracy {accuracy:.4f}")
