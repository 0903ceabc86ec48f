"""A diagnosis as a value: what kind of mistake a wrong gradient looks like, and its details."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum, auto


class Mistake(StrEnum):
    """Kinds of mistakes. `fnn.audit.diagnose.wording` has the text of each."""

    UNKNOWN = auto()
    """elements are off, and no kind of mistake fits"""
    SHAPE = auto()
    ABSENT = auto()
    """the layer gives no gradient for the leaf"""
    GATHERING = auto()
    """a combinator gathers its layers' right gradients wrongly"""
    COTANGENT = auto()
    """a combinator hands a layer that is right by itself a wrong cotangent"""

    NOT_FINITE = auto()
    FEW_ELEMENTS = auto()
    """one element, or a small share of them; `factor` says by how much the first is off"""
    ELEMENTS_MISSING = auto()
    SLICE_MISSING = auto()
    SLICE_WRONG = auto()
    CLIPPED = auto()
    ROUNDED = auto()
    """right to a narrower number's digits; `tensor` is its dtype"""

    TRANSPOSED = auto()
    WEIGHT_NOT_TRANSPOSED = auto()
    REVERSED = auto()
    SHIFTED = auto()
    EXCHANGED = auto()
    PERMUTED = auto()
    SWAPPED = auto()
    """the gradient of another leaf"""
    BROADCAST = auto()
    """the same along an axis: the mean, the sum, one slice or something else"""

    MISSING = auto()
    SPURIOUS = auto()
    """something flows where zero is right"""
    SIGN = auto()
    TWICE = auto()
    HALF = auto()
    RELATIVE_ERROR = auto()
    NOT_DIVIDED = auto()
    """a factor that is a size (batch, features, members, a number of the spec) or its square"""
    DIVIDED_AGAIN = auto()
    """… or one over it"""
    FACTOR = auto()
    FACTOR_PER_SLICE = auto()

    WRONG_TENSOR = auto()
    """`tensor` is used in place of `role`"""
    WRONG_AXIS = auto()
    TERM_MISSING = auto()
    TERM_ADDED = auto()
    TERM_REPEATED = auto()
    """a term that belongs there is counted once more"""
    TERM_SCALED = auto()
    TERM_SIGN = auto()
    LEFT_OUT = auto()
    """a factor: the slope of a function, a mask, x̂"""
    NUMBER_FORGOTTEN = auto()
    """as if a number of the spec were 0, 1 or infinite (`value`)"""
    PARAMETER_UPDATED = auto()

    SLOPE_TWICE = auto()
    SLOPE_ELSEWHERE = auto()
    """the derivative is taken at another tensor"""
    SLOPE_IS_TENSOR = auto()
    """a tensor stands in the place of the derivative"""
    SLOPE_WRONG = auto()
    MASK_MISPLACED = auto()
    MASK_VALUES = auto()

    ROWS_MISALIGNED = auto()
    ONLY_ONE_OF_SUM = auto()
    ONE_MISSING_FROM_SUM = auto()
    ONE_TWICE_IN_SUM = auto()
    DUPLICATES_OVERWRITTEN = auto()
    DUPLICATES_AVERAGED = auto()

    OTHER_TARGET = auto()
    OTHER_LOSS = auto()
    DERIVATIVE_ON_TOP = auto()
    """of a sigmoid or softmax that the loss holds already"""
    LINK_FORGOTTEN = auto()
    """the output itself stands for its sigmoid or softmax"""
    WEIGHTS_LEFT_OUT = auto()
    WEIGHTS_TWICE = auto()

    CONSTANT_STATISTICS = auto()
    RUNNING_STATISTICS = auto()
    UNBIASED_VARIANCE = auto()
    VARIANCE_FOR_DEVIATION = auto()
    SCALE_OUTSIDE = auto()
    TERM_FACTORS = auto()
    PROJECTION = auto()
    """a part that normalization takes away is missing or wrong"""
    JACOBIAN_DIAGONAL = auto()
    INNER_SUM = auto()
    """softmax's Σ dy y"""


@dataclass(frozen=True)
class Diagnosis:
    """A kind of mistake with its details, of which each kind sets those that it has."""

    kind: Mistake
    factor: float | None = None
    """what the right gradient, or the term, is multiplied by"""
    tensor: str = ""
    """the tensor, term, number or size that it is about"""
    role: str = ""
    """what that tensor is used as, or over"""
    axis: int | None = None
    unit: str = ""
    """what the indices of the axis count: example, feature, row, …"""
    index: tuple[int, ...] = ()
    count: int | None = None
    """elements that are off"""
    total: int | None = None
    """… of so many"""
    value: float | None = None
    """the number used where another is right"""
    values: tuple[float, ...] = ()
    shapes: tuple[tuple[int, ...], ...] = ()
    """of the gradient, and the right one's"""
    power: int = 1
    """of a size"""
