"""Studio: pages in a browser to see, steer and judge, of a program that is a client of the server like any other.

`pages/` has a file for each page, `parts/` what several show; `doors.py` and `visitors.py` say who comes in.
"""
