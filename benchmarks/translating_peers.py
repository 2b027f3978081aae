"""The programs that translations and summaries are measured beside, each in one long-lived process: a line
of standard input {"new": count} is one pass over the texts, 4 beams and exactly so many new tokens each; its
answer is {"seconds": …, "texts": [the first results]}.

usage: translating_peers.py transformers|ctranslate2 MODEL TEXTS.jsonl     (run by scripts/bench)
"""
import json
import sys
import time

BEAMS, BATCH = 4, 32


def transformers(folder, texts):
    """generate(), texts of like length together."""
    import torch
    import transformers as tf
    tf.logging.set_verbosity_error()
    model = tf.AutoModelForSeq2SeqLM.from_pretrained(folder).eval()
    tokenizer = tf.AutoTokenizer.from_pretrained(folder)
    order = sorted(range(len(texts)), key=lambda i: len(texts[i]))

    def run(new):
        found = [None] * len(texts)
        for at in range(0, len(order), BATCH):
            part = order[at:at + BATCH]
            x = tokenizer([texts[i] for i in part], padding=True, return_tensors="pt")
            with torch.inference_mode():
                made = model.generate(x.input_ids, attention_mask=x.attention_mask, num_beams=BEAMS, do_sample=False,
                                      max_new_tokens=new, min_new_tokens=new)
            for i, text in zip(part, tokenizer.batch_decode(made, skip_special_tokens=True)):
                found[i] = text
        return found
    return run


def ctranslate2(folder, texts):
    """Float32, its own sorting and batching."""
    import os

    import ctranslate2 as ct2
    translator = ct2.Translator(folder.rstrip("/") + ".ct2", compute_type="float32", inter_threads=1,
                                intra_threads=os.cpu_count())
    sources = [text.split() + ["</s>"] for text in texts]

    def run(new):
        made = translator.translate_batch(sources, beam_size=BEAMS, max_batch_size=BATCH, max_decoding_length=new,
                                          min_decoding_length=new)
        return [" ".join(one.hypotheses[0]) for one in made]
    return run


def main():
    peer, folder, file = sys.argv[1:]
    with open(file) as lines:
        texts = [json.loads(line)["text"] for line in lines]
    run = {"transformers": transformers, "ctranslate2": ctranslate2}[peer](folder, texts)
    run(2)  # warm
    print("{}", flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        made = run(json.loads(line)["new"])
        print(json.dumps({"seconds": time.perf_counter() - start, "texts": made}), flush=True)


if __name__ == "__main__":
    main()
