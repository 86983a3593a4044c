# SPDX-License-Identifier: MIT
"""Makes the tokenizer goldens of this folder and include/mamba/io/tokenizer/unicode_tables.hpp.

    pip install tokenizers==0.23.3 regex==2026.11.15      # Python 3.11
    python make.py

20B_tokenizer.json is the vocabulary of GPT-NeoX-20B as BlinkDL/ChatRWKV carries it (Apache 2.0, LICENSE.ChatRWKV).
All that is expected comes from `tokenizers`; Python's unicodedata and `regex` only supply characters to ask about.

    *.cases.jsonl   one case a line, for the tokenizer.json of the same name:
                    {"text": ..., "ids": [...]}   encode(text) = ids
                    {"hex": ..., "ids": [...]}    encode(bytes) = ids, invalid UTF-8 read by errors="replace"
                    {"decode": [...], "text": ...}
    tiny_*.json     small tokenizers for what GPT-NeoX does not use
    digests.json    FNV-1a of what `tokenizers` makes of all code points; see unicode_tables_test.cpp, nfc_test.cpp
"""

import json
import pathlib
import random
import unicodedata

import regex
import tokenizers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, trainers

HERE = pathlib.Path(__file__).resolve().parent
TABLES = HERE.parents[2] / "include" / "mamba" / "io" / "tokenizer" / "unicode_tables.hpp"
assert tokenizers.__version__ == "0.23.3", tokenizers.__version__

nfc = normalizers.NFC().normalize_str
split = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
CODE_POINTS = [c for c in range(0x110000) if not 0xD800 <= c < 0xE000]
OTHER, LETTER, NUMBER, SPACE = range(4)


# --- Unicode as tokenizers sees it ---------------------------------------------------------------------------------


def character_class(c):
    """What the pattern of GPT-2 takes a character for: what it forms one word with."""
    if len(split("a" + chr(c))) == 1:
        return LETTER
    if len(split("1" + chr(c))) == 1:
        return NUMBER
    return OTHER if len(split("!" + chr(c))) == 1 else SPACE


def inert_characters():
    """Characters that normalisation affects in today's Unicode and not in tokenizers' tables (Unicode 9.0)."""
    marks = [0x334, 0x93C, 0x3099, 0x94D, 0x5B0, 0x321, 0x316, 0x300, 0x345]
    is_mark = regex.compile(r"\P{Canonical_Combining_Class=0}")
    decomposes = regex.compile(r"\p{Decomposition_Type=Canonical}")

    def known(c):
        s = chr(c)
        if decomposes.match(s):
            return nfc(s) != s or nfc(unicodedata.normalize("NFD", s)) == s != unicodedata.normalize("NFD", s)
        return any(nfc(t) != t for m in marks for t in ("q" + s + chr(m), "q" + chr(m) + s))

    relevant = [c for c in CODE_POINTS
                if not 0xAC00 <= c < 0xD7A4 and (is_mark.match(chr(c)) or decomposes.match(chr(c)))]
    found = {c for c in relevant if not known(c)}
    # Parts of compositions that came after 9.0 and have neither a class nor a decomposition themselves.
    parts = [0x105D2, 0x105DA, 0x11382, 0x11384, 0x1138B, 0x11390, 0x113B8, 0x113BB, 0x113C2, 0x113C9, 0x11930, 0x11935,
             0x1611E, 0x1611F, 0x16120, 0x16129, 0x16D63, 0x16D67]
    return sorted(found | set(parts)), relevant


def ranges(sorted_numbers):
    out = []
    for n in sorted_numbers:
        if out and out[-1][1] == n - 1:
            out[-1][1] = n
        else:
            out.append([n, n])
    return out


def rows(items, separator=", "):
    lines, line = [], "   "
    for item in items:
        if len(line) + len(item) + 2 > 118:
            lines.append(line)
            line = "   "
        line += " " + item + ","
    return "\n".join(lines + [line])


