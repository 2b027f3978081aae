"""Reads random tables of Parquet and Arrow with hft and with pyarrow and counts differences; then writes records as
Parquet and reads them with pyarrow.

usage: scripts/compare tables [N [SEED]]
"""
import base64
import datetime
import decimal
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

ROOT = Path(__file__).resolve().parents[2]
HFT = str(ROOT / "build/hft")
MODEL = str(ROOT / "tests/golden/bert-classify")
WORDS = ["", "a", "Grüß", "🌍 x", 'q"uote', "line\nend", "tab\t", "null", "007", "\x00nul"]


def random_type(r, depth=0):
    plain = [pa.bool_(), pa.int8(), pa.int16(), pa.int32(), pa.int64(), pa.uint8(), pa.uint16(), pa.uint32(), pa.uint64(), pa.float16(),
             pa.float32(), pa.float64(), pa.string(), pa.large_string(), pa.binary(), pa.binary(3), pa.date32(), pa.timestamp("us"),
             pa.timestamp("ms", "UTC"), pa.timestamp("s"), pa.time32("s"), pa.time64("us"), pa.decimal128(9, 2), pa.null(),
             pa.dictionary(pa.int8(), pa.string())]
    if depth < 2 and r.random() < 0.35:
        inner = lambda: random_type(r, depth + 1)
        kind = r.randrange(4)
        if kind == 0:
            return pa.list_(inner())
        if kind == 1:
            return pa.large_list(inner())
        if kind == 2:
            return pa.struct([(f"f{i}", inner()) for i in range(r.randint(1, 3))])
        return pa.map_(pa.string(), inner())
    return r.choice(plain if depth == 0 else [t for t in plain if not pa.types.is_dictionary(t) and not pa.types.is_null(t)])


def random_value(r, t, nulls):
    if nulls and r.random() < 0.2 or pa.types.is_null(t):
        return None
    if pa.types.is_boolean(t):
        return r.random() < 0.5
    if pa.types.is_integer(t):
        low, high = (-2 ** (t.bit_width - 1), 2 ** (t.bit_width - 1) - 1) if pa.types.is_signed_integer(t) else (0, 2 ** t.bit_width - 1)
        return r.choice([low, high, 0, r.randint(low, high)])
    if t == pa.float16():
        import numpy
        return numpy.float16(r.uniform(-9, 9))
    if pa.types.is_floating(t):
        return r.choice([0.0, -0.0, 1.5, r.uniform(-1e6, 1e6), 10.0 ** r.randint(-30, 30), math.inf, -math.inf, math.nan])
    if pa.types.is_dictionary(t):
        return r.choice(WORDS)
    if pa.types.is_string(t) or pa.types.is_large_string(t):
        return r.choice(WORDS)
    if pa.types.is_fixed_size_binary(t):
        return bytes(r.randrange(256) for _ in range(t.byte_width))
    if pa.types.is_binary(t):
        return bytes(r.randrange(256) for _ in range(r.randrange(9)))
    if pa.types.is_date(t):
        return datetime.date(1, 1, 1) + datetime.timedelta(days=r.randrange(3652058))
    if pa.types.is_timestamp(t):
        whole = datetime.datetime(1800, 1, 1) + datetime.timedelta(seconds=r.randrange(10 ** 10))
        part = {"s": 0, "ms": r.choice([0, 1000 * r.randrange(1000)]), "us": r.choice([0, r.randrange(10 ** 6)])}[t.unit]
        return whole.replace(microsecond=part, tzinfo=datetime.timezone.utc if t.tz else None)
    if pa.types.is_time(t):
        return datetime.time(r.randrange(24), r.randrange(60), r.randrange(60), 0 if t.unit == "s" else r.choice([0, r.randrange(10 ** 6)]))
    if pa.types.is_decimal(t):
        return decimal.Decimal(r.randrange(-10 ** 9 + 1, 10 ** 9)).scaleb(-2)
    if pa.types.is_struct(t):
        return {f.name: random_value(r, f.type, nulls) for f in t}
    if pa.types.is_map(t):
        return [(f"k{i}", random_value(r, t.item_type, nulls)) for i in range(r.randrange(3))]
    return [random_value(r, t.value_type, nulls) for _ in range(r.randrange(4))]


def as_json(value):
    """As hft writes it."""
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float) or type(value).__name__ == "float16":
        return float(value)
    if isinstance(value, decimal.Decimal):
        return ("decimal", format(value, "f"))
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    if isinstance(value, (datetime.datetime, datetime.date, datetime.time)):
        return value.isoformat()
    if isinstance(value, dict):
        return {k: as_json(v) for k, v in value.items()}
    return [as_json(v) for v in value]


