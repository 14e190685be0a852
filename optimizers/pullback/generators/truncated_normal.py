"""Moments of truncated normal numbers, as BigGAN's samplers draw them. Imports no torch."""

from __future__ import annotations

import math

# Where they are cut, in standard deviations of the normal distribution.
CUT = 2.0
# Their own standard deviation, .88: Var z = 1 − 2 c φ(c) / (2 Φ(c) − 1) of a standard normal z within ±c.
DEVIATION = math.sqrt(1 - 2 * CUT * math.exp(-(CUT**2) / 2) / math.sqrt(2 * math.pi) / math.erf(CUT / math.sqrt(2)))