def write_tables(classes, inert):
    runs = [c for c in range(0x110000) if c == 0 or classes[c] != classes[c - 1]]
    TABLES.write_text(f"""\
// SPDX-License-Identifier: MIT
// mamba/io/tokenizer/unicode_tables.hpp — the Unicode tables of `tokenizers`.  [floor 7]
//
// Made by tests/golden/tokenizer/make.py.
//
// Both tables are the behaviour of `tokenizers` {tokenizers.__version__} at every code point. Its pattern follows Unicode 16, its
// normalisation Unicode 9; a library of any other version would split or compose some texts differently.
#pragma once

#include <mamba/core/abi.hpp>

#include <algorithm>
#include <cstdint>
#include <iterator>

namespace mamba::inline MAMBA_ABI::io {{

/// The classes of the pattern of GPT-2: neither of the others, \\p{{L}}, \\p{{N}}, \\s.
enum class character_class {{ other, letter, number, space }};

namespace detail {{

/// Runs of code points of one class: 4 times the first code point, plus the class.
// clang-format off
inline constexpr std::uint32_t class_runs[] = {{
{rows([f"0x{4 * c + classes[c]:X}" for c in runs])}
}};

struct code_point_range {{
  char32_t first, last;
}};

/// Characters with a canonical decomposition or a combining class in today's Unicode and none in `tokenizers`, and the
/// parts of such compositions.
inline constexpr code_point_range inert_ranges[] = {{
{rows([f"{{0x{a:X}, 0x{b:X}}}" for a, b in ranges(inert)])}
}};
// clang-format on

}}  // namespace detail

/// The class of a code point.
[[nodiscard]] inline character_class classify(char32_t c) noexcept {{
  if (c < 0x80) {{
    bool const letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    bool const space = c == ' ' || (c >= '\\t' && c <= '\\r');
    bool const number = c >= '0' && c <= '9';
    return letter   ? character_class::letter
           : space  ? character_class::space
           : number ? character_class::number
                    : character_class::other;
  }}
  // The last run that does not begin behind c.
  auto const* const behind = std::upper_bound(std::begin(detail::class_runs), std::end(detail::class_runs),
                                              4 * static_cast<std::uint32_t>(c) + 3);
  return static_cast<character_class>(*std::prev(behind) % 4);
}}

/// Whether normalisation leaves a code point unchanged and neither orders nor composes anything across it, although
/// newer tables would.
[[nodiscard]] inline bool is_inert(char32_t c) noexcept {{
  auto const* const range = std::partition_point(std::begin(detail::inert_ranges), std::end(detail::inert_ranges),
                                                 [c](detail::code_point_range r) {{ return r.last < c; }});
  return range != std::end(detail::inert_ranges) && range->first <= c;
}}

}}  // namespace mamba::inline MAMBA_ABI::io
""")


# --- digests -------------------------------------------------------------------------------------------------------


def fnv1a(data, h=0xCBF29CE484222325):
    for b in data:
        h = (h ^ b) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return h


MARKED = [(0, 0x3400), (0xA000, 0xAC00), (0xF900, 0x12000), (0x16000, 0x17000), (0x1D000, 0x1F000), (0x2F800, 0x2FA20)]


def normalisation_digest():
    """Each code point alone; those of the scripts with marks also between other marks."""
    h = fnv1a(b"")
    for c in CODE_POINTS:
        if nfc(chr(c)) != chr(c):
            h = fnv1a(nfc(chr(c)).encode(), h)
    for first, last in MARKED:
        for c in range(first, last):
            if not 0xD800 <= c < 0xE000:
                s = "e\u0345" + chr(c) + "\u0334\u0301"
                n = nfc(s)
                if n != s:
                    h = fnv1a(n.encode(), h)
    return h


# --- strings -------------------------------------------------------------------------------------------------------

