#!/usr/bin/env python3
"""Texts of the machine itself, so that nothing is downloaded: what tokenizers are measured and
compared on. The same machine gives the same texts.

usage: texts.py prose BYTES     English: manual pages without their markup, documentation of packages
       texts.py source BYTES    Python, C and JavaScript of the Python packages and /usr/include
       texts.py lines NUMBER    half source and English, half messages of programs in 24 languages
Writes to standard output.
"""
import gettext
import gzip
import re
import sys
import sysconfig
from pathlib import Path

PACKAGES = Path(sysconfig.get_paths()["purelib"])
LANGUAGES = ("ru uk el ja ko zh_CN zh_TW ar he hi bn ta te kn ml th ka pa gu my hy vi tr de").split()


def read(file):
    """The text of a file, "" when it is not UTF-8."""
    try:
        return (gzip.open(file).read() if file.suffix == ".gz" else file.read_bytes()).decode()
    except (OSError, EOFError, UnicodeDecodeError):
        return ""


def spread(files, size):
    """Texts of files from everywhere in the list until they have `size` bytes."""
    files = sorted(files)
    step = 7919 if len(files) % 7919 else 7907  # a prime: every file comes once, in mixed order
    for i in range(len(files)):
        if size <= 0:
            return
        text = read(files[i * step % len(files)])[:200_000]
        size -= len(text.encode())
        yield text


def manual(text):
    """A manual page as a reader sees it, near enough."""
    if not text.startswith(("." , "'")):
        return text
    lines = [line for line in text.split("\n") if not line.startswith((".", "'"))]
    text = re.sub(r"\\f(\[\w*\]|\(\w\w|.)", "", "\n".join(lines))
    return re.sub(r"\\[&|^/]", "", text.replace("\\-", "-").replace("\\(aq", "'"))


def prose(size):
    docs = (f for f in Path("/usr/share/doc").rglob("*") if f.is_file() and
            re.search(r"(README|NEWS|FAQ|HOWTO|\.txt|\.md|\.rst)(\.gz)?$", f.name))
    files = [*Path("/usr/share/man").glob("man*/*.gz"), *docs, *PACKAGES.glob("*/METADATA")]
    for text in spread(files, size * 2):
        text = manual(text)
        if text:
            yield text


def source(size):
    files = [f for kind in ("py", "h", "js", "c") for f in PACKAGES.rglob(f"*.{kind}")]
    return spread(files + list(Path("/usr/include").rglob("*.h")), size)


def messages(language):
    """Distinct lines of the translations of this language."""
    found = {}
    for file in sorted(Path("/usr/share/locale").glob(f"{language}/LC_MESSAGES/*.mo")):
        try:
            with open(file, "rb") as opened:
                catalog = gettext.GNUTranslations(opened)._catalog
        except (OSError, UnicodeDecodeError, ValueError):
            continue
        for key, text in catalog.items():
            if key and isinstance(text, str) and len(text) > 20 and not text.isascii():
                found[text] = None
    return list(found)


def whole(texts, size):
    """Exactly `size` bytes, or a few less: no character is cut apart."""
    data = "\n".join(texts).encode()
    if len(data) < size:
        sys.exit(f"texts: this machine has only {len(data)} bytes of that")
    return data[:size].decode(errors="ignore")


def every(items, count):
    return [items[i * len(items) // count] for i in range(min(count, len(items)))]


def lines(count):
    """Lines with the line ends inside them as the files have them; messages keep their newlines."""
    found = []
    for texts in (source(count * 400), prose(count * 400)):
        split = [line for text in texts for line in text.splitlines(True) if line.strip()]
        found += every(split, count // 4)
    for language in LANGUAGES:
        found += every(messages(language), count // 2 // len(LANGUAGES) + 1)
    return found


def main():
    kind, number = sys.argv[1], int(sys.argv[2])
    if kind == "lines":
        import json
        for line in lines(number):
            print(json.dumps({"text": line}))
    else:
        sys.stdout.buffer.write(whole({"prose": prose, "source": source}[kind](number), number).encode())


if __name__ == "__main__":
    main()
