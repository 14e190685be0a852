"""Published files of directions, read in disposable processes of the server."""

from pullback_server.importing.importers import Importers

__all__ = ["Importers"]
