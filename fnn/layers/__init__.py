"""The layers, one a file: forward, backward, initialization and shape rule together."""

from fnn.layers.activation import Activation
from fnn.layers.batch_norm import BatchNorm
from fnn.layers.dense import Dense
from fnn.layers.dropout import Dropout
from fnn.layers.embedding import Embedding
from fnn.layers.flatten import Flatten
from fnn.layers.layer_norm import LayerNorm
from fnn.layers.softmax import Softmax

__all__ = [
    "Activation",
    "BatchNorm",
    "Dense",
    "Dropout",
    "Embedding",
    "Flatten",
    "LayerNorm",
    "Softmax",
]