SENTENCES = r"""The quick brown fox jumps over the lazy dog.
Mamba is a state space model; it doesn't attend, it selects.
Der schnelle braune Fuchs springt über den faulen Hund – „Grüße aus Köln“, sagte er.
Portez ce vieux whisky au juge blond qui fume, s'il vous plaît. L'été, ça va?
El pingüino Wenceslao hizo kilómetros bajo exhaustiva lluvia y frío, ¿añoraba?
Příliš žluťoučký kůň úpěl ďábelské ódy.
Zażółć gęślą jaźń. Pchnąć w tę łódź jeża lub ośm skrzyń fig.
Съешь же ещё этих мягких французских булок, да выпей чаю.
Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.
דג סקרן שט בים מאוכזב ולפתע מצא חברה. שָׁלוֹם עֲלֵיכֶם
صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت
ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का सर्वनाश करने वाले विष्णुवतार
আমার সোনার বাংলা, আমি তোমায় ভালোবাসি।
நீ உலகம் சுற்றும் வாலிபன்
เป็นมนุษย์สุดประเสริฐเลิศคุณค่า
いろはにほへと ちりぬるを。カタカナ、ひらがな、漢字を混ぜた文。
我能吞下玻璃而不伤身体。天地玄黃,宇宙洪荒。
키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.
Tiếng Việt có nhiều dấu: ặ ẵ ầ ễ ợ ữ ỵ.
ሰማይ አይታረስ ንጉሥ አይከሰስ።
ძველი ქართული ანბანი; Ⴀ Ⴁ Ა
Բարեւ Ձեզ
ᎠᎡᎢ ᐃᓄᒃᑎᑐᑦ ᚠᚢᚦᚨᚱᚲ
def f(x):\n\treturn {k: v for k, v in x.items() if v is not None}\n
for (int i = 0; i < n; ++i) {\n        sum += a[i] * b[i];\n    }\n\n\n
$ curl -sSL https://example.org/a?b=c&d=%20e | tar xz\r\n
E = mc² and ∫₀^∞ e^{-x²} dx = √π/2; ℵ₀ ≤ ½·⅔
<|endoftext|> is cut out, <|padding|> too, <|endoftext is not, <|ENDOFTEXT|> neither<|endoftext|><|endoftext|>
    Hello   world  !
1234567890 3.14159 1,000,000 0x1F 1e-9 ١٢٣ १२३ ௧௨௩ Ⅷ ② 〇 ৴""".split("\n")
SENTENCES = [s.replace(r"\n", "\n").replace(r"\r", "\r").replace(r"\t", "\t") for s in SENTENCES]

EMOJI = ["👨\u200d👩\u200d👧\u200d👦", "🏳\ufe0f\u200d🌈", "👩🏽\u200d🚀", "❤\ufe0f\u200d🔥", "🇩🇪🇫🇷", "1\ufe0f\u20e3", "☕", "🫠", "🧑🏿\u200d🤝\u200d🧑🏻",
         "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", "👁\ufe0f\u200d🗨\ufe0f", "😀", "©\ufe0f", "🐦\u200d⬛", "✌🏾"]
SPACES = [chr(c) for c in (9, 10, 11, 12, 13, 32, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000)]
NOT_SPACES = ["\u200b", "\u180e", "\ufeff", "\u2060", "\u200c", "\u200d", "\x1c", "\x1f", "\x00", "\x7f", "\u00ad"]
WORDS = ["I", "don", "we", "they", "she", "the", "Hello", "WORLD", "naïve", "x", "état", "Straße", "über", "мир", "世界", "it", "y'all", "rock'n'roll"]
ENDINGS = ["'s", "'t", "'re", "'ve", "'m", "'ll", "'d", "'S", "'T", "'RE", "'VE", "'M", "'LL", "'D", "'", "''s", "'re's", "'x", "’s", "'l", "'r"]


def scripts():
    """Letters by the first word of their name, which mostly is the script."""
    groups = {}
    for c in CODE_POINTS:
        if unicodedata.category(chr(c))[0] in "LM":
            groups.setdefault(unicodedata.name(chr(c), "?").split()[0], []).append(chr(c))
    return {name: letters for name, letters in groups.items() if len(letters) >= 12}


