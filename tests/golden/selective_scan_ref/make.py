# SPDX-License-Identifier: MIT
"""Selective scans with random numbers, as mamba_ssm's selective_scan_ref computes them in true float64.

    python make.py MAMBA_FOLDER OUTPUT_FOLDER       (the versions that ../models/golden.py names)

MAMBA_FOLDER is a clone of state-spaces/mamba at the commit below; one function of it is run, nothing is imported from
it and nothing downloaded. Writes selective_scan_ref.safetensors: 48 cases, numbered from 0, everything F64. Case i has,
with L tokens, D channels, N states and G groups, time first:

    i.delta [L, D]        i.delta_bias [D] or absent        i.D [D] or absent         i.z [L, D] or absent
    i.A     [D, N]        i.A_im [D, N] where A is complex
    i.B, i.C              [D, N] constant, or [L, N] per token, or [L, G, N] per group; i.B_im, i.C_im where A is complex
    i.kinds [2]: what B and C are, 0 constant, 1 per token, 2 per group
    i.x     [L, D]        i.softplus [1], 0 or 1: whether delta went through softplus
    i.y     [L, D]        i.h_last [D, N], i.h_last_im: the last state

    h_t = exp(delta_t A) h_{t-1} + delta_t x_t B_t,     y_t = (C_t . h_t + D x_t) silu(z_t),     2 Re C_t . h_t if complex

The states start from zero, as the original's do. Where delta goes through softplus, some cases have it around 20, where
PyTorch's softplus jumps by 2e-9. y and h_last equal NumPy in extended precision to 1e-13.
"""

import ast
import pathlib
import subprocess
import sys

import numpy as np
import torch
import torch.nn.functional as F

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

COMMIT = "e9594ce1c732d97440f0332fdc43170a2294dbfa"
SOURCE = "mamba_ssm/ops/selective_scan_interface.py"

#          L   D   N   G
SHAPES = [(1, 1, 1, 1), (1, 4, 3, 2), (2, 2, 5, 1), (5, 6, 1, 3), (7, 4, 8, 4), (12, 6, 16, 2), (23, 3, 4, 3), (40, 2, 2, 2)]


def split_last(t, pattern, **sizes):
    """The three einops patterns that the function uses, by name, so that nothing else has to be installed."""
    if pattern == "... (L two) -> ... L two":
        return t.reshape(*t.shape[:-1], -1, sizes["two"])
    if pattern == "d -> d 1":
        return t[:, None]
    assert pattern == "B G N L -> B (G H) N L", pattern
    return t.repeat_interleave(sizes["H"], dim=1)


def original(folder):
    """selective_scan_ref, cut out of its file: the file itself imports CUDA extensions."""
    found = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    if found.stdout.strip() != COMMIT:
        raise SystemExit(f"{folder} is at {found.stdout.strip()}, expected {COMMIT}")
    if subprocess.run(["git", "-C", folder, "diff", "--quiet", "HEAD", "--", SOURCE]).returncode != 0:
        raise SystemExit(f"{folder}/{SOURCE} differs from its commit")
    tree = ast.parse((pathlib.Path(folder) / SOURCE).read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "selective_scan_ref"]
    assert len(tree.body) == 1
    names = {"torch": torch, "F": F, "rearrange": split_last, "repeat": split_last}
    exec(compile(tree, SOURCE, "exec"), names)
    return names["selective_scan_ref"]


def draw(rng, index, length, channels, states, groups, kind_b, kind_c, complex_a):
    def numbers(*shape):
        real = rng.standard_normal(shape)
        return real + 1j * rng.standard_normal(shape) if complex_a else real

    def by_kind(kind):
        return numbers(*{"constant": (channels, states), "token": (length, states),
                         "group": (length, groups, states)}[kind])

    softplus = index % 3 != 0
    case = {
        "softplus": np.array([float(softplus)]),
        "kinds": np.array([float(("constant", "token", "group").index(kind)) for kind in (kind_b, kind_c)]),
        "delta": rng.uniform(-6, 2, (length, channels)) if softplus else np.exp(rng.uniform(-7, 0, (length, channels))),
        "A": -np.exp(rng.uniform(-3, 2, (channels, states))) + (1j * rng.uniform(-6, 6, (channels, states))
                                                                if complex_a else 0),
        "B": by_kind(kind_b),
        "C": by_kind(kind_c),
        "x": rng.standard_normal((length, channels)),
    }
    if softplus and index % 4 == 1:
        case["delta"][0] = 20 + rng.uniform(-1e-3, 1e-3, channels)
    if index % 2 == 0:
        case["delta_bias"] = rng.uniform(-1, 1, channels) if softplus else rng.uniform(0, 0.1, channels)
    if index // 2 % 2 == 0:
        case["D"] = rng.standard_normal(channels)
    if index // 3 % 2 == 0:
        case["z"] = 3 * rng.standard_normal((length, channels))
    return case


