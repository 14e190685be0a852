"""Disposable processes: files that clients send are read there, within limits, and nowhere else.

Whatever a file does to its reader (a table whose keys take for ever to hash, an array of claimed terabytes, a broken
codec), it does it to a process that is thrown away.

- `pool`: the server's side. It never unpickles what such a process says.
- `process`: the other side.
- `directions`: what is read there.
"""
