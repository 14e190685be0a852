"""Methods that find directions, one a file or a folder."""
