"""Refusals of memory, and devices that are lost to this process, told by what was raised. Needs no torch."""

from __future__ import annotations

# cuBLAS and cuDNN allocate by themselves, and torch hands on what they say as a RuntimeError, as it does what its own
# allocator of the CPU says.
_REFUSALS = (
    "out of memory",
    "can't allocate memory",
    "not enough memory",
    "cublas_status_alloc_failed",
    "cudnn_status_alloc_failed",
    "cudnn_status_internal_error_device_allocation_failed",
    "cudnn_status_internal_error_host_allocation_failed",
    "cusolver_status_alloc_failed",
    "cufft_alloc_failed",
    "failed to allocate memory",
    "std::bad_alloc",
)
# After these every call that touches the device fails, until the process ends.
_LOSSES = (
    "illegal memory access",
    "illegal address",
    "device-side assert",
    "unspecified launch failure",
    "misaligned address",
    "illegal instruction",
    "invalid program counter",
    "invalid address space",
    "hardware stack error",
    "launch timed out",
    "uncorrectable ecc error",
    "nvlink error",
)
_DEVICES = ("cuda error", "hip error", "cublas_status", "cudnn_status", "acceleratorerror")


def is_refusal(error: BaseException) -> bool:
    """Whether memory was refused, by the system or by a device; with less at once the same may go well."""
    # By its name, so that who knows no torch need not load it.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and not is_context_lost(error) and _says(error, _REFUSALS)


def is_context_lost(error: BaseException) -> bool:
    """Whether the device is lost to this process: whatever is asked of it fails from now on."""
    return isinstance(error, RuntimeError) and _says(error, _LOSSES) and _says(error, _DEVICES)


def _says(error: BaseException, phrases: tuple[str, ...]) -> bool:
    text = str(error).lower()
    return any(phrase in text for phrase in phrases)