def time_last(array, complex_a):
    """[L, N] -> [1, N, L], [L, G, N] -> [1, G, N, L]; complex numbers interleaved along L, as the original has them."""
    array = np.moveaxis(array, 0, -1)[None]
    if complex_a:
        array = np.stack([array.real, array.imag], axis=-1).reshape(*array.shape[:-1], -1)
    return torch.from_numpy(np.ascontiguousarray(array))


def by_original(scan, case, kind_b, kind_c):
    complex_a = np.iscomplexobj(case["A"])
    arguments = {name: torch.from_numpy(np.ascontiguousarray(case[name].T))[None] for name in ("delta", "x", "z")
                 if name in case}
    matrices = {name: torch.from_numpy(case[name]) if kind == "constant" else time_last(case[name], complex_a)
                for name, kind in (("B", kind_b), ("C", kind_c))}
    optional = {name: torch.from_numpy(case[name]) for name in ("D", "delta_bias") if name in case}
    y, last = scan(arguments["x"], arguments["delta"], torch.from_numpy(case["A"]), matrices["B"], matrices["C"],
                   z=arguments.get("z"), delta_softplus=bool(case["softplus"][0]), return_last_state=True, **optional)
    assert y.dtype == torch.float64 and last.dtype == (torch.complex128 if complex_a else torch.float64)
    return y[0].T.contiguous(), last[0]


def by_numpy(case, groups, constant):
    p = {name: array.astype(np.clongdouble if np.iscomplexobj(array) else np.longdouble) for name, array in case.items()}
    length, channels = p["x"].shape
    delta = p["delta"] + p.get("delta_bias", 0)
    if case["softplus"][0]:
        delta = np.where(delta > 20, delta, np.log1p(np.exp(delta)))

    def at(name, t):  # [D, N]
        m = p[name]
        if m.ndim == 3:
            return np.repeat(m[t], channels // groups, axis=0)
        return m if name in constant else np.broadcast_to(m[t], p["A"].shape)

    h, y = np.zeros(p["A"].shape, p["A"].dtype), []
    for t in range(length):
        h = np.exp(delta[t][:, None] * p["A"]) * h + (delta[t] * p["x"][t])[:, None] * at("B", t)
        row = (h * at("C", t)).sum(axis=1)
        row = (2 * row.real if np.iscomplexobj(row) else row) + p.get("D", 0) * p["x"][t]
        y.append(row * p["z"][t] / (1 + np.exp(-p["z"][t])) if "z" in p else row)
    return np.array(y), h


def relative(value, reference):
    both = [np.concatenate([a.real.ravel(), a.imag.ravel()]) for a in (np.asarray(value), np.asarray(reference))]
    return golden.relative_error(*both)


def in_parts(name, array):
    if np.iscomplexobj(array):
        return {name: np.ascontiguousarray(array.real), f"{name}_im": np.ascontiguousarray(array.imag)}
    return {name: array}


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: make.py MAMBA_FOLDER OUTPUT_FOLDER")
    versions = golden.check_versions()
    scan = original(sys.argv[1])
    torch.set_num_threads(1)
    rng = np.random.default_rng(3)
    kinds = [("token", "token"), ("group", "group"), ("constant", "token"), ("token", "constant"),
             ("constant", "constant"), ("group", "token")]
    tensors, worst = {}, 0
    for index in range(48):
        length, channels, states, groups = SHAPES[index % 8]
        kind_b, kind_c = kinds[index // 8]
        complex_a = (index // 8 + index) % 2 == 1
        case = draw(rng, index, length, channels, states, groups, kind_b, kind_c, complex_a)
        y, last = (t.numpy() for t in golden.in_float64(lambda: by_original(scan, case, kind_b, kind_c)))
        constant = {name for name, kind in (("B", kind_b), ("C", kind_c)) if kind == "constant"}
        expected = by_numpy(case, groups, constant)
        distance = max(relative(a, b) for a, b in zip((y, last), expected))
        assert np.isfinite(y).all() and np.isfinite(last).all() and distance < 1e-13, (index, distance)
        worst = max(worst, distance)
        for name, array in (case | {"y": y, "h_last": np.ascontiguousarray(last)}).items():
            tensors |= {f"{index}.{part}": values for part, values in in_parts(name, array).items()}
        print(f"case {index}: L {length} D {channels} N {states} G {groups}, B by {kind_b}, C by {kind_c},"
              f" {'complex' if complex_a else 'real'}: {' '.join(case)}: against NumPy {distance:.0e}")
    print(f"worst {worst:.1e}")
    golden.write_safetensors(pathlib.Path(sys.argv[2]) / "selective_scan_ref.safetensors", tensors,
                             {f"{package}_version": version for package, version in versions.items()} |
                             {"source": f"state-spaces/mamba {COMMIT} {SOURCE}"})


if __name__ == "__main__":
    main()
