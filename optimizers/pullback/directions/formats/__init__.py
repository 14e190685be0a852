"""Published files of directions, one module for each format; none of them runs anything that a file holds."""
