"""What data can get wrong."""

from fnn.spec import FnnError


class DataError(FnnError):
    """Data is missing, damaged, or not what its use asks for."""
