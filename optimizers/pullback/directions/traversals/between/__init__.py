"""Walks from one latent to another: one file for each way; steps go from 0, the one, to 1, the other."""

from pullback.directions.traversals.between.constant_density import constant_density as constant_density
from pullback.directions.traversals.between.geodesic import geodesic as geodesic
from pullback.directions.traversals.between.great_circle import great_circle as great_circle
from pullback.directions.traversals.between.straight import straight as straight
