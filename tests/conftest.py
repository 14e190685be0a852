"""What every test gets: shape checks on the library."""

from __future__ import annotations

from jaxtyping import install_import_hook

# Must stand before the first import of the library.
install_import_hook("pullback", "beartype.beartype")