def texts(rng, relevant, classes):
    pick, some = rng.choice, lambda pool, a, b: "".join(rng.choice(pool) for _ in range(rng.randint(a, b)))
    yield ""
    yield from SENTENCES
    yield from (chr(c) for c in range(0x80))
    yield from (unicodedata.normalize("NFD", s) for s in SENTENCES)
    for letters in scripts().values():
        for _ in range(3):
            yield " ".join(some(letters, 1, 8) for _ in range(rng.randint(1, 4)))
    for e in EMOJI:
        yield e
        yield "a " + e + e + " b"
    for _ in range(150):
        yield some(EMOJI + ["\u200d", "\ufe0f", "🏽", " ", "a"], 2, 6)
    for n in range(1, 60):
        yield " " * n
        yield "a" + " " * n + "b"
        yield pick("\n\t\r") * n + pick(["", "x"])
    for _ in range(250):
        yield some([" "] * 12 + ["\n", "\t", "\r\n"] * 2 + SPACES + NOT_SPACES + ["a", "1", "!"], 1, 14)
    for _ in range(160):
        yield pick(["", " ", "\n"]) + pick(WORDS) + pick(ENDINGS) + pick(["", " ", "s", "1"]) + pick(WORDS) + pick(ENDINGS)
    digits = [chr(c) for c in CODE_POINTS if classes[c] == NUMBER]
    for _ in range(150):
        yield some("0123456789", 1, 12) + some(["", " ", ".", ",", "-"] + digits, 0, 6) + some("0123456789", 0, 4)
    composed = [chr(c) for c in relevant]
    seconds = sorted({x for c in composed for x in unicodedata.normalize("NFD", c)})
    hangul = [chr(c) for c in (*range(0x1100, 0x1113), *range(0x1161, 0x1176), *range(0x11A7, 0x11C3), 0xAC00, 0xAC01, 0xD7A3)]
    for _ in range(400):
        yield some(composed + seconds + hangul * 3 + [" ", "a"] * 20, 1, 8)
    for _ in range(150):
        yield some("aeiouAEIOUсꙋе" , 1, 1).join(some(seconds, 1, 4) for _ in range(rng.randint(2, 5)))
    newer = [chr(c) for c in CODE_POINTS if classes[c] != {"L": LETTER, "N": NUMBER}.get(unicodedata.category(chr(c))[0], OTHER)]
    for _ in range(150):
        yield some(newer + ["a", "1", " ", "!"] * 200, 2, 8)
    for _ in range(250):
        yield some([chr(c) for c in rng.sample(CODE_POINTS, 40)], 1, 8)
    for _ in range(120):
        yield some("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~«»“”…—¿¡。、§¶" + " aZ9\n", 2, 16)
    pieces = ["<|endoftext|>", "<|padding|>", "<|endoftext|", "<|", "|>", "  ", "    ", " " * 24, " " * 25, "e\u0301", "\u0301", "a", " b", "\n"]
    for _ in range(200):
        yield some(pieces, 1, 6)
    for _ in range(60):
        yield some(SENTENCES, 1, 3).replace(" ", pick(["  ", " ", "\u00a0", "\t"]))
    yield "a" * 3000
    yield "ab" * 1000 + "\u0301" * 300
    yield some("abcdefghijklmnopqrstuvwxyz", 2000, 2000)
    yield " " * 1001 + "x"
    yield "\u0301\u0316" * 200


def broken_bytes(rng):
    """Byte strings that are not UTF-8: by hand for each rule of the standard, then by accident."""
    yield from (bytes([b]) for b in range(0x80, 0x100))
    for s in ("c3", "e2 82", "f0 9f 98", "c0 af", "e0 80 af", "e0 9f bf", "ed a0 80 ed b0 80", "ed 9f bf", "f0 8f bf bf", "f4 90 80 80",
              "f4 8f bf bf", "f5 80 80 80", "e2 28 a1", "e2 82 28", "f0 28 8c bc", "f0 9f 28 bc", "f0 9f 98 28", "c3 28", "a0 a1", "fe fe ff ff",
              "61 f1 80 80 e1 80 c2 62 80 63 80 bf 64", "c2 c2 c2 a0", "f0 80 80 41", "ef bf bd", "ef bb bf 41", "e2 82 e2 82 ac", "20 80 20 20 ff"):
        yield bytes.fromhex(s)
    source = "".join(SENTENCES) + "".join(EMOJI)
    for _ in range(200):
        at = rng.randrange(len(source) - 12)
        data = bytearray(source[at:at + rng.randint(2, 12)].encode())
        for _ in range(rng.randint(1, 3)):
            i = rng.randrange(len(data))
            if rng.random() < 0.5 and len(data) > 1:
                del data[i]
            else:
                data[i] = rng.randrange(256)
        yield bytes(data)
    for _ in range(60):
        yield rng.randbytes(rng.randint(1, 12))


def write_cases(path, encodes, decodes):
    t = Tokenizer.from_file(str(path))
    with open(path.with_suffix(".cases.jsonl"), "w", encoding="utf-8", newline="\n") as out:
        seen = set()
        for source in encodes:
            if source in seen:
                continue
            seen.add(source)
            text = source if isinstance(source, str) else source.decode("utf-8", errors="replace")
            key = {"text": source} if isinstance(source, str) else {"hex": source.hex()}
            print(json.dumps({**key, "ids": t.encode(text).ids}, separators=(",", ":"), ensure_ascii=False), file=out)
        for ids in decodes:
            case = {"decode": ids, "text": t.decode(ids, skip_special_tokens=False)}
            print(json.dumps(case, separators=(",", ":"), ensure_ascii=False), file=out)
        print(path.name, len(seen), "strings")


