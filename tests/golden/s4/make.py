# SPDX-License-Identifier: MIT
"""What state-spaces/s4 and srush/annotated-s4 compute, in true float64.

    python make.py STATE_SPACES_S4_FOLDER ANNOTATED_S4_FOLDER OUTPUT_FOLDER

The folders are clones at the commits below, which is checked. Versions: those that ../models/golden.py names, and
einops==0.8.2, scipy==1.17.1. Nothing is downloaded, and nothing of the repositories is copied: their functions run here.
s4 computes in float32 and complex64 whatever it is fed; here torch.float and torch.cfloat are the wide types before it
is imported, .float() is .double(), and every tensor that any operation meets is asserted to be wide. annotated-s4 is
written in JAX: its formulas are taken from its source by name and run on NumPy.

Files, everything F64, complex numbers as [..., 2], cases numbered from 0 with the case's kind in the tensors' names:

    low_rank.safetensors      i.MEASURE.P [R, N]
    nplr.safetensors          i.MEASURE.lambda [N/2], .P [R, N/2], .B [N/2]     not clipped; phases made canonical: each
                              column of V times the phase that makes its first entry above 1e-8 real and positive
    s4d.safetensors           i.INIT.A [N/2], .B [N/2]
    cauchy.safetensors        i.MEASURE.delta [1], .lambda [N/2], .P [R, N/2], .B, .C, .C_tilde [N/2], .K [L], and .C_step
                              [N]: the C that the original recovers for its step, of all modes
    vandermonde.safetensors   i.RULE.delta [1], .A [N/2], .B, .C [N/2], .K [L], .A_bar, .B_bar [N/2]
    annotated.safetensors     i.dplr.delta [1], .lambda, .P, .B, .C_tilde [N], .K [L], .K_step [L]   bilinear, all modes
                              i.truncated.A_bar [N, N], .B_bar, .C [N], .K [L], .z [], .value []     C~ absorbed
                              i.zoh or i.bilinear.delta [1], .A, .C [N/2], .K [L]                    one of each pair, no 2
    layer.safetensors         i.INIT.NAME for each name in the state_dict of models/s4/s4d.py's S4D, in its shapes; u,
                              the input [L, H], and of one sequence from the zero state [L, H]: system and gelu, before
                              and after the activation; y, the output. step [L, H], state [H, N/2]: system and the last
                              state by SSMKernelDiag's step() from the same parameters, in s4d.py's conjugates

How far they are made again: one thread, fixed seeds and versions, so that bytes repeat on one machine. PyTorch's MKL
chooses its kernels by the processor, and cauchy passes through inverses of I - A_bar^L. On a later processor with
AVX-512, K and C_tilde came out within 8e-16 of a tensor's largest number and C_step within 2.1e-13 (fourier; 7e-15
without the two Fourier measures), all else byte for byte. With MKL's kernels for SSE2 an eigenvector's phase differs as
well, and with it the signs of P, B and C. For each file the script prints how far it is from the one beside the script;
the tests allow 1e-10.
"""

import ast
import importlib.metadata
import pathlib
import subprocess
import sys
import types

import numpy as np
import torch
from safetensors.numpy import load_file
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent.parent / "models"))
import golden  # noqa: E402

S4 = "e757cef57d89e448c413de7325ed5601aceaac13"
ANNOTATED = "f19e2464990f0c07943bb922894d6f2af65c9bd9"


def check_commit(folder, wanted):
    found = subprocess.run(["git", "-C", folder, "rev-parse", "HEAD"], capture_output=True, text=True, check=True).stdout
    if found.strip() != wanted:
        raise SystemExit(f"{folder} is at {found.strip()}, {wanted} is needed")
    if subprocess.run(["git", "-C", folder, "diff", "--quiet", "HEAD"]).returncode != 0:
        raise SystemExit(f"{folder} differs from its commit")


