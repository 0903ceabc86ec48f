"""Digits from nothing to a test accuracy: fnn."""

import fnn

result = fnn.train(fnn.mlp([32], 10), "digits", epochs=20, fractions=(0.8, 0, 0.2))
assert result.test is not None
print(f"accuracy {result.test['accuracy']:.4f}")