def same(got, wanted):
    if isinstance(wanted, tuple):
        return isinstance(got, (int, float)) and decimal.Decimal(repr(got)) == decimal.Decimal(wanted[1])
    if isinstance(wanted, float):
        return isinstance(got, (int, float)) and (got == wanted or math.isnan(got) and math.isnan(wanted))
    if isinstance(wanted, dict):
        return isinstance(got, dict) and list(got) == list(wanted) and all(same(got[k], wanted[k]) for k in wanted)
    if isinstance(wanted, list):
        return isinstance(got, list) and len(got) == len(wanted) and all(map(same, got, wanted))
    return type(got) is type(wanted) and got == wanted


def random_table(r):
    rows = r.choice([0, 1, 2, 7, 60, 300])
    columns = {"text": pa.array([f"t{i}" for i in range(rows)], pa.string())}
    for i in range(r.randint(1, 6)):
        t = random_type(r)
        columns[f"c{i}"] = pa.array([random_value(r, t, True) for _ in range(rows)], type=t)
    return pa.table(columns)


def write(r, table, folder):
    kind = r.choice(["parquet", "parquet", "file", "stream"])
    path = folder / ("t.parquet" if kind == "parquet" else "t.arrow")
    if kind == "parquet":
        pq.write_table(table, path, row_group_size=r.choice([None, 1, 5, 100]), compression=r.choice(["none", "snappy", "gzip", "zstd", "brotli"]),
                       use_dictionary=r.random() < 0.5, data_page_size=r.choice([None, 64]), data_page_version=r.choice(["1.0", "2.0"]),
                       store_schema=r.random() < 0.7)
        return path, pq.read_table(path)
    options = pa.ipc.IpcWriteOptions(compression=r.choice([None, "lz4", "zstd"]))
    new = pa.ipc.new_file if kind == "file" else pa.ipc.new_stream
    with pa.OSFile(str(path), "wb") as out, new(out, table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=r.choice([None, 1, 50]))
    return path, table


def run(path, *more):
    more = more or ("--json",)
    ran = subprocess.run([HFT, "tokenize", "-m", MODEL, "--ids-only", "--keep-columns", "all", "-i", str(path), *more],
                         capture_output=True, stdin=subprocess.DEVNULL)
    return ran.returncode, ran.stdout.decode(), ran.stderr.decode()


def loosely(got, wanted):
    """Equal but for what a column of one type must add: members that are null, text for mixed cells."""
    if isinstance(wanted, dict) and isinstance(got, dict):
        return all(loosely(got.get(k), wanted.get(k)) for k in {*got, *wanted})
    if isinstance(wanted, list) and isinstance(got, list):
        return len(got) == len(wanted) and all(map(loosely, got, wanted))
    if isinstance(got, str) and not isinstance(wanted, str):
        return loosely(json.loads(got), wanted)
    if isinstance(wanted, (int, float)) and isinstance(got, (int, float)):
        return got == wanted or math.isclose(got, wanted, rel_tol=1e-15) or math.isnan(got) and math.isnan(wanted)
    return got == wanted


def written_right(folder, path, rows):
    back = folder / "back.parquet"
    code, _, err = run(path, "--force", "-o", str(back))
    if code:
        return False, err
    found = pq.read_table(back).to_pylist()
    for got, wanted in zip(found, rows):
        if not loosely(got, wanted):
            return False, f"written {got}, wanted {wanted}"
    return len(found) == len(rows), "another number of rows"


def main():
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    r = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 1)
    different = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        for case in range(cases):
            path, table = write(r, random_table(r), folder)
            code, out, err = run(path)
            rows = [json.loads(line, parse_float=float) for line in out.splitlines()]
            wanted = [as_json(row) for row in table.to_pylist()]
            right = code == 0 and len(rows) == len(wanted) and all(
                same({k: v for k, v in row.items() if k not in ("input", "output")}, want) for row, want in zip(rows, wanted))
            if right and rows:
                right, err = written_right(folder, path, rows)
            if not right:
                different += 1
                bad = next((i for i, (row, want) in enumerate(zip(rows, wanted))
                            if not same({k: v for k, v in row.items() if k not in ("input", "output")}, want)), None)
                print(f"case {case}: {path.name} {table.schema!s:.300}\n  code {code} {err[:300]}")
                if bad is not None:
                    print("  hft   ", rows[bad], "\n  wanted", wanted[bad])
    print(f"{cases} tables, {different} different")
    return 1 if different else 0


if __name__ == "__main__":
    sys.exit(main())