class OnlyWide(TorchDispatchMode):
    """Looks at every tensor that enters or leaves any operation: a narrow real or complex type is an error."""

    def __init__(self):
        super().__init__()
        self.seen = 0

    def __torch_dispatch__(self, func, types_, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves((args, kwargs, result)):
            if isinstance(leaf, torch.Tensor):
                inexact = leaf.dtype.is_floating_point or leaf.dtype.is_complex
                assert not inexact or leaf.dtype in (torch.float64, torch.complex128), f"{func} met {leaf.dtype}"
                self.seen += 1
        return result


def import_s4(folder):
    """hippo, dplr and the kernels, with the wide types in place and the training stack left out."""
    torch.float, torch.cfloat = torch.float64, torch.complex128
    torch.set_default_dtype(torch.float64)
    torch.Tensor.float = torch.Tensor.double
    sys.path.insert(0, folder)
    train = types.ModuleType("src.utils.train")
    quiet = types.SimpleNamespace(info=lambda *a: None, warning=lambda *a: None)
    train.get_logger = lambda *a: quiet
    for name in ("src", "src.utils", "src.models", "src.models.sequence", "src.models.sequence.kernels"):
        package = types.ModuleType(name)
        package.__path__ = [str(pathlib.Path(folder, *name.split(".")))]
        sys.modules[name] = package
        if "." in name:
            setattr(sys.modules[name.rpartition(".")[0]], name.rpartition(".")[2], package)
    sys.modules["src.utils.train"] = sys.modules["src.utils"].train = train
    import src.models.hippo.hippo as hippo
    import src.models.sequence.kernels.dplr as dplr
    import src.models.sequence.kernels.ssm as ssm
    clipped = hippo.nplr
    hippo.nplr = lambda measure, N, rank=1, dtype=torch.float64, **_: clipped(measure, N, rank, dtype, B_clip=None)
    return hippo, dplr, ssm


def import_layer(folder):
    """models/s4/s4d.py, which wants a dropout that is not drawn."""
    unused = types.ModuleType("src.models.nn")
    unused.DropoutNd = None
    sys.modules["src.models.nn"] = unused
    sys.path.insert(0, str(pathlib.Path(folder, "models", "s4")))
    import s4d
    return s4d


def import_annotated(folder):
    """The functions named, from s4.py and s4d.py, on NumPy: vmap a loop, jit nothing."""
    def take(file, names):
        tree = ast.parse(pathlib.Path(folder, "s4", file).read_text())
        body = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name in names]
        assert len(body) == len(names)
        for function in body:
            function.decorator_list = []
            for node in ast.walk(function):  # jax's x.reshape() is NumPy's x.reshape(())
                if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "reshape" and not node.args:
                    node.args = [ast.Tuple([], ast.Load())]
        space = {"np": np, "inv": np.linalg.inv, "matrix_power": np.linalg.matrix_power, "eigh": np.linalg.eigh,
                 "jax": types.SimpleNamespace(vmap=lambda f: lambda xs: np.array([f(x) for x in xs]))}
        exec(compile(ast.fix_missing_locations(ast.Module(body, [])), file, "exec"), space)
        return types.SimpleNamespace(**{name: space[name] for name in names})

    return (take("s4.py", ["discretize", "K_conv", "K_gen_inverse", "conv_from_gen", "cauchy", "kernel_DPLR",
                           "discrete_DPLR", "make_HiPPO", "make_NPLR_HiPPO", "make_DPLR_HiPPO"]),
            take("s4d.py", ["discretize", "vandermonde_product", "s4d_kernel"]))


def plain(value):
    """Any result as F64, complex numbers with a last axis of 2."""
    array = value.detach().resolve_conj().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    assert array.dtype in (np.float64, np.complex128), array.dtype
    if array.dtype == np.complex128:
        array = np.stack([array.real, array.imag], axis=-1)
    assert np.isfinite(array).all()
    return np.array(array, order="C")


class Cases:
    def __init__(self):
        self.tensors, self.count = {}, 0

    def add(self, kind, **values):
        for name, value in values.items():
            self.tensors[f"{self.count}.{kind}.{name.replace('lambda_', 'lambda')}"] = plain(value)
        self.count += 1


def canonical(V, P, B):
    """P and B in the basis whose columns begin with a real, positive entry."""
    first = (V.abs() > 1e-8).to(torch.int64).argmax(dim=0)
    entry = V[first, torch.arange(V.shape[1])]
    phase = entry / entry.abs()  # V / phase begins real, so V* picks up phase
    return P * phase, B * phase


def low_rank(hippo, out):
    for measure, rank in (("legs", 1), ("legt", 2), ("lagt", 1), ("fourier", 1), ("fourier_decay", 1), ("fourier2", 1)):
        for n in (4, 16):
            out.add(measure, P=hippo.rank_correction(measure, n, rank, torch.float64))


def nplr(hippo, out):
    for measure, rank in (("legs", 1), ("legt", 2), ("lagt", 1), ("fourier", 1), ("fourier_decay", 1), ("fourier2", 1)):
        for n in (4, 8, 16, 64):
            W, P, B, V = hippo.nplr(measure, n, rank, torch.float64)
            P, B = canonical(V, P, B)
            out.add(measure, lambda_=W, P=P, B=B)


def s4d(dplr, hippo, out):
    for init in ("lin", "inv", "real", "quad", "legs"):
        for n in (4, 16, 64):
            A, _, B, _ = dplr.dplr(init, n, dtype=torch.float64)
            A, B = A[0], B[0]
            if init == "legs":
                _, B = canonical(hippo.nplr("legs", n)[3], B, B)
            out.add(init, A=A, B=B)


