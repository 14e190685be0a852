"""Memory of a process: its budget on each device, the blocks that follow from it, and what is done when it is refused.

Everything whose memory grows with the number of images goes through the networks in blocks of rows. How many rows fit
is measured once for a kind of work and its networks, and remembered. On a CPU there are never so many that their maps
have to be had from the system afresh each time, which takes longer than to compute them:

    block = budget_of(device).block("loss and gradient", generator, distance)
    rows = block.rows(wanted, lambda: evaluate(points[:1]))
    parts = finish(in_blocks(len(points), rows, block, lambda part: evaluate(points[part])))

Where memory is refused all the same, the block is halved, that is remembered, and the same rows are computed again.

Environment:

- `PULLBACK_MEMORY`: what a process may take on a device, such as `8GiB`; a share of what is free there when unset.

Names are imported when they are first used: sizes are read without torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
