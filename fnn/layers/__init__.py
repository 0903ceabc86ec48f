"""The layers, one a file: forward, backward, initialization, shape rule and examples together.

`fnn` exports what stands here, so this list is the only one that a new layer is entered in.
"""

from fnn.layers.activation import Activation as Activation
from fnn.layers.batch_norm import BatchNorm as BatchNorm
from fnn.layers.dense import Dense as Dense
from fnn.layers.dropout import Dropout as Dropout
from fnn.layers.embedding import Embedding as Embedding
from fnn.layers.flatten import Flatten as Flatten
from fnn.layers.group_norm import GroupNorm as GroupNorm
from fnn.layers.layer_norm import LayerNorm as LayerNorm
from fnn.layers.rms_norm import RMSNorm as RMSNorm
from fnn.layers.softmax import Softmax as Softmax
