"""The programs that text generation is measured beside, each in one long-lived process: a line of standard
input {"ids": prompt, "new": count} is one greedy generation, its answer {"seconds": …, "ids": new tokens,
"times": when each was there}.

usage: generating_peers.py transformers MODEL DTYPE | llama FILE.gguf     (run by scripts/bench)
"""
import json
import sys
import time


def transformers(folder, dtype):
    import torch
    import transformers as tf
    tf.logging.set_verbosity_error()
    model = tf.AutoModelForCausalLM.from_pretrained(folder, dtype=getattr(torch, dtype)).eval()

    class Clock:
        def __init__(self):
            self.times = []

        def put(self, _):
            self.times.append(time.perf_counter())

        def end(self):
            pass

    def run(ids, new):
        ids = torch.tensor([ids])
        clock = Clock()
        with torch.inference_mode():
            made = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=new,
                                  min_new_tokens=new, pad_token_id=0, streamer=clock)
        return made[0, ids.shape[1]:].tolist(), clock.times[1:]  # the prompt comes first
    return run


def llama(file):
    """llama.cpp as it was built here (llama-cpp-python), else a build for AVX2 (xllamacpp)."""
    import importlib.util
    import os
    cores = os.cpu_count()
    if not importlib.util.find_spec("llama_cpp"):
        return llama_for_avx2(file, cores)
    import llama_cpp
    model = llama_cpp.Llama(file, n_ctx=4608, n_batch=512, n_threads=cores, n_threads_batch=cores, verbose=False)

    def run(ids, new):
        model.reset()
        tokens = model.generate(ids, temp=0.0)
        made = [(next(tokens), time.perf_counter()) for _ in range(new)]
        return [token for token, _ in made], [at for _, at in made]
    return run


def llama_for_avx2(file, cores):
    import xllamacpp
    params = xllamacpp.CommonParams()
    params.model.path = file
    params.n_ctx, params.n_batch, params.n_parallel = 4608, 512, 1
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = cores
    params.warmup = False
    server = xllamacpp.Server(params)

    def run(ids, new):
        """It tells its own times, and no ids."""
        last = []
        start = time.perf_counter()
        server.handle_completions({"prompt": ids, "n_predict": new, "temperature": 0.0, "ignore_eos": True,
                                   "cache_prompt": False, "stream": True}, lambda chunk: last.append(chunk))
        took = last[-1]["timings"]
        first = start + took["prompt_ms"] / 1e3
        return [], [first + i * took["predicted_ms"] / 1e3 / took["predicted_n"] for i in range(new)]
    return run


def main():
    run = {"transformers": transformers, "llama": llama}[sys.argv[1]](*sys.argv[2:])
    run([1, 2, 3], 2)  # warm
    print("{}", flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        start = time.perf_counter()
        made, times = run(asked["ids"], asked["new"])
        print(json.dumps({"seconds": time.perf_counter() - start, "ids": made, "times": times}), flush=True)


if __name__ == "__main__":
    main()
