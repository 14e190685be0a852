"""Statistics of directions and of walks: the tables and figures of the papers on Local Basis, ICA and DP-LaSE.

Each file measures one thing and gives a record of arrays and numbers.
"""

from pullback.directions.statistics.density import DensityDrift as DensityDrift
from pullback.directions.statistics.density import density_drift as density_drift
from pullback.directions.statistics.distance_curves import DistanceCurves as DistanceCurves
from pullback.directions.statistics.distance_curves import curve_directions as curve_directions
from pullback.directions.statistics.distance_curves import distance_curves as distance_curves
from pullback.directions.statistics.distance_curves import distances_along as distances_along
from pullback.directions.statistics.frechet import Moments as Moments
from pullback.directions.statistics.frechet import MomentSum as MomentSum
from pullback.directions.statistics.frechet import frechet_distance as frechet_distance
from pullback.directions.statistics.frechet import frechet_distance_of_features as frechet_distance_of_features
from pullback.directions.statistics.frechet import image_moments as image_moments
from pullback.directions.statistics.frechet import prior_moments as prior_moments
from pullback.directions.statistics.perturbation import PerturbationDistances as PerturbationDistances
from pullback.directions.statistics.perturbation import moved_latents as moved_latents
from pullback.directions.statistics.perturbation import perturbation as perturbation
from pullback.directions.statistics.warpage import SubspaceDistances as SubspaceDistances
from pullback.directions.statistics.warpage import Warpage as Warpage
from pullback.directions.statistics.warpage import random_distances as random_distances
from pullback.directions.statistics.warpage import subspace_distances as subspace_distances
from pullback.directions.statistics.warpage import warpage as warpage
from pullback.directions.statistics.ways import Way as Way
from pullback.directions.statistics.ways import along_any as along_any
from pullback.directions.statistics.ways import along_curve as along_curve
from pullback.directions.statistics.ways import along_direction as along_direction
from pullback.directions.statistics.ways import along_local_axis as along_local_axis