def cauchy(ssm, out):
    for measure, rank, n, length in (("legs", 1, 4, 16), ("legs", 1, 16, 63), ("legs", 1, 64, 100), ("legt", 2, 8, 64),
                                     ("legt", 2, 32, 51), ("lagt", 1, 16, 32), ("fourier", 1, 16, 40),
                                     ("fourier_decay", 1, 16, 33), ("diag-lin", 1, 16, 64), ("legs", 3, 8, 17)):
        torch.manual_seed(100 * n + length)
        k = ssm.SSMKernelDPLR(d_model=1, d_state=n, l_max=length, rank=rank, init=measure, dt_min=0.01, dt_max=0.1,
                              verbose=False, backend="naive")
        dt, A, B, C, P, _ = (p.clone() for p in k._get_params())  # C becomes C~ in place
        K, _ = k(L=length)
        C_tilde = k._get_params()[3]
        k._setup_step()
        out.add(measure, delta=dt[0], lambda_=A[0], P=P[:, 0], B=B[0, 0], C=C[0, 0], C_tilde=C_tilde[0, 0], K=K[0, 0],
                C_step=k.dC[0, 0])


def vandermonde(ssm, out):
    for init in ("diag-lin", "diag-inv", "diag-legs"):
        for rule in ("zoh", "bilinear"):
            for n, length in ((4, 33), (64, 64)):
                torch.manual_seed(n + length)
                k = ssm.SSMKernelDiag(disc=rule, d_model=1, d_state=n, l_max=length, init=init, dt_min=0.01, dt_max=0.1,
                                      verbose=False, backend="naive")
                dt, A, B, C = k._get_params()
                K, _ = k(L=length)
                k._setup_step()
                out.add(rule, delta=dt[0], A=A[0], B=B[0, 0], C=C[0, 0], K=K[0, 0], A_bar=k.dA[0], B_bar=k.dB[0])


def annotated(s4, s4d_, out):
    rng = np.random.default_rng(3)
    draw = lambda *shape: rng.standard_normal(shape) + 1j * rng.standard_normal(shape)  # noqa: E731
    for n, length in ((4, 16), (4, 63), (16, 64), (32, 50), (32, 51)):
        Lambda, P, B, _ = s4.make_DPLR_HiPPO(n)
        C, step = draw(n), 1.0 / length
        K = s4.kernel_DPLR(Lambda, P, P, B, C, step, length)
        A_bar, B_bar, C_bar = s4.discrete_DPLR(Lambda, P, P, B, C, step, length)
        out.add("dplr", delta=np.array([step]), lambda_=Lambda, P=P.astype(complex), B=B.astype(complex),
                C_tilde=C.conj(), K=K, K_step=s4.K_conv(A_bar, B_bar, C_bar, length).real)
    for n, length in ((4, 16), (8, 15)):
        A, B, C = (rng.uniform(size=s) for s in ((n, n), (n, 1), (1, n)))
        A_bar, B_bar, C_bar = s4.discretize(A - 2 * np.eye(n), B, C, 1.0 / length)
        z = np.exp(-2j * np.pi * 3 / length)
        inverse = s4.K_gen_inverse(A_bar, B_bar, C_bar, length)
        out.add("truncated", A_bar=A_bar, B_bar=B_bar[:, 0], C=C_bar[0], K=s4.conv_from_gen(inverse, length),
                z=np.array(z), value=np.array(inverse(z)))
    for n, length, rule in ((4, 20, "zoh"), (32, 64, "zoh"), (4, 20, "bilinear"), (32, 64, "bilinear")):
        A, C, step = -0.5 + 1j * np.pi * np.arange(n), draw(n), 0.02
        A_bar, B_bar = s4d_.discretize(A, 1.0, step, mode=rule)
        K = s4d_.vandermonde_product(C * B_bar, A_bar, length).real
        if rule == "zoh":
            assert np.array_equal(K, s4d_.s4d_kernel(C, A, length, step)), "the original's own way"
        out.add(rule, delta=np.array([step]), A=A, C=C, K=K)


def by_steps(ssm, layer, u):
    """What SSMKernelDiag's recurrence makes of the layer's parameters: its A has the other sign of Im, and so its C."""
    H, pairs = layer.kernel.A_imag.shape
    k = ssm.SSMKernelDiag(disc="zoh", d_model=H, d_state=2 * pairs, init="diag-lin", n_ssm=H, verbose=False,
                          backend="naive")
    flip = torch.tensor([1.0, -1.0])
    k.inv_dt.copy_(layer.kernel.log_dt[:, None])
    k.A_real.copy_(layer.kernel.log_A_real)
    k.A_imag.copy_(layer.kernel.A_imag)
    k.B.copy_(torch.tensor([1.0, 0.0]))
    k.C.copy_(layer.kernel.C * flip)
    k._setup_step()
    state, rows = k.default_state(1), []
    for row in u:
        y, state = k.step(row[None], state)
        rows.append(y[0, 0] + layer.D * row)
    return torch.stack(rows), state[0].conj()


