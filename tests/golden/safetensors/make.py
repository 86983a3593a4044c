# SPDX-License-Identifier: MIT
"""Makes the files in this folder with the reference implementation of the format. Not needed to build or test.

    python3 -m venv venv
    venv/bin/pip install numpy==2.4.6 safetensors==0.8.0 torch==2.15.0 transformers==5.23.0
    venv/bin/python make.py

all_types.safetensors   one tensor of each dtype that torch has, a single number, and an empty tensor
single/, sharded/       one tiny Mamba, saved by transformers as one file and as several shards. Element i of the n-th
                        tensor (in the order of their names) is 4096 n + i.
../../fuzz/corpus/safetensors/   small files from which the fuzz target starts
"""
import json
import pathlib
import shutil
import struct

import safetensors
import torch
import transformers
from safetensors.torch import save_file

assert safetensors.__version__ == "0.8.0"
assert transformers.__version__ == "5.23.0"
here = pathlib.Path(__file__).parent

signed = torch.tensor([[-2.0, -1.0, 0.0], [1.0, 2.0, 3.0]])
unsigned = torch.tensor([[0, 1, 2], [3, 4, 255]])
tensors = {
    "bool": torch.tensor([[True, False, False], [True, True, False]]),
    "f8_e5m2": signed.to(torch.float8_e5m2),
    "f8_e4m3": signed.to(torch.float8_e4m3fn),
    "f16": torch.tensor([[-65504.0, 2.0**-24, 0.333251953125], [1.0, float("inf"), -0.0]], dtype=torch.float16),
    "bf16": torch.tensor([[-1.0, 2.0**-133, 0.333984375], [1.0, float("-inf"), 3.0]], dtype=torch.bfloat16),
    "f32": torch.tensor([[-1.5, 2.0**-149, 0.1], [1.0, 3.4028234663852886e38, 3.0]]),
    "f64": torch.tensor([[-1.5, 2.0**-1074, 0.1], [1.0, 1.7976931348623157e308, 3.0]], dtype=torch.float64),
    "c64": signed.to(torch.complex64),
    "i8": signed.to(torch.int8),
    "i16": signed.to(torch.int16),
    "i32": signed.to(torch.int32),
    "i64": signed.to(torch.int64),
    "u8": unsigned.to(torch.uint8),
    "u16": unsigned.to(torch.uint16),
    "u32": unsigned.to(torch.uint32),
    "u64": unsigned.to(torch.uint64),
    "rank 0": torch.tensor(2.5),
    "empty": torch.zeros(3, 0, 2, dtype=torch.float16),
    "näme \"with\" \\ quotes\n": torch.tensor([7], dtype=torch.uint8),
}
save_file(tensors, here / "all_types.safetensors", metadata={"format": "pt"})

config = transformers.MambaConfig(
    vocab_size=11, hidden_size=8, state_size=4, num_hidden_layers=2, conv_kernel=3, expand=2, time_step_rank=1,
    use_bias=True, use_conv_bias=True, tie_word_embeddings=True, layer_norm_epsilon=1e-6)
model = transformers.MambaForCausalLM(config)
parameters = dict(model.named_parameters())
with torch.no_grad():
    for n, name in enumerate(sorted(parameters)):
        p = parameters[name]
        p.copy_((4096.0 * n + torch.arange(p.numel(), dtype=torch.float32)).reshape(p.shape))
for folder, largest in ("single", "1GB"), ("sharded", "3KB"):
    shutil.rmtree(here / folder, ignore_errors=True)
    model.save_pretrained(here / folder, max_shard_size=largest)
    (here / folder / "generation_config.json").unlink(missing_ok=True)

corpus = here.parent.parent / "fuzz" / "corpus" / "safetensors"
corpus.mkdir(parents=True, exist_ok=True)
entry = lambda dtype, shape, begin, end: {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}
for name, header, size in (
    ("none", {}, 0),
    ("scalar", {"t": entry("F32", [], 0, 4)}, 4),
    ("three", {"__metadata__": {"format": "pt"}, "a": entry("F16", [2, 1], 0, 4), "b": entry("U64", [3, 0], 4, 4),
               "c": entry("I8", [5], 4, 9)}, 9),
    ("unknown_fields", {"t": {"x": [{"y": [1, -2, 3.5, None, True, "\u00fc"]}], **entry("F64", [1, 1], 0, 8)}}, 8),
    ("overlap", {"a": entry("F32", [1], 0, 4), "b": entry("F32", [1], 0, 4)}, 4),
    ("overflow", {"a": entry("F32", [2, 2**64 - 2], 0, 16)}, 16),
):
    text = json.dumps(header, separators=(",", ":")).encode()
    (corpus / name).write_bytes(struct.pack("<Q", len(text)) + text + bytes(range(size)))
shutil.copy(here / "all_types.safetensors", corpus / "all_types")
