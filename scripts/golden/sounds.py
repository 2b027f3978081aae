"""Writes tests/golden/sounds/sounds.json: sounds of every kind that is read, some of the samples that ffmpeg gives the
reference of them, and some of the numbers that its feature extractors make of a signal. Needs soundfile."""
import base64
import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parents[2]


def signal(n, seed=1, loud=0.4):
    """Two chirps and noise; tests/media/sounds.h makes the same."""
    i = np.arange(n, dtype=np.float64)
    state, noise = seed, np.empty(n)
    for k in range(n):
        state = (1664525 * state + 1013904223) % 2**32
        noise[k] = state / 2**31 - 1.0
    tone = np.sin(0.02 * i + 2e-6 * i * i) + 0.5 * np.sin(0.3 * i + 1e-6 * i * i)
    return (loud * (0.6 * tone + 0.05 * noise)).astype(np.float32)


def decoded(file, rate=16000):
    """What the reference's pipelines run; on the file, so that a compressed tail is cut as files cut it."""
    out = subprocess.run(["ffmpeg", "-v", "error", "-i", str(file), "-ac", "1", "-ar", str(rate), "-f", "f32le", "pipe:1"],
                         capture_output=True, check=True)
    return np.frombuffer(out.stdout, np.float32)


def channels(count, n, seed=3):
    return np.stack([signal(n, seed + c, 0.2 + 0.1 * c) for c in range(count)], 1)


def files(folder, seconds=0.025):
    """(name, file) of every kind of sound."""
    import soundfile

    def write(name, rate, count, subtype, kind=None, longer=1):
        samples = channels(count, int(rate * seconds * longer))
        soundfile.write(folder / name, samples, rate, subtype=subtype, format=kind)

    for subtype in ("PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE", "ULAW", "ALAW"):
        write(f"wav-{subtype.lower()}.wav", 8000 if "LAW" in subtype else 22050, 1, subtype)
    write("wav-16k.wav", 16000, 1, "PCM_16")
    write("wav-stereo.wav", 44100, 2, "PCM_16")
    write("wav-48k-float.wav", 48000, 2, "FLOAT", longer=0.5)
    for count in (3, 4, 6, 7):
        write(f"wav-{count}-channels.wav", 16000, count, "PCM_16", longer=0.5)
        write(f"flac-{count}-channels.flac", 16000, count, "PCM_16", longer=0.5)
    write("wav-extensible.wav", 11025, 6, "PCM_16", "WAVEX", longer=0.5)
    write("wav-rf64.wav", 22050, 1, "PCM_16", "RF64", longer=0.5)
    write("flac-16.flac", 44100, 2, "PCM_16")
    write("flac-24.flac", 32000, 1, "PCM_24")
    write("ogg-vorbis.ogg", 22050, 1, "VORBIS", longer=3)
    write("ogg-vorbis-stereo.ogg", 44100, 2, "VORBIS", longer=2)
    write("ogg-vorbis-6.ogg", 16000, 6, "VORBIS")
    write("mp3-mono.mp3", 16000, 1, "MPEG_LAYER_III", "MP3", longer=4)
    write("mp3-stereo.mp3", 44100, 2, "MPEG_LAYER_III", "MP3", longer=3)
    yield from ((file.name, file) for file in sorted(folder.iterdir()))


# Encoders that only ffmpeg has; read by the program too.
BY_FFMPEG = {"aac.m4a": [], "aac.aac": [], "alac.m4a": ["-c:a", "alac"], "opus.webm": [], "pcm.aiff": [], "pcm.caf": [],
             "pcm.au": [], "adpcm.wav": ["-c:a", "adpcm_ima_wav"]}


def files_of_ffmpeg(folder):
    with tempfile.TemporaryDirectory() as name:
        import soundfile
        source = Path(name) / "source.wav"
        soundfile.write(source, channels(2, 1000), 24000)
        for name, options in BY_FFMPEG.items():
            subprocess.run(["ffmpeg", "-v", "error", "-y", "-i", source, *options, "-bitexact", folder / name], check=True)
            yield name, folder / name


