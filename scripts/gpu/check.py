"""Answers of every golden checkpoint on the GPU, and the speed of an encoder beside transformers.
usage: check.py HFT [--device cuda]      exit 1 when an answer differs"""
import json
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TOLERANCE = 1e-3  # float32 on the GPU sums in another order


def near(a, b):
    if isinstance(a, bool) or isinstance(b, bool) or a is None or b is None:
        return a == b
    if isinstance(a, (int, float)) and isinstance(b, (int, float)):
        return abs(a - b) <= TOLERANCE * max(1, abs(b))
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(near, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(near(a[k], b[k]) for k in b)
    return a == b


def answers(hft, model, case, device):
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for line in case["inputs"]:
            file.write(json.dumps(line) + "\n")
        file.flush()
        args = [hft, *case["args"], "-m", model, "-i", file.name, "--json", "--device", device]
        ran = subprocess.run(args, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    return [json.loads(line) for line in ran.stdout.splitlines()], ran


def compare(hft, device):
    """Prints what differs; returns how many cases do."""
    cases = []
    for golden in sorted((ROOT / "tests/golden").glob("*/golden.json")):
        wanted = json.loads(golden.read_text())
        if "model" not in wanted:
            cases += [(golden.parent, case) for case in wanted["cases"]]
    with ThreadPoolExecutor(8) as pool:
        runs = list(pool.map(lambda c: answers(hft, str(c[0]), c[1], device), cases))
    good = wrong = missing = 0
    for (folder, case), (records, ran) in zip(cases, runs):
        if near([r.get("output") for r in records], case["outputs"]):
            good += 1
        elif "on the CPU so far" in ran.stderr:
            missing += 1
        else:
            wrong += 1
            last = (ran.stderr.strip().splitlines() or [""])[-1]
            print(f"DIFFERS {folder.name} {' '.join(case['args'])}: exit {ran.returncode} {last[:160]}")
    print(f"{good} cases equal on {device}, {wrong} not; {missing} do not run there yet")
    return wrong


def bert_base(folder):
    """BERT-base with random weights and a vocabulary of whole words."""
    import torch
    from transformers import BertConfig, BertModel, BertTokenizerFast
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"] + [f"w{i}" for i in range(30517)]
    (folder / "vocab.txt").write_text("\n".join(words) + "\n")
    torch.manual_seed(0)
    model = BertModel(BertConfig(vocab_size=len(words)))
    model.save_pretrained(folder)
    BertTokenizerFast(str(folder / "vocab.txt"), model_max_length=512).save_pretrained(folder)


def time_of(args):
    start = time.monotonic()
    subprocess.run(args, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    return time.monotonic() - start


def speed(hft, device):
    """Embeds texts of 510 words: the time of many less that of few, so that starting is left out."""
    import torch
    from transformers import BertModel
    folder = Path(tempfile.mkdtemp())
    bert_base(folder)
    few, many = 64, 4160

    def texts(count):
        file = folder / f"{count}.txt"
        file.write_text("".join(" ".join(f"w{(i * 7 + j * 13) % 30000}" for j in range(510)) + "\n" for i in range(count)))
        return str(file)

    def ours(count):
        return time_of([hft, "embed", "-m", str(folder), "--device", device, "--dtype", "bfloat16", "--lines",
                        "-i", texts(count), "-o", str(folder / "out.npy"), "--force"])

    first = ours(few)
    rate = (many - few) / (min(ours(many) for _ in range(2)) - min(ours(few) for _ in range(2)))
    model = BertModel.from_pretrained(folder, dtype=torch.bfloat16, attn_implementation="sdpa").to(device).eval()
    ids = torch.randint(5, 30000, (64, 512), device=device)
    with torch.inference_mode():
        for _ in range(5):
            model(input_ids=ids)
        torch.cuda.synchronize()
        start = time.monotonic()
        for _ in range(30):
            model(input_ids=ids).last_hidden_state.mean(1).float().cpu()
        peer = 30 * 64 / (time.monotonic() - start)
        a = torch.randn(8192, 8192, device=device, dtype=torch.bfloat16)
        for _ in range(3):
            a @ a
        torch.cuda.synchronize()
        start = time.monotonic()
        for _ in range(10):
            a @ a
        torch.cuda.synchronize()
        peak = 10 * 2 * 8192**3 / (time.monotonic() - start)
    work = 2 * 512 * 85e6 + 4 * 12 * 512 * 512 * 768  # operations of a text
    print(f"{torch.cuda.get_device_name()}: BERT-base bfloat16, texts of 512 tokens a second: hft {rate:.0f} (whole pipeline, "
          f"{100 * rate * work / peak:.0f} % of the measured peak of {peak / 1e12:.0f} TFLOP/s), transformers 5 {peer:.0f} "
          f"(forward alone); first answers after {first:.2f} s")


def main():
    hft = str(Path(sys.argv[1]).resolve())
    device = sys.argv[sys.argv.index("--device") + 1] if "--device" in sys.argv else "cuda"
    wrong = compare(hft, device)
    if device.startswith("cuda"):
        speed(hft, device)
    sys.exit(wrong > 0)


main()
