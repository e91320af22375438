"""Hostile archives: 100,000 broken ones are opened; none may do harm, and each ends in one line or in plain files.

    PYTHONPATH=. .venv/bin/python benchmarks/fuzz_archive.py --count 100000

Harm is anything but a StoreError of one line: another exception, a file outside, a link, a size beyond what was in.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from suite.compare import archive
from suite.errors import StoreError

FILES = {"run.json": b"{}\n" * 20, "records.jsonl": b"[1,2]\n" * 30, "plots/a.png": b"\x89PNG", "report.md": b"# r\n"}
NAMES = (b"../x", b"/etc/x", b"run.json", b"a\\b", b"\0", b"plots", b"a/b/c/d")
MARKS = (b"PK\1\2", b"PK\3\4", b"PK\5\6")


def mutated(content: bytes, rng: random.Random) -> bytes:
    """One to four changes: bits, numbers of headers, names, pieces cut out, doubled or moved."""
    found = bytearray(content)
    for _ in range(rng.randint(1, 4)):
        if len(found) < 30:
            break
        match rng.randrange(7):
            case 0:
                found[rng.randrange(len(found))] ^= 1 << rng.randrange(8)
            case 1:  # a field of a header
                at = found.find(rng.choice(MARKS), rng.randrange(len(found)))
                at = max(at, 0) + 4 + 2 * rng.randrange(21)
                if at + 4 <= len(found):
                    struct.pack_into("<I", found, at, rng.choice((0, 1, 0xFFFF, 0xFFFFFFFF, rng.getrandbits(32))))
            case 2:  # a name of the same length, in one header or in both
                old = rng.choice(list(FILES)).encode()
                new = (rng.choice(NAMES) * len(old))[: len(old)]
                found = bytearray(bytes(found).replace(old, new, rng.choice((1, -1))))
            case 3:
                start = rng.randrange(len(found))
                del found[start : start + rng.randrange(1, 60)]
            case 4:
                start = rng.randrange(len(found))
                piece = found[start : start + rng.randrange(1, 200)]
                at = rng.randrange(len(found))
                found[at:at] = piece
            case 5:
                del found[rng.randrange(len(found)) :]
            case 6:
                found += rng.randbytes(rng.randrange(1, 40))
    return bytes(found)


def harm(source: Path, most_bytes: int) -> str | None:
    """What went wrong beyond a refusal; None where nothing did. "refused" and "taken" are both right."""
    try:
        with archive.opened(source) as folder:
            total = 0
            for path in folder.rglob("*"):
                if path.is_symlink() or not (path.is_dir() or path.is_file()):
                    return f"{path} is no plain file"
                total += path.stat().st_size if path.is_file() else 0
            if total > most_bytes:
                return f"{total} bytes came out of {most_bytes}"
    except StoreError as error:
        return "refused" if "\n" not in str(error) else f"more than one line: {error}"
    except Exception as error:  # noqa: BLE001  # that is what is looked for
        return f"{type(error).__name__}: {error}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    rng, counts = random.Random(given.seed), Counter[str]()
    began_s = time.monotonic()
    with tempfile.TemporaryDirectory() as place:
        whole, broken = Path(place) / "whole.zip", Path(place) / "broken.zip"
        archive.write(whole, FILES)
        content = whole.read_bytes()
        for number in range(given.count):
            broken.write_bytes(mutated(content, rng))
            found = harm(broken, broken.stat().st_size) or "taken"
            if found not in ("refused", "taken"):
                print(f"case {number}: {found}", file=sys.stderr)
                found = "harm"
            counts[found] += 1
        outside = sorted(path.name for path in Path(place).iterdir())
    print(f"{given.count:,} archives in {time.monotonic() - began_s:.0f} s: {dict(counts)}; beside them: {outside}")
    return 1 if counts["harm"] or outside != ["broken.zip", "whole.zip"] else 0


if __name__ == "__main__":
    sys.exit(main())