def extractors():
    """(settings, samples, gain of the second half)"""
    whisper = {"feature_extractor_type": "WhisperFeatureExtractor", "feature_size": 80}
    yield whisper, 48000, 1.0
    yield {**whisper, "feature_size": 128}, 100000, 1.0
    small = {**whisper, "chunk_length": 2}
    for n in (1, 150, 31999, 32000, 32001, 80100):
        yield small, n, 20.0
    yield {**small, "feature_size": 128, "n_fft": 512, "hop_length": 128, "sampling_rate": 22050}, 50000, 0.01
    yield {**small, "feature_size": 40, "n_fft": 401, "hop_length": 100, "sampling_rate": 8000}, 20000, 3.0
    wav2vec2 = {"feature_extractor_type": "Wav2Vec2FeatureExtractor"}
    yield {**wav2vec2, "do_normalize": True}, 5000, 3.0
    yield {**wav2vec2, "do_normalize": False}, 5000, 3.0
    ast = {"feature_extractor_type": "ASTFeatureExtractor"}
    yield ast, 48000, 2.0
    yield ast, 192000, 0.5
    yield {**ast, "max_length": 100, "num_mel_bins": 64, "do_normalize": False}, 8000, 1.0
    clap = {"feature_extractor_type": "ClapFeatureExtractor"}
    yield {**clap, "truncation": "rand_trunc"}, 144000, 0.5
    yield {**clap, "truncation": "rand_trunc", "max_length_s": 1, "padding": "repeat"}, 20000, 0.5
    yield {**clap, "truncation": "fusion", "max_length_s": 1, "padding": "pad"}, 30000, 0.5


def samples_of(n, gain):
    samples = signal(n)
    samples[n // 2:] *= np.float32(gain)
    return samples


def numbers(settings, samples):
    """[frames, bins] of the reference's class."""
    import transformers
    own = {k: v for k, v in settings.items() if k != "feature_extractor_type"}
    extractor = getattr(transformers, settings["feature_extractor_type"]).from_dict(own)
    more = {}
    if settings["feature_extractor_type"].startswith("Whisper") and len(samples) > extractor.n_samples:
        more = {"truncation": False, "padding": "longest"}
    out = extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="np", **more)
    values = np.asarray(out[extractor.model_input_names[0]][0], np.float32)
    if settings["feature_extractor_type"].startswith("Whisper"):
        return values.T
    if settings["feature_extractor_type"].startswith("Clap"):
        return values[0]
    return values.reshape(len(values), -1)


def some(values, count):
    """Values evenly spread, the first among them, and their distance."""
    step = max(1, len(values) // count)
    return {"step": step, "values": [float(f"{x:.7g}") for x in values[::step]]}


def main():
    out = {"files": [], "features": []}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for by_ffmpeg, make in ((False, files), (True, files_of_ffmpeg)):
            inner = folder / str(by_ffmpeg)
            inner.mkdir()
            for name, file in make(inner):
                samples = decoded(file)
                out["files"].append({"name": name, "ffmpeg": by_ffmpeg, "count": len(samples), **some(samples, 25),
                                     "bytes": base64.b64encode(file.read_bytes()).decode()})
    for settings, n, gain in extractors():
        values = numbers(settings, samples_of(n, gain))
        out["features"].append({"settings": settings, "samples": n, "gain": gain, "shape": values.shape,
                                **some(values.reshape(-1), 97)})
    target = ROOT / "tests" / "golden" / "sounds" / "sounds.json"
    target.parent.mkdir(exist_ok=True)
    lists = [f' "{key}": [\n' + ",\n".join("  " + json.dumps(one, separators=(",", ":")) for one in rows) + "]"
             for key, rows in out.items()]
    target.write_text("{\n" + ",\n".join(lists) + "}\n")
