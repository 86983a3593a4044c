# SPDX-License-Identifier: MIT
"""HiPPO's matrices and its LegS memory as the S4 repository computes them, in float64.

    python make.py S4_FOLDER OUTPUT_FOLDER   (the versions that ../models/golden.py names, scipy 1.17.1, einops 0.8.2)

S4_FOLDER is a clone of github.com/state-spaces/s4 at commit e757cef57d89e448c413de7325ed5601aceaac13. Written, all F64:

transitions.safetensors, for each measure of src/models/hippo/hippo.py its cases 0, 1, 2, …

    MEASURE.i.A     [R, N]   the rows of A that `rows` names: all up to N = 16, else a dozen with the first and last
    MEASURE.i.B     [N]
    MEASURE.i.rows  [R]
    MEASURE.i.parameters     beta for lagt and tlagt, alpha and beta for glagt, else empty

memory.safetensors, for each rule (forward, backward, bilinear, zoh) its cases 0, 1, 2, …: states of the class LSICell
of src/models/sequence/rnns/cells/memory.py, taken out of its file with its casts to float32 removed

    RULE.i.x        [L]      the input
    RULE.i.h        [L, N]   the state after each input
"""

import ast
import importlib.metadata
import importlib.util
import math
import pathlib
import subprocess
import sys

import numpy as np
import torch
from scipy import linalg

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

COMMIT = "e757cef57d89e448c413de7325ed5601aceaac13"
PINNED = {"scipy": "1.17.1", "einops": "0.8.2"}
SIZES = [1, 2, 3, 8, 16, 33, 64]
TILTS = [{"beta": 1.0}, {"beta": 0.25}]
#            measure         parameters of its cases
MEASURES = {"legs": [{}], "legsd": [{}], "legt": [{}], "lmu": [{}], "lagt": TILTS, "tlagt": TILTS,
            "glagt": [{"alpha": 0.0, "beta": 0.01}, {"alpha": 0.5, "beta": 0.1}, {"alpha": -0.3, "beta": 1.0}],
            "fourier": [{}], "fourier_decay": [{}], "fourier2": [{}], "foud": [{}]}
RULES = ["forward", "backward", "bilinear", "zoh"]


def check(folder):
    found = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True)
    if found.stdout.strip() != COMMIT:
        raise SystemExit(f"{folder} is at {found.stdout.strip()}, needed is {COMMIT}")
    if subprocess.run(["git", "-C", folder, "diff", "--quiet", "HEAD"]).returncode != 0:
        raise SystemExit(f"{folder} differs from its commit")
    versions = golden.check_versions()
    for package, wanted in PINNED.items():
        versions[package] = importlib.metadata.version(package)
        if versions[package] != wanted:
            raise SystemExit(f"{package} {wanted} is needed, found {versions[package]}")
    return {f"{package}_version": version for package, version in versions.items()} | {"s4_commit": COMMIT}


def load_hippo(folder):
    spec = importlib.util.spec_from_file_location("hippo", pathlib.Path(folder) / "src/models/hippo/hippo.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def transitions(hippo):
    tensors, count = {}, 0
    for measure, parameter_sets in MEASURES.items():
        index = 0
        for parameters in parameter_sets:
            for size in SIZES:
                if measure.startswith("fou") and size % 2 and size > 1:
                    continue  # the repository's Fourier matrices need an even N
                a, b = hippo.transition(measure, size, **parameters)
                assert a.dtype == b.dtype == np.float64 and a.shape == (size, size) and b.shape == (size, 1)
                rows = np.unique(np.linspace(0, size - 1, min(size, 16 if size <= 16 else 12)).astype(int))
                case = {"A": a[rows], "B": b[:, 0], "rows": rows, "parameters": list(parameters.values())}
                tensors |= {f"{measure}.{index}.{name}": np.ascontiguousarray(array, dtype=np.float64)
                            for name, array in case.items()}
                index += 1
        count += index
        print(f"{measure}: {index} cases")
    print(f"{count} transitions")
    return tensors


def lsi_cell(folder):
    """LSICell and the rules' aliases, without the rest of a file that needs the whole repository."""
    path = pathlib.Path(folder) / "src/models/sequence/rnns/cells/memory.py"
    wanted = [node for node in ast.parse(path.read_text()).body
              if (isinstance(node, ast.ClassDef) and node.name == "LSICell")
              or (isinstance(node, ast.Assign) and node.targets[0].id.endswith("_aliases"))]

    class MemoryCell(torch.nn.Module):
        def __init__(self, d_input, d_model, memory_size, memory_order):
            super().__init__()
            self.memory_order = memory_order

    class Torch:  # torch.Tensor(array) would round to float32
        Tensor = staticmethod(torch.from_numpy)

    names = {"np": np, "la": linalg, "math": math, "F": torch.nn.functional, "torch": Torch, "MemoryCell": MemoryCell}
    exec(compile(ast.Module(wanted, []), str(path), "exec"), names)
    return names["LSICell"]


def memories(hippo, cell_type, length=40):
    rng = np.random.default_rng(5)
    tensors, count = {}, 0
    for rule in RULES:
        for index, size in enumerate([1, 2, 3, 8, 16]):
            a, b = hippo.transition("legs", size)
            cell = cell_type(1, 1, 1, size, a, b, init_t=0, l_max=length, discretization=rule)
            assert cell.A.dtype == cell.B.dtype == torch.float64
            x = rng.standard_normal(length)
            state, states = torch.zeros(1, 1, size, dtype=torch.float64), []
            for k in range(length):
                state = cell.update_memory(state, torch.from_numpy(x[k:k + 1])[None], k)
                assert state.dtype == torch.float64
                states.append(state.numpy().ravel().copy())
            tensors |= {f"{rule}.{index}.x": x, f"{rule}.{index}.h": np.array(states)}
            count += 1
            print(f"{rule} N {size}: largest |h| {np.abs(states).max():.3g}")
    print(f"{count} memories")
    return tensors


def main():
    if len(sys.argv) != 3:
        raise SystemExit("usage: make.py S4_FOLDER OUTPUT_FOLDER")
    metadata = check(sys.argv[1])
    torch.set_num_threads(1)
    hippo, output = load_hippo(sys.argv[1]), pathlib.Path(sys.argv[2])
    golden.write_safetensors(output / "transitions.safetensors", transitions(hippo), metadata)
    golden.write_safetensors(output / "memory.safetensors", memories(hippo, lsi_cell(sys.argv[1])), metadata)


if __name__ == "__main__":
    main()