# --- small tokenizers ----------------------------------------------------------------------------------------------


def tiny():
    """A vocabulary of 400 learnt from the sentences above; newer files have merges as arrays."""
    t = Tokenizer(models.BPE())
    t.normalizer = normalizers.NFC()
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = tokenizers.decoders.ByteLevel()
    t.train_from_iterator(SENTENCES * 3, trainers.BpeTrainer(vocab_size=400, min_frequency=2, show_progress=False,
                          initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet())))
    return json.loads(t.to_str())


def added(content, id, **flags):
    token = dict(id=id, content=content, single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {**token, **flags}


def variants(base):
    size = len(base["model"]["vocab"])
    assert all(isinstance(m, list) for m in base["model"]["merges"])
    yield "tiny_arrays", base
    strings = {**base["model"], "merges": ["#version: 0.2"] + [" ".join(m) for m in base["model"]["merges"]],
               "continuing_subword_prefix": "", "end_of_word_suffix": "", "unk_token": "<unk>", "dropout": 0.0}
    template = {"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A", "type_id": 0}}],
                "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 1}}], "special_tokens": {}}
    yield "tiny_prefix", {**base, "model": strings, "normalizer": None, "post_processor": template,
                          "pre_tokenizer": {**base["pre_tokenizer"], "add_prefix_space": True},
                          "added_tokens": [added("<|endoftext|>", size, special=True), added("  ", size + 1, normalized=True)]}
    yield "tiny_whole", {**base, "pre_tokenizer": {**base["pre_tokenizer"], "use_regex": False}}
    tokens = [("<L>", dict(lstrip=True)), ("<R>", dict(rstrip=True)), ("<LR>", dict(lstrip=True, rstrip=True, special=True)),
              ("  ", {}), ("ab", {}), ("abc", {}), ("bcd", {}), ("e\u0301x", dict(normalized=True)), ("E\u0301X", {}), ("\u0120z", {}),
              ("n\u0303", dict(normalized=True, rstrip=True)), ("\u2003q", dict(normalized=True, lstrip=True)), (" ", dict(normalized=True))]
    known = next(t for t in base["model"]["vocab"] if len(t) == 3 and t.isascii())
    ids = base["model"]["vocab"]
    yield "tiny_flags", {**base, "added_tokens": [added(known, ids[known], normalized=True)] +
                         [added(c, size + i, **flags) for i, (c, flags) in enumerate(tokens)]}


def main():
    rng = random.Random(20261122)
    classes = [OTHER] * 0x110000
    for c in CODE_POINTS:
        classes[c] = character_class(c)
    inert, relevant = inert_characters()
    write_tables(classes, inert)
    digests = {"classes": f"{fnv1a(bytes(classes)):016x}", "nfc": f"{normalisation_digest():016x}"}
    (HERE / "digests.json").write_text(json.dumps(digests, indent=1) + "\n")

    large = HERE / "20B_tokenizer.json"
    decodes = [[rng.randrange(50277) for _ in range(rng.randint(1, 12))] for _ in range(150)]
    decodes += [[rng.choice([rng.randrange(2, 260), rng.randrange(60000)]) for _ in range(rng.randint(1, 12))] for _ in range(150)]
    write_cases(large, [*texts(rng, relevant, classes), *broken_bytes(rng)], decodes)

    for name, content in variants(tiny()):
        path = HERE / (name + ".json")
        path.write_text(json.dumps(content, ensure_ascii=False, indent=None, separators=(",", ":")) + "\n", encoding="utf-8")
        pieces = ["<L>", "<R>", "<LR>", " ", "  ", "   ", "\u2003", "\n", "ab", "abc", "abcd", "bcd", "e\u0301x", "\u00e9x", "E\u0301X", "\u00c9X", "q",
                  "\u0120z", "z", "n\u0303", "\u00f1", "\u0303", "the", "an", "<|endoftext|>", "it's", "12", "!", "über", "мир", "世界", "\u2003q"]
        strings = ["", " ", *SENTENCES] + ["".join(rng.choice(pieces) for _ in range(rng.randint(1, 9))) for _ in range(300)]
        size = len(content["model"]["vocab"]) + len(content["added_tokens"])
        decodes = [[rng.randrange(size + 2) for _ in range(rng.randint(1, 9))] for _ in range(60)]
        write_cases(path, strings, decodes)


if __name__ == "__main__":
    main()
