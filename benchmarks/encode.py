"""The Rust library `tokenizers` at the job of bench_tokens, with the same arguments and output.

usage: encode.py FOLDER TEXTS THREADS batch|fast [IDS_FILE]      (run by scripts/bench tokenize)
batch: encode_batch, what transformers calls. fast: encode_batch_fast, which keeps no offsets.
"""
import json
import os
import sys
import time

folder, texts, threads, kind = sys.argv[1:5]
os.environ["RAYON_NUM_THREADS"] = threads
os.environ["TOKENIZERS_PARALLELISM"] = "true" if int(threads) > 1 else "false"
from tokenizers import Tokenizer  # noqa: E402

start = time.perf_counter()
tokenizer = Tokenizer.from_file(folder + "/tokenizer.json")
load = time.perf_counter() - start
tokenizer.no_truncation()
tokenizer.no_padding()
with open(texts, newline="") as file:
    documents = file.read().split("\0")[:-1]
encode = tokenizer.encode_batch if kind == "batch" else tokenizer.encode_batch_fast
start = time.perf_counter()
found = encode(documents, add_special_tokens=False)
seconds = time.perf_counter() - start
print(json.dumps({"load": load, "encode": seconds, "tokens": sum(len(e.ids) for e in found)}))
if len(sys.argv) > 5:
    import numpy
    with open(sys.argv[5], "wb") as out:
        for e in found:
            out.write(numpy.array(e.ids, dtype=numpy.int32).tobytes())
