"""The error of a picture that cannot be used."""


class PictureError(ValueError):
    """A picture that cannot be used; says what came, what was expected and what to do.

    The message names no file and no field: whoever catches it knows which picture it was.
    """
