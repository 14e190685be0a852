"""The perceptual study of axes: Wang & Ponce (ICLR 2021), section 6, ready to be run. Nothing here draws.

`protocol.py` makes the trials, `responses.py` keeps what people said, `table.py` computes what was published of it.
"""
