# SPDX-License-Identifier: MIT
"""Dense systems with random entries, discretised by scipy.signal.cont2discrete.

    python make.py OUTPUT_FOLDER            (Python 3.11, numpy 2.4.6, scipy 1.17.1; the writer of ../models/golden.py)

writes discretize.safetensors: systems numbered from 0, each discretised by eight rules, which makes 8 cases a system.
Everything is F64. System i has N states and M inputs:

    i.A [N, N]   i.B [N, M]   i.delta [1]

    i.RULE.A [N, N], i.RULE.B [N, M]    for RULE euler, gbt25 (alpha = 0.25), bilinear, gbt75, backward_diff, zoh, foh
    i.foh.B_now [N, M]                  the part of foh's B that acts on the present input; see below
    i.impulse.A, i.impulse.B            A as zoh, B = delta exp(delta A) B: the input acts once, when a step begins

scipy's conventions, and what is kept of them:
  * x[k+1] = A x[k] + B u[k]: its h is ours one step later, A and B are the same;
  * bilinear and gbt change C and D as well, because they see the input at alpha between two samples: not kept;
  * foh has one input, as it calculates with the state h - B1 u: its B is B0 + A B1 and its D grows by C B1, where B0
    acts on the earlier input of the step and B1 on the later. With C = I and D = 0 its D is B1: that is B_now.

Before anything is written, each number is compared with the same rule in extended precision (series, scaling and
squaring; refined solutions), and must be within 1e-14 of it, in the norm of its matrix.
"""

import importlib.metadata
import pathlib
import sys

import numpy as np
from scipy.signal import cont2discrete

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

PINNED = {"numpy": "2.4.6", "scipy": "1.17.1"}
GBT = {"gbt25": 0.25, "bilinear": 0.5, "gbt75": 0.75, "backward_diff": 1.0}


def stable(rng, n, margin=0.05):
    skew, root = rng.standard_normal((2, n, n))
    return (skew - skew.T) / 2 - root @ root.T / n - margin * np.eye(n)


def chain(n):
    """Integrators one after the other: nilpotent."""
    return np.eye(n, k=-1)


def singular(rng, n):
    """Stable but for two states that only integrate."""
    a = stable(rng, n)
    a[:2] = 0
    return a


def stiff(rng, n):
    """Time constants over six decades, in coordinates that are not orthogonal."""
    v = np.eye(n) + 0.2 * rng.standard_normal((n, n))
    return v @ np.diag(-np.logspace(-2, 4, n)) @ np.linalg.inv(v)


def systems(rng):
    """(name, A, M, delta)"""
    for n, m in ((1, 1), (2, 1), (3, 2), (5, 1), (8, 3), (16, 1)):
        yield "stable", stable(rng, n), m, np.exp(rng.uniform(-4, 0.5))
    for n, m in ((1, 2), (4, 1), (9, 2)):
        yield "unstable", 0.7 * rng.standard_normal((n, n)), m, np.exp(rng.uniform(-3, 0))
    for n, m in ((1, 1), (3, 1), (6, 2), (12, 1)):
        yield "integrators", chain(n), m, np.exp(rng.uniform(-3, 0.5))
    for n, m in ((3, 2), (7, 1)):
        yield "singular", singular(rng, n), m, np.exp(rng.uniform(-3, 0))
    yield "stiff", stiff(rng, 3), 1, 1e-2
    yield "stiff", stiff(rng, 5), 2, 1e-3
    yield "undamped", np.array([[0.0, 9.0], [-9.0, 0.0]]), 1, 0.1
    yield "slow", 1e-9 * stable(rng, 4), 2, 1e-2
    yield "loud", stable(rng, 4), -2, 0.3  # B is a million times larger


