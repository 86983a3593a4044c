# SPDX-License-Identifier: MIT
"""What the golden scripts share: pinned versions, true float64 in PyTorch, and a file writer whose bytes repeat.

requirements (Python 3.11):
    numpy==2.4.6
    safetensors==0.8.0
    torch==2.15.0
    transformers==5.23.0
"""

import importlib.metadata
import json
import struct

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

PINNED = {"numpy": "2.4.6", "safetensors": "0.8.0", "torch": "2.15.0", "transformers": "5.23.0"}


def check_versions():
    """Other versions may draw other random numbers or add in another order: refuse them rather than differ silently."""
    for package, wanted in PINNED.items():
        found = importlib.metadata.version(package).split("+")[0]
        if found != wanted:
            raise SystemExit(f"{package} {wanted} is needed, found {found}: install the versions in golden.py")
    return {package: importlib.metadata.version(package) for package in PINNED}


class CastsKeepFloat64(TorchFunctionMode):
    """transformers' Mamba widens half precision with .float() and .to(torch.float32), which narrows a double.

    Under this mode both lead to float64. (A_log, D, dt_proj.bias, B and x in the scan, RMSNorm, the logits.)
    """

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if func is torch.Tensor.float:
            func = torch.Tensor.double
        elif func is torch.Tensor.to:
            args = tuple(torch.float64 if a is torch.float32 else a for a in args)
            if kwargs.get("dtype") is torch.float32:
                kwargs["dtype"] = torch.float64
        return func(*args, **kwargs)


class OnlyFloat64(TorchDispatchMode):
    """Looks at every tensor that enters or leaves any operation: a floating type other than float64 is an error."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            narrow = isinstance(leaf, torch.Tensor) and leaf.dtype.is_floating_point and leaf.dtype != torch.float64
            assert not narrow, f"{func} met a tensor of {leaf.dtype}"
            self.seen += isinstance(leaf, torch.Tensor)
        return result


def in_float64(compute):
    """Runs compute() in float64 throughout, and proves that the proof can fail: unpatched, the same call is caught."""
    with torch.no_grad():
        with CastsKeepFloat64(), OnlyFloat64() as watch:
            result = compute()
        assert watch.seen > 10, "the watch saw no operations"
        try:
            with OnlyFloat64():
                compute()
        except AssertionError:
            return result
        raise AssertionError("without the patch no float32 appeared: the watch does not watch")


def relative_error(value, reference):
    """‖Δ‖/‖ref‖, in extended precision so that it does not measure itself."""
    value, reference = np.asarray(value, np.longdouble), np.asarray(reference, np.longdouble)
    return float(np.sqrt(np.sum((value - reference) ** 2)) / np.sqrt(np.sum(reference**2)))


DTYPES = {"int64": "I64", "float64": "F64", "float32": "F32", "float16": "F16", "uint16": "BF16"}  # bfloat16: its bits


def write_safetensors(path, tensors, metadata):
    """The package writes metadata in a random order; a golden file must come out the same twice."""
    header, offset = {"__metadata__": dict(sorted(metadata.items()))}, 0
    for name, array in tensors.items():
        header[name] = {"dtype": DTYPES[str(array.dtype)], "shape": list(array.shape),
                        "data_offsets": [offset, offset + array.nbytes]}
        offset += array.nbytes
    text = json.dumps(header, separators=(",", ":"), ensure_ascii=False).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes())
