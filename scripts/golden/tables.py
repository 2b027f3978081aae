"""Tables as pyarrow writes them, with every kind of column, and what it reads in them; pictures and sounds as data sets have
them. As a kind of make_golden.py: writes tests/golden/tables."""
import datetime
import decimal
import json
import wave
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from comparers.tables import as_json

ROOT = Path(__file__).resolve().parents[2] / "tests" / "golden"
UTC = datetime.timezone.utc


def typed():
    when = datetime.datetime(2020, 1, 1, 12, 30, 5, 250000)
    struct = pa.struct([("a", pa.int64()), ("b", pa.list_(pa.string()))])
    return pa.table({
        "text": pa.array(["one", "Grüß 🌍", None, "", "five"]),
        "flag": pa.array([True, False, None, True, False]),
        "small": pa.array([-128, 127, None, 0, 1], pa.int8()),
        "large": pa.array([2**64 - 1, 0, None, 2**63, 1], pa.uint64()),
        "single": pa.array([0.1, -2.5, None, 1e-30, 1e30], pa.float32()),
        "half": pa.array([0.5, -2, None, 0, 3], pa.float16()),
        "real": pa.array([0.1, 1e-300, None, -0.0, 2.0]),
        "price": pa.array([decimal.Decimal("1.10"), decimal.Decimal("-0.05"), None, decimal.Decimal("0.00"), decimal.Decimal("123456789.99")],
                          pa.decimal128(12, 2)),
        "day": pa.array([datetime.date(2020, 1, 1), datetime.date(1, 1, 1), None, datetime.date(1969, 12, 31), datetime.date(9999, 12, 31)]),
        "time": pa.array([when, datetime.datetime(1960, 2, 29), None, when, when], pa.timestamp("us")),
        "zoned": pa.array([when.replace(tzinfo=UTC)] * 5, pa.timestamp("ms", "Europe/Berlin")).cast(pa.timestamp("ms", "UTC")),
        "clock": pa.array([datetime.time(1, 2, 3), datetime.time(0, 0, 0, 7), None, datetime.time(23, 59, 59), datetime.time()], pa.time64("us")),
        "code": pa.array(["x", "y", None, "x", "x"]).dictionary_encode(),
        "bytes": pa.array([b"\x00\xff", b"", None, b"abc", b"\x80"]),
        "words": pa.array([["a", None], [], None, ["b"], ["c", "d"]], pa.list_(pa.string())),
        "nested": pa.array([[[1, 2], []], [], None, [None], [[3]]], pa.list_(pa.list_(pa.int32()))),
        "pair": pa.array([[1, 2], [3, 4], None, [5, 6], [7, 8]], pa.list_(pa.int16(), 2)),
        "object": pa.array([{"a": 1, "b": ["x"]}, {"a": None, "b": None}, None, {"a": 2, "b": []}, {"a": 3, "b": ["y", "z"]}], struct),
        "map": pa.array([[("k", 1)], [], None, [("a", 2), ("b", None)], []], pa.map_(pa.string(), pa.int64())),
        "nothing": pa.nulls(5),
    })


def media(column, files):
    rows = [{"bytes": file.read_bytes(), "path": name} for name, file in files]
    kind = pa.struct([("bytes", pa.binary()), ("path", pa.string())])
    return pa.table({column: pa.array(rows, kind), "label": pa.array(range(len(rows)))})


def main():
    folder = ROOT / "tables"
    folder.mkdir(exist_ok=True)
    table = typed()
    pq.write_table(table, folder / "typed.parquet", row_group_size=2, compression="zstd")
    pq.write_table(table.select(["text", "words"]), folder / "plain.parquet", compression="none", use_dictionary=False)
    for name, new in (("typed.arrow", pa.ipc.new_file), ("stream.arrow", pa.ipc.new_stream)):
        with pa.OSFile(str(folder / name), "wb") as out, new(out, table.schema) as writer:
            writer.write_table(table, max_chunksize=2)
    rows = [{name: float(cell[1]) if isinstance(cell, tuple) else cell for name, cell in as_json(row).items()} for row in table.to_pylist()]
    (folder / "rows.json").write_text(json.dumps(rows, ensure_ascii=False, indent=1) + "\n")
    pictures = ROOT / "pictures"
    pq.write_table(media("image", [("digit.png", pictures / "digit.png"), (None, pictures / "half.jpg")]), folder / "pictures.parquet")
    sound = folder / "tone.wav"
    with wave.open(str(sound), "wb") as out:
        out.setparams((1, 2, 16000, 0, "NONE", ""))
        out.writeframes(b"".join(int(9000 * ((i * 440 / 16000) % 1 - 0.5)).to_bytes(2, "little", signed=True) for i in range(8000)))
    pq.write_table(media("audio", [("tone.wav", sound)]), folder / "sounds.parquet")
    sound.unlink()


if __name__ == "__main__":
    main()
