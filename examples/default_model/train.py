#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""Trains the default model: a small byte-level Mamba-1, with transformers, on a CPU.

    python train.py TEXT OUT_DIR [--tokens N] [--threads N] [--keep DIR] ...

The first nine tenths of TEXT are trained on, the last tenth (len // 10 bytes) is only measured, once, at
the end. OUT_DIR receives config.json and model.safetensors (float16) as written by `save_pretrained`,
heldout.txt, and figures.json with everything that was recorded.

Written with Python 3.11, torch==2.15.0, transformers==5.23.0, safetensors==0.8.0, numpy==2.4.6,
ninja==1.13.2 and g++ 12.2; a C++ compiler is needed.

transformers runs the recurrence without a GPU as a Python loop over time. The two pieces of the mixer that
are not matrix products (causal convolution with SiLU; selective scan with its gate) are therefore replaced
by the C++ below, and the script refuses to train before both agree with the original code in value and in
every gradient. Module structure and parameters stay those of transformers.
"""
import argparse
import json
import math
import os
import time

import numpy as np
import torch
import torch.nn.functional as F
import transformers
from torch.utils.cpp_extension import load_inline
from transformers import MambaConfig, MambaForCausalLM
from transformers.models.mamba.modeling_mamba import MambaMixer

CPP = r"""
#include <torch/extension.h>
#include <cstring>
#include <vector>
// Everything is float32 in (batch, time, channel) order; 16 neighbouring channels share one vector.
typedef float V __attribute__((vector_size(64), aligned(4), may_alias));
typedef int I __attribute__((vector_size(64), aligned(4), may_alias));
static inline V ld(const float* p) { return *(const V*)p; }
static inline void st(float* p, V v) { *(V*)p = v; }
static inline V vmax(V a, V b) { return a > b ? a : b; }
static inline V vmin(V a, V b) { return a < b ? a : b; }
static inline V vexp(V x) {
  x = vmin(vmax(x, V{} - 87.f), V{} + 88.f);
  const V t = x * 1.44269504f, shift = V{} + 12582912.f;  // 1.5 * 2^23 rounds to an integer
  const V r = t + shift, k = r - shift;
  const V f = (x - k * 0.693359375f) + k * 2.12194440e-4f;
  V p = V{} + 1.9875691500e-4f;
  p = p * f + 1.3981999507e-3f;
  p = p * f + 8.3334519073e-3f;
  p = p * f + 4.1665795894e-2f;
  p = p * f + 1.6666665459e-1f;
  p = p * f + 5.0000001201e-1f;
  p = p * f * f + f + 1.f;
  return (V)((I)p + (((I)r - (I)shift) << 23));
}
static inline V sigmoid(V x) { return 1.f / (1.f + vexp(-x)); }
static inline V softplus(V x) {  // max(x, 0) + log1p(e), e = exp(-|x|), log1p(e) = 2 atanh(e / (2 + e))
  const V e = vexp(-vmax(x, -x)), s = e / (2.f + e), q = s * s;
  V p = V{} + 1.f / 13;
  p = p * q + 1.f / 11;
  p = p * q + 1.f / 9;
  p = p * q + 1.f / 7;
  p = p * q + 1.f / 5;
  p = p * q + 1.f / 3;
  p = p * q + 1.f;
  return vmax(x, V{}) + 2.f * s * p;
}
using T = torch::Tensor;
static const float* in(const T& t) { return t.data_ptr<float>(); }

// x: (B,L,D) with row stride xs; w: (W,D); tail: the W-1 inputs before x.
static V conv_at(const float* x, long xs, const float* tail, const float* w, const float* b, long t, long d, long D, long W) {
  V s = ld(b + d);
  for (long k = 0; k < W; ++k) {
    const long i = t - (W - 1) + k;
    s += ld(w + k * D + d) * (i >= 0 ? ld(x + i * xs + d) : ld(tail + (i + W - 1) * D + d));
  }
  return s;
}
T conv_forward(T x, T w, T b, T tail) {
  const long B = x.size(0), L = x.size(1), D = x.size(2), xs = x.stride(1), W = w.size(0);
  T y = torch::empty({B, L, D}, w.options());
  float* yp = y.data_ptr<float>();
  const float *xp = in(x), *wp = in(w), *bp = in(b), *tp = in(tail);
#pragma omp parallel for collapse(2) schedule(static)
  for (long n = 0; n < B; ++n)
    for (long t = 0; t < L; ++t)
      for (long d = 0; d < D; d += 16) {
        const V s = conv_at(xp + n * x.stride(0), xs, tp + n * (W - 1) * D, wp, bp, t, d, D, W);
        st(yp + (n * L + t) * D + d, s * sigmoid(s));
      }
  return y;
}
std::vector<T> conv_backward(T dy, T x, T w, T b, T tail) {
  const long B = x.size(0), L = x.size(1), D = x.size(2), xs = x.stride(1), W = w.size(0);
  T dx = torch::zeros({B, L, D}, w.options()), dw = torch::zeros({B, W, D}, w.options()), db = torch::zeros({B, D}, w.options());
  const float *xp = in(x), *wp = in(w), *bp = in(b), *tp = in(tail), *gp = in(dy);
  float *dxp = dx.data_ptr<float>(), *dwp = dw.data_ptr<float>(), *dbp = db.data_ptr<float>();
#pragma omp parallel for schedule(static)
  for (long n = 0; n < B; ++n)
    for (long t = 0; t < L; ++t)
      for (long d = 0; d < D; d += 16) {
        const float *xn = xp + n * x.stride(0), *tn = tp + n * (W - 1) * D;
        const V s = conv_at(xn, xs, tn, wp, bp, t, d, D, W), q = sigmoid(s);
        const V g = ld(gp + (n * L + t) * D + d) * q * (1.f + s * (1.f - q));
        st(dbp + n * D + d, ld(dbp + n * D + d) + g);
        for (long k = 0; k < W; ++k) {
          const long i = t - (W - 1) + k;
          const V v = i >= 0 ? ld(xn + i * xs + d) : ld(tn + (i + W - 1) * D + d);
          float* pw = dwp + (n * W + k) * D + d;
          st(pw, ld(pw) + g * v);
          if (i >= 0) {
            float* px = dxp + (n * L + i) * D + d;
            st(px, ld(px) + g * ld(wp + k * D + d));
          }
        }
      }
  return {dx, dw.sum(0), db.sum(0)};
}

// One block of 16 channels over all of time, N states each: dt = softplus(r + bias),
// h = exp(dt A) h + dt u B, y = (sum_n C h + D u) silu(z). Keeps a, h and the ungated y where asked to.
struct Scan {
  long L, D, us, rs, zs, bs;  // length, channels, row strides of u, r, z and of B and C
  const float *u, *r, *z, *Bm, *Cm, *A, *Dp, *bias;  // A: (N,D)
};
constexpr long N = 16;
template <bool keep>
static void scan_block(const Scan& s, long d, float* state, float* out, V* ka, V* kh, V* ky) {
  V h[N], A[N];
  for (long n = 0; n < N; ++n) h[n] = ld(state + n * 16), A[n] = ld(s.A + n * s.D + d);
  for (long t = 0; t < s.L; ++t) {
    const V dt = softplus(ld(s.r + t * s.rs + d) + ld(s.bias + d)), u = ld(s.u + t * s.us + d), du = dt * u;
    V y = u * ld(s.Dp + d);
    for (long n = 0; n < N; ++n) {
      const V a = vexp(dt * A[n]);
      h[n] = a * h[n] + du * s.Bm[t * s.bs + n];
      y += h[n] * s.Cm[t * s.bs + n];
      if (keep) ka[t * N + n] = a, kh[(t + 1) * N + n] = h[n];
    }
    if (keep) {
      ky[t] = y;
    } else {
      const V z = ld(s.z + t * s.zs + d);
      st(out + t * s.D + d, y * z * sigmoid(z));
    }
  }
  if (!keep)
    for (long n = 0; n < N; ++n) st(state + n * 16, h[n]);
}
// h: (B, D/16, N, 16), updated in place by the forward pass. p = [.., B, C] from x_proj, A: (N,D).
static Scan view(long b, const T& u, const T& r, const T& z, const T& p, const T& A, const T& Dp, const T& bias) {
  const float* P = in(p) + b * p.stride(0) + p.size(2) - 2 * N;
  return {u.size(1), u.size(2), u.stride(1), r.stride(1), z.stride(1), p.stride(1), in(u) + b * u.stride(0),
          in(r) + b * r.stride(0), in(z) + b * z.stride(0), P, P + N, in(A), in(Dp), in(bias)};
}
T scan_forward(T u, T r, T z, T p, T A, T Dp, T bias, T h) {
  const long B = u.size(0), L = u.size(1), D = u.size(2);
  T y = torch::empty({B, L, D}, A.options());
  float *yp = y.data_ptr<float>(), *hp = h.data_ptr<float>();
#pragma omp parallel for collapse(2) schedule(static)
  for (long b = 0; b < B; ++b)
    for (long d = 0; d < D; d += 16)
      scan_block<false>(view(b, u, r, z, p, A, Dp, bias), d, hp + (b * D + d) * N, yp + b * L * D, nullptr, nullptr, nullptr);
  return y;
}
std::vector<T> scan_backward(T g, T u, T r, T z, T p, T A, T Dp, T bias, T h0) {
  const long B = u.size(0), L = u.size(1), D = u.size(2);
  auto o = A.options();
  T du = torch::empty({B, L, D}, o), dr = torch::empty({B, L, D}, o), dz = torch::empty({B, L, D}, o);
  T dp = torch::zeros({B, L, p.size(2)}, o), dA = torch::zeros({B, N, D}, o), dD = torch::zeros({B, D}, o);
#pragma omp parallel
  {
    // dB and dC sum over channels: 16 partial sums per entry, added up at the end.
    std::vector<float> room((size_t)(L * N * 4 + N + L) * 16 + 16);
    auto al = ((uintptr_t)room.data() + 63) / 64 * 64;
    V *ka = (V*)al, *kh = ka + L * N, *ky = kh + (L + 1) * N, *kB = ky + L, *kC = kB + L * N;
#pragma omp for schedule(static)
    for (long b = 0; b < B; ++b) {
      const Scan s = view(b, u, r, z, p, A, Dp, bias);
      const float* gp = in(g) + b * L * D;
      float *pu = du.data_ptr<float>() + b * L * D, *pr = dr.data_ptr<float>() + b * L * D, *pz = dz.data_ptr<float>() + b * L * D;
      std::memset((void*)kB, 0, sizeof(V) * L * N * 2);
      for (long d = 0; d < D; d += 16) {
        float state[N * 16];
        std::memcpy(state, in(h0) + (b * D + d) * N, sizeof state);
        for (long n = 0; n < N; ++n) kh[n] = ld(state + n * 16);
        scan_block<true>(s, d, state, nullptr, ka, kh, ky);
        V dh[N] = {}, gA[N] = {}, gD = {};
        for (long t = L - 1; t >= 0; --t) {
          const V raw = ld(s.r + t * s.rs + d) + ld(s.bias + d), dt = softplus(raw);
          const V uu = ld(s.u + t * s.us + d), zz = ld(s.z + t * s.zs + d), q = sigmoid(zz), go = ld(gp + t * D + d);
          const V gy = go * zz * q, x = dt * uu;
          st(pz + t * D + d, go * ky[t] * q * (1.f + zz * (1.f - q)));
          V gdt = {}, w = {};
          for (long n = 0; n < N; ++n) {
            dh[n] += gy * s.Cm[t * s.bs + n];
            kC[t * N + n] += gy * kh[(t + 1) * N + n];
            kB[t * N + n] += dh[n] * x;
            w += dh[n] * s.Bm[t * s.bs + n];
            dh[n] *= ka[t * N + n];
            const V e = dh[n] * kh[t * N + n];
            gA[n] += e * dt;
            gdt += e * ld(s.A + n * D + d);
          }
          gD += gy * uu;
          st(pu + t * D + d, w * dt + gy * ld(s.Dp + d));
          st(pr + t * D + d, (gdt + w * uu) * sigmoid(raw));
        }
        for (long n = 0; n < N; ++n) st(dA.data_ptr<float>() + (b * N + n) * D + d, gA[n]);
        st(dD.data_ptr<float>() + b * D + d, gD);
      }
      float* pp = dp.data_ptr<float>() + b * L * p.size(2) + p.size(2) - 2 * N;
      for (long t = 0; t < L; ++t)
        for (long n = 0; n < N; ++n) {
          float sb = 0, sc = 0;
          for (int i = 0; i < 16; ++i) sb += kB[t * N + n][i], sc += kC[t * N + n][i];
          pp[t * p.size(2) + n] = sb, pp[t * p.size(2) + N + n] = sc;
        }
    }
  }
  return {du, dr, dz, dp, dA.sum(0), dD.sum(0), dr.sum(0).sum(0)};
}
"""


class ConvSilu(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, w, b, tail):
        ctx.save_for_backward(x, w, b, tail)
        return ops.conv_forward(x, w, b, tail)

    @staticmethod
    def backward(ctx, dy):
        return (*ops.conv_backward(dy.contiguous(), *ctx.saved_tensors), None)


class Scan(torch.autograd.Function):
    @staticmethod
    def forward(ctx, u, r, z, p, A, D, bias, h):
        ctx.save_for_backward(u, r, z, p, A, D, bias, h.clone())
        return ops.scan_forward(u, r, z, p, A, D, bias, h)

    @staticmethod
    def backward(ctx, dy):
        return (*ops.scan_backward(dy.contiguous(), *ctx.saved_tensors), None)


def fast_forward(self, hidden_states, cache_params=None, attention_mask=None, **kwargs):
    """MambaMixer.forward. `self.carry`, if set, holds the last inputs of the convolution and the state."""
    B, L, D, N = hidden_states.shape[0], hidden_states.shape[1], self.intermediate_size, self.ssm_state_size
    assert D % 16 == 0 and N == 16 and not self.use_bias
    tail, h = getattr(self, "carry", None) or (torch.zeros(B, 3, D), torch.zeros(B, D // 16, N, 16))
    x, z = self.in_proj(hidden_states).split(D, -1)
    u = ConvSilu.apply(x, self.conv1d.weight[:, 0].t().contiguous(), self.conv1d.bias, tail)
    p = self.x_proj(u)
    r = p[..., : self.time_step_rank] @ self.dt_proj.weight.t()
    y = Scan.apply(u, r, z, p, -torch.exp(self.A_log.t().contiguous()), self.D, self.dt_proj.bias, h)
    self.carry = (torch.cat([tail, x[:, -3:].detach()], 1)[:, -3:].contiguous(), h)
    y = self.out_proj(y)
    if self.training and self.dropout:  # one mask for all of time: cheap, and usual for recurrent networks
        y = y * ((torch.rand(B, 1, y.shape[2]) >= self.dropout) / (1 - self.dropout))
    return y


def mixers(model):
    return [b.mixer for b in model.backbone.layers]


def forget(model, rows=None):
    """Back to the zero state, for all rows of the batch or those given."""
    for m in mixers(model):
        if rows is None:
            m.carry = None
        elif m.carry:
            for t in m.carry:
                t[rows] = 0


def logits_of(model, x):
    return model(input_ids=x, use_cache=False).logits.float()


def loss_of(model, x, y):
    return F.cross_entropy(logits_of(model, x).flatten(0, 1), y.flatten())


def verify(model):
    """The replaced mixer against that of transformers: logits and all gradients; and a carried state."""
    x = torch.randint(0, 256, (3, 97))
    results = []
    for forward in (original_forward, fast_forward):
        MambaMixer.forward = forward
        forget(model)
        model.zero_grad()
        logits = logits_of(model, x)
        F.cross_entropy(logits[:, :-1].flatten(0, 1), x[:, 1:].flatten()).backward()
        results.append([logits.detach()] + [p.grad.clone() for p in model.parameters()])
    forget(model)
    parts = torch.cat([logits_of(model, piece) for piece in x.split([40, 1, 1, 55], 1)], 1).detach()
    pairs = list(zip(*results)) + [(results[0][0], parts)]
    worst = max(((a - b).norm() / a.norm()).item() for a, b in pairs)
    assert worst < 2e-5, f"the fast mixer differs from transformers: {worst}"
    model.zero_grad()
    forget(model)
    return worst


@torch.no_grad()
def initialise(model, config):
    """As mamba_ssm: embedding N(0, 0.02), linear layers uniform, out_proj scaled down with depth."""
    model.backbone.embeddings.weight.normal_(0, 0.02)
    for m in mixers(model):
        for w in (m.in_proj.weight, m.x_proj.weight, m.out_proj.weight, m.conv1d.weight):
            torch.nn.init.kaiming_uniform_(w, a=math.sqrt(5))
        bound = 1 / math.sqrt(config.conv_kernel)
        m.conv1d.bias.uniform_(-bound, bound)
        m.out_proj.weight /= math.sqrt(config.num_hidden_layers)
        m.init_mamba_weights()  # A_log = log 1..N, D = 1, step sizes log-uniform in 0.001 .. 0.1


@torch.no_grad()
def bits_per_byte(model, data):
    """Text read once from a zero state, in pieces, the state carried on; its first byte is not counted."""
    model.eval()
    forget(model)
    data, nats = torch.from_numpy(data.astype(np.int64))[None], 0.0
    for i in range(0, data.shape[1] - 1, 4096):
        y = data[:, i + 1 : i + 4097]
        nats += F.cross_entropy(logits_of(model, data[:, i : i + y.shape[1]])[0], y[0], reduction="sum").item()
    forget(model)
    model.train()
    return nats / (data.shape[1] - 1) / math.log(2)


@torch.no_grad()
def sample(model, prompt, count, temperature):
    model.eval()
    forget(model)
    text, x = bytearray(prompt), torch.tensor([list(prompt)])
    for _ in range(count):
        p = torch.softmax(logits_of(model, x)[0, -1] / temperature, -1)
        x = torch.multinomial(p, 1)[None]
        text.append(x.item())
    forget(model)
    model.train()
    return text.decode("latin-1")


def main():
    ap = argparse.ArgumentParser(description="train the default model")
    ap.add_argument("text")
    ap.add_argument("out")
    ap.add_argument("--tokens", type=int, default=16_000_000, help="bytes seen in training")
    ap.add_argument("--batch", type=int, default=16)
    ap.add_argument("--length", type=int, default=256)
    ap.add_argument("--lr", type=float, default=3e-3)
    ap.add_argument("--dropout", type=float, default=0.1)
    ap.add_argument("--width", type=int, default=192)
    ap.add_argument("--layers", type=int, default=6)
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--threads", type=int, default=2)
    ap.add_argument("--bf16", action="store_true", help="bfloat16 inside matrix products")
    ap.add_argument("--stop-after", type=int, default=0, help="stop after this many steps (for timing)")
    ap.add_argument("--warmup", type=int, default=150, help="steps of rising learning rate")
    ap.add_argument("--start", default="", help="folder of a checkpoint to begin with")
    ap.add_argument("--keep", default="", help="folder for an intermediate checkpoint every five minutes")
    args = ap.parse_args()

    torch.manual_seed(args.seed)
    torch.set_num_threads(args.threads)
    rng = np.random.default_rng(args.seed)

    text = np.fromfile(args.text, dtype=np.uint8)
    held = len(text) // 10
    train, heldout = text[:-held], text[-held:]
    # The last 20 kB of the training part are not trained on either: they show the progress.
    train, monitor = train[:-20_000], train[-20_000:]

    config = MambaConfig(
        vocab_size=256, hidden_size=args.width, num_hidden_layers=args.layers, state_size=16, expand=2,
        conv_kernel=4, use_bias=False, use_conv_bias=True, tie_word_embeddings=True, initializer_range=0.02,
    )
    model = MambaForCausalLM(config)
    initialise(model, config)
    if args.start:
        model = MambaForCausalLM.from_pretrained(args.start, dtype=torch.float32)
    for m in mixers(model):
        m.dropout = 0.0
    count = sum(p.numel() for p in model.parameters())
    print(f"{count} parameters; fast mixer against transformers: {verify(model):.1e}", flush=True)
    for m in mixers(model):
        m.dropout = args.dropout
    if args.bf16:
        torch.backends.mkldnn.matmul.fp32_precision = "bf16"

    plain = ("A_log", "D", "bias", "norm.weight", "norm_f.weight")
    groups = [
        {"params": [p for n, p in model.named_parameters() if not n.endswith(plain)], "weight_decay": 0.1},
        {"params": [p for n, p in model.named_parameters() if n.endswith(plain)], "weight_decay": 0.0},
    ]
    optimiser = torch.optim.AdamW(groups, lr=args.lr, betas=(0.9, 0.95), fused=True)
    steps, warmup = args.tokens // (args.batch * args.length), args.warmup

    # Every row of the batch reads on in the text with its state carried over (gradients stop at the
    # border); with a chance of 1 in 16 it jumps to a random place and begins with the zero state.
    place = rng.integers(0, len(train) - args.length - 1, args.batch)
    begin = saved = time.time()
    model.train()
    for step in range(steps):
        jump = (rng.random(args.batch) < 1 / 16) | (place + args.length + 1 > len(train))
        place[jump] = rng.integers(0, len(train) - args.length - 1, jump.sum())
        forget(model, torch.from_numpy(np.flatnonzero(jump)))
        rows = np.stack([train[i : i + args.length + 1] for i in place]).astype(np.int64)
        rows, place = torch.from_numpy(rows), place + args.length

        if step < warmup:
            lr = args.lr * (step + 1) / warmup
        else:
            lr = args.lr * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (step - warmup) / (steps - warmup))))
        for g in optimiser.param_groups:
            g["lr"] = lr
        loss = loss_of(model, rows[:, :-1].contiguous(), rows[:, 1:])
        optimiser.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimiser.step()

        if step % 20 == 0:
            seconds = time.time() - begin
            print(f"step {step}/{steps} loss {loss.item() / math.log(2):.3f} bits, gradient {norm:.2f}, "
                  f"{(step + 1) * args.batch * args.length / seconds:.0f} tokens/s, {seconds / 60:.1f} min", flush=True)
        if step % 250 == 249:
            carried = [m.carry for m in mixers(model)]
            print(f"step {step + 1} monitor {bits_per_byte(model, monitor):.4f} bits per byte", flush=True)
            for m, c in zip(mixers(model), carried):
                m.carry = c
        if args.keep and time.time() - saved > 300:
            saved = time.time()
            model.save_pretrained(args.keep)
            print(f"step {step + 1} saved", flush=True)
        if args.stop_after and step + 1 == args.stop_after:
            return
    minutes = (time.time() - begin) / 60

    torch.backends.mkldnn.matmul.fp32_precision = "ieee"
    before = bits_per_byte(model, heldout)
    model.half().save_pretrained(args.out)
    os.remove(os.path.join(args.out, "generation_config.json"))  # says nothing that config.json does not
    model = MambaForCausalLM.from_pretrained(args.out, dtype=torch.float32)  # computes in float32
    for m in mixers(model):
        m.dropout = 0.0
    figures = {
        "parameters": count, "tokens": steps * args.batch * args.length, "steps": steps, "batch": args.batch,
        "length": args.length, "learning_rate": args.lr, "dropout": args.dropout, "seed": args.seed,
        "threads": args.threads, "bf16_matmul": args.bf16, "minutes": round(minutes, 1),
        "train_bytes": len(train), "monitor_bytes": len(monitor), "heldout_bytes": len(heldout),
        "bits_per_byte_train_first_100kB": bits_per_byte(model, train[:100_000]),
        "bits_per_byte_monitor": bits_per_byte(model, monitor),
        "bits_per_byte_heldout_float32": before, "bits_per_byte_heldout": bits_per_byte(model, heldout),
        "torch": torch.__version__, "transformers": transformers.__version__,
        "sample": sample(model, b"\n", 300, 0.8),
    }
    heldout.tofile(os.path.join(args.out, "heldout.txt"))
    with open(os.path.join(args.out, "figures.json"), "w") as f:
        json.dump(figures, f, indent=2)
    print(json.dumps(figures, indent=2))


if __name__ == "__main__":
    original_forward = MambaMixer.forward
    ops = load_inline(
        "mixer_ops", CPP, functions=["conv_forward", "conv_backward", "scan_forward", "scan_backward"],
        extra_cflags=["-O3", "-march=native", "-fopenmp", "-Wno-psabi"],
    )
    MambaMixer.forward = fast_forward
    main()
