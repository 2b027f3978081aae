"""The programs that transcription is measured beside, each in one long-lived process: a line of standard input is one
pass over the sound; its answer is {"seconds": …, "text": …}.

usage: transcribing_peers.py "PEER TYPE" MODEL SOUND.wav NEW     (run by scripts/bench)
"""
import json
import sys
import time


def transformers(folder, file, new, _):
    import numpy
    import torch
    import transformers as tf
    import wave
    tf.logging.set_verbosity_error()
    model = tf.WhisperForConditionalGeneration.from_pretrained(folder, dtype=torch.float32).eval()
    processor = tf.AutoProcessor.from_pretrained(folder)

    def run():
        with wave.open(file) as sound:
            samples = numpy.frombuffer(sound.readframes(sound.getnframes()), numpy.int16).astype(numpy.float32) / 32768
        features = processor(samples, sampling_rate=16000, return_tensors="pt").input_features
        with torch.inference_mode():
            ids = model.generate(features, num_beams=1, do_sample=False, max_new_tokens=new, min_new_tokens=new, language="en",
                                 task="transcribe")
        return processor.batch_decode(ids, skip_special_tokens=True)[0]
    return run


def faster_whisper(folder, file, new, kind):
    import os

    from faster_whisper import WhisperModel
    model = WhisperModel(folder.rstrip("/") + ".ct2", device="cpu", compute_type=kind, cpu_threads=os.cpu_count())

    def run():
        segments, _ = model.transcribe(file, language="en", task="transcribe", beam_size=1, best_of=1, temperature=0,
                                       compression_ratio_threshold=None, log_prob_threshold=None, no_speech_threshold=None,
                                       condition_on_previous_text=False, without_timestamps=True, max_new_tokens=new,
                                       suppress_tokens=[-1, 50257])
        return "".join(s.text for s in segments)
    return run


def main():
    peer, folder, file, new = sys.argv[1:]
    name, kind = peer.split()
    run = {"transformers": transformers, "faster-whisper": faster_whisper}[name](folder, file, int(new), kind)
    run()  # warm
    print("{}", flush=True)
    for _ in sys.stdin:
        start = time.perf_counter()
        text = run()
        print(json.dumps({"seconds": time.perf_counter() - start, "text": text}), flush=True)


if __name__ == "__main__":
    main()
