"""Statistics of metrics: the quantities of the tables and figures of Wang & Ponce (ICLR 2021), and of subspaces.

Pure functions over float64 arrays; NumPy only. A metric H has shape (n, n), metrics at several positions (p, n, n),
a spectrum (n,), vectors (n, k), one a column.

Wang & Ponce, "The Geometry of Deep Generative Image Models and its Applications" (ICLR 2021), is "the paper" here.
"""

from pullback.geometry.statistics.comparison import MetricComparison as MetricComparison
from pullback.geometry.statistics.comparison import compare_metrics as compare_metrics
from pullback.geometry.statistics.comparison import summarize_comparisons as summarize_comparisons
from pullback.geometry.statistics.energy import captured_energy as captured_energy
from pullback.geometry.statistics.homogeneity import Consistency as Consistency
from pullback.geometry.statistics.homogeneity import Homogeneity as Homogeneity
from pullback.geometry.statistics.homogeneity import metric_action as metric_action
from pullback.geometry.statistics.homogeneity import metric_consistency as metric_consistency
from pullback.geometry.statistics.homogeneity import metric_homogeneity as metric_homogeneity
from pullback.geometry.statistics.spectrum import TABLE_2_FRACTIONS as TABLE_2_FRACTIONS
from pullback.geometry.statistics.spectrum import SpectrumBand as SpectrumBand
from pullback.geometry.statistics.spectrum import dims_for as dims_for
from pullback.geometry.statistics.spectrum import effective_rank as effective_rank
from pullback.geometry.statistics.spectrum import participation_ratio as participation_ratio
from pullback.geometry.statistics.spectrum import spectrum_band as spectrum_band
from pullback.geometry.statistics.speed import SpeedMoments as SpeedMoments
from pullback.geometry.statistics.speed import apparent_speed as apparent_speed
from pullback.geometry.statistics.speed import apparent_speed_moments as apparent_speed_moments
from pullback.geometry.statistics.speed import sample_apparent_speed as sample_apparent_speed
from pullback.geometry.statistics.subspaces import geodesic_distance as geodesic_distance
from pullback.geometry.statistics.subspaces import principal_angles as principal_angles
from pullback.geometry.statistics.subspaces import projection_distance as projection_distance
from pullback.geometry.statistics.subspaces import random_subspace as random_subspace
from pullback.geometry.statistics.summary import Summary as Summary
from pullback.geometry.statistics.summary import summarize as summarize
