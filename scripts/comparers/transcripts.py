"""Compares hft transcribe with the reference's pipeline on speech of espeak-ng: languages, lengths, formats.

usage: scripts/compare transcripts [--minutes N] [--models NAME,…]
Models are tiny, with wide random weights: tests/golden/whisper-*. Prints every sound and setting whose text, chunks or
times differ; exit 1 if any does. Needs espeak-ng, sox and ffmpeg.
"""
import argparse
import json
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden"
SAID = {"en": "The harbour master counts nine red boats before the rain comes. Nobody waits for the last ferry. ",
        "de": "Guten Morgen. Der Zug nach Hamburg hat heute leider zwölf Minuten Verspätung, und alle warten. ",
        "fr": "Il pleut depuis ce matin, et le chat dort encore sur la chaise de la cuisine. "}
SETTINGS = [([], {}, {}), (["--num-beams", "1"], {}, {"num_beams": 1}),
            (["--return-timestamps", "true"], {"return_timestamps": True}, {}),
            (["--return-timestamps", "true", "--num-beams", "1"], {"return_timestamps": True}, {"num_beams": 1}),
            (["--return-timestamps", "word", "--num-beams", "1"], {"return_timestamps": "word"}, {"num_beams": 1}),
            (["--return-timestamps", "true", "--num-beams", "1", "--condition-on-prev-tokens"],
             {"return_timestamps": True}, {"num_beams": 1, "condition_on_prev_tokens": True}),
            (["--return-timestamps", "true", "--num-beams", "1", "--chunk-length-s", "{chunk}"],
             {"return_timestamps": True, "chunk_length_s": "{chunk}"}, {"num_beams": 1})]


def speak(folder, language, seconds, name):
    """So many seconds of speech, 22050 Hz."""
    raw, file = folder / "raw.wav", folder / f"{name}.wav"
    times = max(1, round(seconds / 5) + 1)
    subprocess.run(["espeak-ng", "-v", language, "-w", str(raw), SAID[language] * times], check=True)
    subprocess.run(["sox", str(raw), str(file), "trim", "0", str(seconds)], check=True)
    return file


def sounds(folder, minutes):
    files = [speak(folder, language, seconds, f"{language}-{seconds}s")
             for language in SAID for seconds in (3, 30, 95)]
    base = files[1]
    for name, options in (("stereo-44k.wav", ["-r", "44100", "-c", "2"]), ("8-bit.wav", ["-b", "8"]), ("8k.wav", ["-r", "8000"]),
                          ("mono.flac", [])):
        subprocess.run(["sox", str(base), *options, str(folder / name)], check=True)
        files.append(folder / name)
    for name in ("speech.mp3", "speech.ogg"):
        subprocess.run(["ffmpeg", "-v", "error", "-i", str(base), str(folder / name)], check=True)
        files.append(folder / name)
    if minutes:
        files.append(speak(folder, "en", minutes * 60, f"en-{minutes}min"))
    return files


def decoded(file):
    """What the pipelines' ffmpeg makes of the file itself: read from a pipe, an mp3 would keep its padding."""
    import numpy
    out = subprocess.run(["ffmpeg", "-v", "error", "-i", str(file), "-ac", "1", "-ar", "16000", "-f", "f32le", "pipe:1"],
                         capture_output=True, check=True)
    return numpy.frombuffer(out.stdout, numpy.float32).copy()


def heard(model, files, arguments):
    done = subprocess.run([ROOT / "build" / "hft", "transcribe", "-q", "-m", model, "--dtype", "float32", "--json",
                           *arguments, *map(str, files)], capture_output=True, text=True)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    return [r.get("output", r.get("error")) for r in records]


def main():
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=int, default=0)
    options.add_argument("--models", default="whisper-large")
    o = options.parse_args()
    import torch
    import transformers as tf
    tf.logging.set_verbosity_error()
    warnings.filterwarnings("ignore")
    torch.set_num_threads(1)
    different = 0
    with tempfile.TemporaryDirectory() as temporary:
        files = sounds(Path(temporary), o.minutes)
        samples = [decoded(file) for file in files]
        for name in o.models.split(","):
            model = GOLDEN / name
            pipe = tf.pipeline("automatic-speech-recognition", model=str(model), dtype=torch.float32, device=-1)
            chunk = str(pipe.feature_extractor.chunk_length * 0.75)
            for arguments, given, generate in SETTINGS:
                arguments = [a.replace("{chunk}", chunk) for a in arguments]
                given = {k: float(chunk) if v == "{chunk}" else v for k, v in given.items()}
                chosen = [i for i, s in enumerate(samples) if given or len(s) <= pipe.feature_extractor.n_samples]
                ours = heard(model, [files[i] for i in chosen], arguments)
                for i, found in zip(chosen, ours):
                    wanted = json.loads(json.dumps(pipe(samples[i].copy(), generate_kwargs=dict(generate), **given)))
                    if found != wanted:
                        different += 1
                        print(f"{name} {files[i].name} {' '.join(arguments)}\n  hft:       {json.dumps(found)[:600]}\n"
                              f"  reference: {json.dumps(wanted)[:600]}")
                print(f"{name} {' '.join(arguments)}: {len(chosen)} sounds, {different} different so far", flush=True)
    sys.exit(different > 0)


if __name__ == "__main__":
    main()
