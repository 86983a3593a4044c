# SPDX-License-Identifier: MIT
"""Selective scans with random numbers, as transformers computes them in true float64.

    python make.py OUTPUT_FOLDER            (the versions that ../models/golden.py names)

writes selective_scan.safetensors, six cases numbered 0 to 5, everything F64. Case i has, with L tokens, D channels and
N states, time first:

    i.delta [L, D]   step sizes, after softplus          i.D  [D]      optional: y gets + D x
    i.A     [D, N]   negative                            i.z  [L, D]   optional: y is then multiplied by silu(z)
    i.B     [L, N]                                       i.h0 [D, N]   the state before the first token
    i.C     [L, N]                                       i.y  [L, D]
    i.x     [L, D]                                       i.h_last [D, N]

    h_t = exp(delta_t A) h_{t-1} + delta_t x_t B_t,      y_t = (C_t . h_t + D x_t) silu(z_t)

Cases 3 to 5 draw A and delta over the ranges found in mamba-130m: A to -2.9e5, delta from 3.7e-13 to 14. y and h_last
are those of transformers, patched so that no float32 tensor appears, and equal NumPy in extended precision to 1e-13.
"""

import pathlib
import sys

import numpy as np
import torch
from transformers.models.mamba import modeling_mamba
from transformers.utils import logging

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

#        L   D   N  D?     z?     h0?
CASES = [(12, 5, 16, True, True, False), (9, 1, 1, False, False, True), (1, 24, 8, True, False, True),
         (24, 7, 24, True, True, True), (17, 13, 3, False, True, False), (21, 9, 16, True, False, True)]


def draw(rng, index, length, channels, states, with_d, with_z, with_h0):
    wide = index >= 3
    case = {
        "delta": np.exp(rng.uniform(-28.0, np.log(14.0), (length, channels))) if wide
        else np.exp(rng.uniform(np.log(1e-3), 0.0, (length, channels))),
        "A": -np.exp(rng.uniform(-7.0, 12.6, (channels, states)) if wide else rng.standard_normal((channels, states))),
        "B": rng.standard_normal((length, states)),
        "C": rng.standard_normal((length, states)),
        "x": rng.standard_normal((length, channels)),
        "h0": rng.standard_normal((channels, states)) if with_h0 else np.zeros((channels, states)),
    }
    if with_d:
        case["D"] = rng.standard_normal(channels)
    if with_z:
        case["z"] = rng.standard_normal((length, channels))
    return case


def by_transformers(case):
    """Token by token, the only way that takes an initial state; the scan of a whole sequence must agree from zero."""
    t = {name: torch.from_numpy(array)[None] for name, array in case.items()}
    state, y = t["h0"].clone(), []
    for k in range(len(case["x"])):
        y.append(modeling_mamba.mamba_selective_state_update(
            state, t["x"][:, k], t["delta"][:, k], t["A"][0], t["B"][:, k], t["C"][:, k],
            D=t["D"][0] if "D" in t else None, z=t["z"][:, k] if "z" in t else None))
    y = torch.cat(y)
    if not case["h0"].any():
        whole = modeling_mamba.mamba_selective_scan(
            *(t[n].transpose(1, 2) for n in ("x", "delta")), t["A"][0], *(t[n].transpose(1, 2) for n in ("B", "C")),
            D=t["D"][0] if "D" in t else None, z=t["z"].transpose(1, 2) if "z" in t else None, return_last_state=True)
        assert torch.allclose(whole[0][0].T, y, rtol=1e-14, atol=1e-14)
        assert torch.allclose(whole[1], state, rtol=1e-14, atol=1e-14)
    return y, state[0]


def by_numpy(case):
    p = {name: array.astype(np.longdouble) for name, array in case.items()}
    h, y = p["h0"], []
    for k in range(len(p["x"])):
        h = np.exp(p["delta"][k][:, None] * p["A"]) * h + (p["delta"][k] * p["x"][k])[:, None] * p["B"][k]
        row = h @ p["C"][k] + p.get("D", 0) * p["x"][k]
        y.append(row * p["z"][k] / (1 + np.exp(-p["z"][k])) if "z" in p else row)
    return np.array(y), h


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: make.py OUTPUT_FOLDER")
    versions = golden.check_versions()
    torch.set_num_threads(1)
    logging.set_verbosity_error()
    rng = np.random.default_rng(1)
    tensors = {}
    for index, (length, channels, states, *with_what) in enumerate(CASES):
        case = draw(rng, index, length, channels, states, *with_what)
        y, h_last = (t.numpy() for t in golden.in_float64(lambda: by_transformers(case)))
        distance = max(golden.relative_error(a, b) for a, b in zip((y, h_last), by_numpy(case)))
        assert np.isfinite(y).all() and np.isfinite(h_last).all() and distance < 1e-13, distance
        tensors |= {f"{index}.{name}": array for name, array in (case | {"y": y, "h_last": h_last}).items()}
        print(f"case {index}: L {length} D {channels} N {states} {' '.join(case)}: float64 against NumPy {distance:.0e},"
              f" largest y {np.abs(y).max():.3g}, h {np.abs(h_last).max():.3g}")
    golden.write_safetensors(pathlib.Path(sys.argv[1]) / "selective_scan.safetensors", tensors,
                             {f"{package}_version": version for package, version in versions.items()})


if __name__ == "__main__":
    main()
