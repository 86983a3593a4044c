# SPDX-License-Identifier: MIT
"""Recurrences and convolutions of small systems, as the Annotated S4 computes them, in true float64.

    python make.py ANNOTATED_S4_FOLDER OUTPUT_FOLDER       (the versions that ../models/golden.py names, scipy 1.17.1)

ANNOTATED_S4_FOLDER is a clone of srush/annotated-s4 at the commit below. Five of its functions are cut out and run with
NumPy where they have jax.numpy, and a loop where they have jax.lax.scan: jax is not needed, and nothing is float32.
Writes recurrence.safetensors: 12 cases, numbered from 0, everything F64. Case i has, with L inputs and N states:

    i.A [N, N], i.B [N, 1], i.C [1, N]     a stable continuous system; the step is 1/L
    i.A_bar, i.B_bar                       discretize: bilinear
    i.u [L, 1], i.h0 [N]                   the input, and a state to start from
    i.y [L, 1], i.h_last [N]               scan_SSM from h0
    i.y_run [L, 1]                         run_SSM: the same from zero
    i.K [L, 1]                             K_conv
    i.y_fft, i.y_direct [L, 1]             causal_convolution by FFT, and without
"""

import ast
import pathlib
import subprocess
import sys
import types

import numpy as np
import scipy.signal

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

COMMIT = "f19e2464990f0c07943bb922894d6f2af65c9bd9"
SOURCE = "s4/s4.py"
FUNCTIONS = {"discretize", "scan_SSM", "run_SSM", "K_conv", "causal_convolution"}


class Reshaping(np.ndarray):
    """jax's reshape() without a shape makes a number of an array of one; NumPy wants the empty shape said."""

    def reshape(self, *shape):
        return super().reshape(shape)


def loop(step, state, inputs):
    outputs = []
    for value in inputs:
        state, output = step(state, value)
        outputs.append(output)
    return state, np.array(outputs)


def originals(folder):
    found = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    if found.stdout.strip() != COMMIT:
        raise SystemExit(f"{folder} is at {found.stdout.strip()}, expected {COMMIT}")
    if subprocess.run(["git", "-C", folder, "diff", "--quiet", "HEAD", "--", SOURCE]).returncode != 0:
        raise SystemExit(f"{folder}/{SOURCE} differs from its commit")
    tree = ast.parse((pathlib.Path(folder) / SOURCE).read_text())
    tree.body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in FUNCTIONS]
    assert len(tree.body) == len(FUNCTIONS)
    names = {"np": np, "inv": np.linalg.inv, "matrix_power": np.linalg.matrix_power, "convolve": scipy.signal.convolve,
             "jax": types.SimpleNamespace(lax=types.SimpleNamespace(scan=loop))}
    exec(compile(tree, SOURCE, "exec"), names)
    return types.SimpleNamespace(**{name: names[name] for name in FUNCTIONS})


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: make.py ANNOTATED_S4_FOLDER OUTPUT_FOLDER")
    versions = golden.check_versions()
    if scipy.__version__ != "1.17.1":
        raise SystemExit(f"scipy 1.17.1 is needed, found {scipy.__version__}")
    s4 = originals(sys.argv[1])
    rng = np.random.default_rng(4)
    tensors = {}
    for index, (states, length) in enumerate([(1, 1), (1, 9), (2, 1), (2, 2), (2, 33), (4, 16), (4, 100), (8, 7), (8, 64),
                                              (16, 31), (16, 128), (3, 50)]):
        root = rng.standard_normal((states, states))
        case = {
            "A": root - root.T - root @ root.T / states - np.eye(states),
            "B": rng.standard_normal((states, 1)),
            "C": rng.standard_normal((1, states)),
            "u": rng.standard_normal((length, 1)),
            "h0": rng.standard_normal(states),
        }
        a_bar, b_bar, c_bar = s4.discretize(case["A"], case["B"], case["C"], 1.0 / length)
        h_last, y = s4.scan_SSM(a_bar, b_bar, c_bar, case["u"], case["h0"])
        kernel = s4.K_conv(a_bar, b_bar, c_bar.view(Reshaping), length)
        u = case["u"][:, 0]
        case |= {"A_bar": a_bar, "B_bar": b_bar, "y": y, "h_last": h_last,
                 "y_run": s4.run_SSM(case["A"], case["B"], case["C"], u), "K": kernel[:, None],
                 "y_fft": s4.causal_convolution(u, kernel)[:, None],
                 "y_direct": s4.causal_convolution(u, kernel, nofft=True)[:, None]}
        distance = max(golden.relative_error(case[name], case["y_run"]) for name in ("y_fft", "y_direct"))
        assert distance < 1e-13, (index, distance)
        for name, array in case.items():
            assert array.dtype == np.float64 and np.isfinite(array).all(), name
            tensors[f"{index}.{name}"] = np.ascontiguousarray(array)
        print(f"case {index}: N {states} L {length}: recurrence and convolutions {distance:.0e} apart")
    golden.write_safetensors(pathlib.Path(sys.argv[2]) / "recurrence.safetensors", tensors,
                             {"numpy_version": versions["numpy"], "scipy_version": scipy.__version__,
                              "source": f"srush/annotated-s4 {COMMIT} {SOURCE}"})


if __name__ == "__main__":
    main()
