"""What every test gets: shape checks on the library, and a terminal of one width."""

from __future__ import annotations

import os

from jaxtyping import install_import_hook

# Tables are not wrapped, whatever terminal the tests run in.
os.environ["COLUMNS"] = "200"

# Must stand before the first import of the library.
install_import_hook("pullback", "beartype.beartype")
