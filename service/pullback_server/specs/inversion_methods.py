"""The names of the contract's enumerations in the numerical library."""

from __future__ import annotations

from pullback_api.v1 import specs_pb2

INVERSION_METHODS: dict[specs_pb2.InversionMethod, str] = {
    specs_pb2.INVERSION_METHOD_ADAM: "adam",
    specs_pb2.INVERSION_METHOD_HESSIAN_ADAM: "hessian_adam",
    specs_pb2.INVERSION_METHOD_LBFGS: "lbfgs",
    specs_pb2.INVERSION_METHOD_BASIN_CMA: "basin_cma",
    specs_pb2.INVERSION_METHOD_BASIN_CMA_HESSIAN_ADAM: "basin_cma_hessian_adam",
    specs_pb2.INVERSION_METHOD_HESSIAN_BASIN_CMA: "hessian_basin_cma",
    specs_pb2.INVERSION_METHOD_LEVENBERG_MARQUARDT: "levenberg_marquardt",
}
BASES: dict[specs_pb2.InversionBasis, str] = {
    specs_pb2.INVERSION_BASIS_NONE: "none",
    specs_pb2.INVERSION_BASIS_GLOBAL: "global",
    specs_pb2.INVERSION_BASIS_SEPARATE: "separate",
    specs_pb2.INVERSION_BASIS_LOCAL: "local",
}
SCHEDULES: dict[specs_pb2.Schedule, str] = {
    specs_pb2.SCHEDULE_CONSTANT: "constant",
    specs_pb2.SCHEDULE_COSINE: "cosine",
}
STARTS: dict[specs_pb2.Start, str] = {
    specs_pb2.START_PRIOR: "prior",
    specs_pb2.START_MEAN: "mean",
    specs_pb2.START_BANK: "bank",
}
