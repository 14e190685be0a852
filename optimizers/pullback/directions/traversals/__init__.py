"""Traversals: one file for each way to walk; layers of w+ to walk in; frames, their distances, and pictures of them."""

from pullback.directions.traversals.curve import curve as curve
from pullback.directions.traversals.density_preserving import density_preserving as density_preserving
from pullback.directions.traversals.layered import layer_count as layer_count
from pullback.directions.traversals.layered import lift as lift
from pullback.directions.traversals.layered import mapped as mapped
from pullback.directions.traversals.layered import spread as spread
from pullback.directions.traversals.linear import linear as linear
from pullback.directions.traversals.measurement import frame_distances as frame_distances
from pullback.directions.traversals.measurement import measure_walk as measure_walk
from pullback.directions.traversals.measurement import measured_frames as measured_frames
from pullback.directions.traversals.metric_uniform import metric_uniform as metric_uniform
from pullback.directions.traversals.pictures import animation as animation
from pullback.directions.traversals.pictures import strip as strip
from pullback.directions.traversals.spherical import spherical as spherical
from pullback.directions.traversals.subspace import subspace as subspace
from pullback.directions.traversals.walk import Walk as Walk
from pullback.directions.traversals.walk import even_steps as even_steps