def layer(s4d_py, ssm, out):
    for kind, H, n, length in (("lin", 1, 2, 1), ("lin", 3, 4, 7), ("lin", 4, 64, 64), ("lin", 6, 8, 1),
                               ("drawn", 5, 8, 64), ("drawn", 7, 6, 7), ("real", 4, 6, 64), ("slow", 3, 4, 64)):
        torch.manual_seed(1000 * H + n + length)
        layer = s4d_py.S4D(H, n)
        if kind in ("drawn", "real"):  # as after training: every parameter its own
            layer.kernel.log_A_real.copy_(torch.empty(H, n // 2).uniform_(-2, 2))
            layer.kernel.A_imag.copy_(torch.empty(H, n // 2).uniform_(0, 40 if kind == "drawn" else 0))
        if kind == "slow":  # e^{ΔA} − 1 loses digits here, in the original too
            layer.kernel.log_dt.copy_(torch.full((H,), -9.0))
        u = torch.randn(length, H)
        seen = {}
        layer.activation.register_forward_hook(
            lambda _, given, gives: seen.update(system=given[0][0].T, gelu=gives[0].T))  # noqa: B023
        y, _ = layer(u.T[None])
        step, state = by_steps(ssm, layer, u)
        distance = golden.relative_error(seen["system"].numpy(), step.numpy())
        assert distance < 1e-11, (kind, H, n, length, distance)
        out.add(kind, u=u, y=y[0].T, step=step, state=state, **seen, **layer.state_dict())


def distance_from_committed(name, made):
    """Words for the largest difference of two tensors of one name, relative to the largest number in them."""
    committed = pathlib.Path(__file__).resolve().parent / f"{name}.safetensors"
    if not committed.exists():
        return "new"
    if committed.read_bytes() == made.read_bytes():
        return "byte for byte the committed file"
    old, new = load_file(committed), load_file(made)
    if {k: v.shape for k, v in old.items()} != {k: v.shape for k, v in new.items()}:
        return "other tensors than in the committed file"
    worst = max(np.abs(new[k] - old[k]).max() / max(np.abs(old[k]).max(), 1e-300) for k in old)
    return f"within {worst:.1e} of the committed file"


def main():
    if len(sys.argv) != 4:
        raise SystemExit("usage: make.py STATE_SPACES_S4_FOLDER ANNOTATED_S4_FOLDER OUTPUT_FOLDER")
    versions = golden.check_versions()
    for package, wanted in (("einops", "0.8.2"), ("scipy", "1.17.1")):
        if importlib.metadata.version(package) != wanted:
            raise SystemExit(f"{package} {wanted} is needed, found {importlib.metadata.version(package)}")
    check_commit(sys.argv[1], S4)
    check_commit(sys.argv[2], ANNOTATED)
    narrow = torch.ones(1, dtype=torch.float32)
    torch.set_num_threads(1)
    hippo, dplr, ssm = import_s4(sys.argv[1])
    s4d_py = import_layer(sys.argv[1])
    s4, s4d_ = import_annotated(sys.argv[2])
    files = {"low_rank": lambda c: low_rank(hippo, c), "nplr": lambda c: nplr(hippo, c),
             "s4d": lambda c: s4d(dplr, hippo, c), "cauchy": lambda c: cauchy(ssm, c),
             "vandermonde": lambda c: vandermonde(ssm, c), "annotated": lambda c: annotated(s4, s4d_, c),
             "layer": lambda c: layer(s4d_py, ssm, c)}
    total = 0
    for name, fill in files.items():
        cases = Cases()
        with torch.no_grad(), OnlyWide() as watch:
            fill(cases)
        assert watch.seen > 10 or name == "annotated"
        made = pathlib.Path(sys.argv[3]) / f"{name}.safetensors"
        golden.write_safetensors(made, cases.tensors,
                                 {"annotated-s4": ANNOTATED, "s4": S4, **{f"{p}_version": v for p, v in versions.items()}})
        print(f"{name}: {cases.count} cases, {distance_from_committed(name, made)}")
        total += cases.count
    try:  # the watch watches
        with OnlyWide():
            narrow + narrow
    except AssertionError:
        print(f"{total} cases in all")
    else:
        raise AssertionError("the watch does not watch")


if __name__ == "__main__":
    main()
