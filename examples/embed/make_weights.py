#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the 280-parameter Mamba of embed.cpp and writes it as flash.hpp.

    python3 -m venv venv && venv/bin/pip install torch==2.15.0 && venv/bin/python make_weights.py

A pump strokes every seventh tick and now and then misses one; the model reads 0 (nothing) or 1 (stroke) each tick and
learns to say what comes next. Not needed to build. Takes some minutes on one core.
"""
import math
import pathlib

import torch
import torch.nn.functional as F

torch.manual_seed(1)
torch.set_num_threads(1)

D, N, K, R, V, PERIOD = 4, 4, 4, 1, 2, 7  # d_model, d_state, d_conv, dt_rank, vocab_size
E = 2 * D

# In the order of mamba::model::for_each_tensor, with the checkpoint's shapes.
w = {
    "embedding": torch.randn(V, D),
    "norm": torch.ones(D),
    "A_log": torch.log(torch.arange(1.0, N + 1) / 4).repeat(E, 1),
    "D": torch.ones(E),
    "in_proj": torch.randn(2 * E, D) * 0.5,
    "conv1d": torch.randn(E, 1, K) * 0.5,
    "conv1d.bias": torch.zeros(E),
    "x_proj": torch.randn(R + 2 * N, E) * 0.5,
    "dt_proj": torch.randn(E, R) * 0.5,
    "dt_proj.bias": torch.linspace(math.log(math.expm1(0.05)), math.log(math.expm1(0.8)), E),
    "out_proj": torch.randn(D, E) * 0.5,
    "norm_f": torch.ones(D),
}
for p in w.values():
    p.requires_grad_()


def rms_norm(x, weight):
    return x * torch.rsqrt(x.square().mean(-1, keepdim=True) + 1e-5) * weight


def logits(tokens):
    residual = w["embedding"][tokens]  # [batch, length, D]
    length = tokens.shape[1]
    x, z = (rms_norm(residual, w["norm"]) @ w["in_proj"].T).chunk(2, -1)
    x = F.conv1d(x.transpose(1, 2), w["conv1d"], w["conv1d.bias"], padding=K - 1, groups=E)[..., :length]
    x = F.silu(x.transpose(1, 2))
    delta, b, c = (x @ w["x_proj"].T).split([R, N, N], -1)
    delta = F.softplus(delta @ w["dt_proj"].T + w["dt_proj.bias"])
    a_bar = torch.exp(delta[..., None] * -torch.exp(w["A_log"]))
    b_bar_x = (delta * x)[..., None] * b[:, :, None, :]
    h = torch.zeros(tokens.shape[0], E, N)
    y = []
    for k in range(length):
        h = a_bar[:, k] * h + b_bar_x[:, k]
        y.append((h * c[:, k, None, :]).sum(-1))
    y = (torch.stack(y, 1) + w["D"] * x) * F.silu(z)
    return rms_norm(residual + y @ w["out_proj"].T, w["norm_f"]) @ w["embedding"].T


def batch(size, length, missing):
    phase = torch.randint(0, PERIOD, (size, 1))
    due = (torch.arange(length)[None, :] + phase) % PERIOD == 0
    missed = torch.rand(size, length) < missing
    return (due & ~missed).long(), due


steps = 3000
optimiser = torch.optim.AdamW(w.values(), lr=2e-2, weight_decay=0)
schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 2e-2, total_steps=steps)
warm_up = 2 * PERIOD  # the phase must be heard before it can be known
for step in range(steps):
    tokens, _ = batch(32, 64, 0.04)
    out = logits(tokens[:, :-1])
    loss = F.cross_entropy(out[:, warm_up:].reshape(-1, V), tokens[:, warm_up + 1 :].reshape(-1))
    optimiser.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(w.values(), 1.0)
    optimiser.step()
    schedule.step()
    if step % 250 == 0 or step == steps - 1:
        print(f"step {step}: {loss.item() / math.log(2):.4f} bits per tick", flush=True)

numbers = [f"{x:.6g}" for p in w.values() for x in p.detach().reshape(-1).tolist()]
numbers = [n + ("" if "." in n or "e" in n else ".0") + "F" for n in numbers]
lines, line = [], " "
for number in numbers:
    if len(line) + len(number) + 2 > 118:
        lines.append(line)
        line = " "
    line += f" {number},"
lines.append(line)
pathlib.Path(__file__).with_name("flash.hpp").write_text(
    "// SPDX-License-Identifier: MIT\n"
    f"// embed/flash.hpp — the {len(numbers)} numbers that embed.cpp reads: made by make_weights.py, in the library's order.\n"
    "#pragma once\n\n"
    "// clang-format off\n"
    f"inline constexpr float flash[{len(numbers)}] = {{\n" + "\n".join(lines) + "\n};\n// clang-format on\n"
)