def by_scipy(a, b, delta):
    n, m = b.shape
    c, d = np.eye(n), np.zeros((n, m))
    out = {}
    for rule in ("euler", "backward_diff", "bilinear", "zoh", "foh", "impulse", "gbt25", "gbt75"):
        how = {"method": "gbt", "alpha": GBT[rule]} if rule.startswith("gbt") else {"method": rule}
        out[f"{rule}.A"], out[f"{rule}.B"], _, also, _ = cont2discrete((a, b, c, d), delta, **how)
        if rule == "foh":
            out["foh.B_now"] = also
    return out


def solved(a, b):
    """a^-1 b with the residual in extended precision until it stays: wider than double by what longdouble has."""
    x = np.linalg.solve(a.astype(float), b.astype(float)).astype(np.longdouble)
    for _ in range(5):
        x += np.linalg.solve(a.astype(float), (b - a @ x).astype(float))
    return x


def exponential(a):
    squarings = max(0, 8 + int(np.ceil(np.log2(float(np.abs(a).sum(axis=0).max()) + 1e-300))))
    a = a / np.longdouble(2) ** squarings
    total = term = np.eye(len(a), dtype=np.longdouble)
    for k in range(1, 16):
        term = term @ a / k
        total = total + term
    for _ in range(squarings):
        total = total @ total
    return total


def by_numpy(a, b, delta):
    a, b, delta = (np.asarray(v, np.longdouble) for v in (a, b, delta))
    n, m = b.shape
    one, out = np.eye(n, dtype=np.longdouble), {}
    out["euler.A"], out["euler.B"] = one + delta * a, delta * b
    for rule, alpha in GBT.items():
        implicit = one - alpha * delta * a
        out[f"{rule}.A"] = solved(implicit, one + (1 - alpha) * delta * a)
        out[f"{rule}.B"] = solved(implicit, delta * b)
    scale = np.abs(b).max()
    whole = np.zeros((n + 2 * m, n + 2 * m), np.longdouble)
    whole[:n, :n], whole[:n, n:n + m], whole[n:n + m, n + m:] = delta * a, delta * b / scale, np.eye(m)
    e = exponential(whole)
    a_bar, held, rising = e[:n, :n], scale * e[:n, n:n + m], scale * e[:n, n + m:]
    out |= {"zoh.A": a_bar, "zoh.B": held, "foh.A": a_bar, "foh.B": held - rising + a_bar @ rising, "foh.B_now": rising,
            "impulse.A": a_bar, "impulse.B": delta * (a_bar @ b)}
    return out


def main():
    if len(sys.argv) != 2:
        raise SystemExit("usage: make.py OUTPUT_FOLDER")
    for package, wanted in PINNED.items():
        found = importlib.metadata.version(package)
        if found != wanted:
            raise SystemExit(f"{package} {wanted} is needed, found {found}")
    rng, tensors, cases = np.random.default_rng(3), {}, 0
    for index, (name, a, m, delta) in enumerate(systems(rng)):
        b = rng.standard_normal((len(a), abs(m))) * (1e6 if m < 0 else 1)
        found, exact = by_scipy(a, b, delta), by_numpy(a, b, delta)
        assert found.keys() == exact.keys() and all(v.dtype == np.float64 for v in found.values())
        distance = {rule: golden.relative_error(found[rule], exact[rule]) for rule in found}
        worst = max(distance, key=distance.get)
        print(f"system {index}: {name}, N {len(a)} M {abs(m)} delta {delta:.3g} "
              f"norm of delta A {np.linalg.norm(delta * a):.3g}: scipy against extended precision {distance[worst]:.0e} ({worst})")
        assert distance[worst] < 1e-14
        cases += sum(rule.endswith(".A") for rule in found)
        given = {"A": a, "B": b, "delta": np.array([delta])}
        tensors |= {f"{index}.{key}": np.ascontiguousarray(v, np.float64) for key, v in (given | found).items()}
    print(cases, "cases")
    golden.write_safetensors(pathlib.Path(sys.argv[1]) / "discretize.safetensors", tensors,
                             {f"{package}_version": version for package, version in PINNED.items()})


if __name__ == "__main__":
    main()
