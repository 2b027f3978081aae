"""What the fake Hub holds: repositories, their commits, the large storage, and the faults it is told to make."""
import hashlib
import json
import re
import threading
from pathlib import Path

LOCK = threading.RLock()


def git_id(data):
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


class Blob:
    """Bytes of a file, in memory or on disk."""

    def __init__(self, data=None, path=None):
        self.data, self.path = data, path
        self.size = len(data) if path is None else path.stat().st_size
        sha = hashlib.sha256()
        for piece in self.pieces(0, self.size):
            sha.update(piece)
        self.sha256 = sha.hexdigest()
        self.oid = git_id(b"".join(self.pieces(0, self.size))) if self.size < 50_000_000 else None

    def pieces(self, start, end, step=1 << 16):
        if self.path is None:
            for at in range(start, end, step):
                yield self.data[at:min(end, at + step)]
            return
        with open(self.path, "rb") as file:
            file.seek(start)
            while start < end:
                piece = file.read(min(step, end - start))
                if not piece:
                    return
                start += len(piece)
                yield piece


class File:
    def __init__(self, blob, large):
        self.blob, self.large = blob, large
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{blob.sha256}\nsize {blob.size}\n".encode()
        self.pointer_size = len(pointer)
        self.oid = git_id(pointer) if large else blob.oid
        self.etag = blob.sha256 if large else blob.oid


class Repo:
    def __init__(self, name, settings):
        self.name, self.settings = name, settings
        self.commits, self.refs, self.prs = {}, {}, 0

    def commit(self, ref, files):
        listing = json.dumps([[n, f.etag] for n, f in sorted(files.items())] + [len(self.commits), self.name])
        sha = hashlib.sha1(listing.encode()).hexdigest()
        self.commits[sha] = files
        self.refs[ref] = sha
        return sha

    def resolve(self, revision):
        if revision in self.refs:
            return self.refs[revision]
        found = [sha for sha in self.commits if len(revision) >= 7 and sha.startswith(revision)]
        return found[0] if found else None

    def may_see(self, user):
        return not self.settings.get("private") or bool(user) and self.is_mine(user)

    def is_mine(self, user):
        return self.name.split("/")[0] in [user["name"], *user.get("orgs", [])] or user["name"] in self.settings.get("access", [])

    def may_read(self, user):
        return not self.settings.get("gated") or bool(user) and (user["name"] in self.settings.get("access", []))


class Hub:
    def __init__(self, folder):
        self.folder = Path(folder)
        self.settings = json.loads(self.read("hub.json") or "{}")
        self.large = self.settings.get("large", 10_000)
        self.stored, self.parts, self.hits, self.active = {}, {}, {}, 0
        self.repos = {}
        models = [p for p in self.folder.glob("repos/*/*") if p.parent.name != "datasets"]
        for path in sorted([*models, *self.folder.glob("repos/datasets/*/*")]):
            name = str(path.relative_to(self.folder / "repos"))
            repo = self.repos[name] = Repo(name, self.settings.get("repos", {}).get(name, {}))
            files = {}
            for file in sorted(p for p in path.rglob("*") if p.is_file()):
                blob = Blob(path=file)
                files[str(file.relative_to(path))] = self.keep(blob)
            sha = repo.commit("main", files)
            for tag in repo.settings.get("tags", []):
                repo.refs[tag] = sha

    def keep(self, blob):
        large = blob.size >= self.large
        if large:
            self.stored[blob.sha256] = blob
        return File(blob, large)

    def read(self, name):
        try:
            return (self.folder / name).read_text()
        except OSError:
            return ""

    def fault(self, origin, method, path):
        """The actions of the first fault that fits. A fault is {"origin", "method", "path": regular expression,
        "skip": n, "times": n} and what to do: status, headers, body, repeat, delay, cut (bytes), cut_request (bytes), stall [bytes, seconds],
        set {header: value or null}, flip (offset), extra (bytes), chunked, ignore_range, location, gzip, rate,
        size (claimed)."""
        try:
            rules = json.loads(self.read("faults.json") or "[]")
        except ValueError:
            return {}
        for number, rule in enumerate(rules):
            if (rule.get("origin", origin) != origin or rule.get("method", method) != method
                    or not re.search(rule.get("path", ""), path)):
                continue
            with LOCK:
                key = json.dumps([number, rule])
                count = self.hits[key] = self.hits.get(key, 0) + 1
            if count <= rule.get("skip", 0) or count > rule.get("skip", 0) + rule.get("times", 10**9):
                continue
            return rule
        return {}

    def log(self, entry):
        with LOCK, open(self.folder / "log.jsonl", "a") as file:
            file.write(json.dumps(entry) + "\n")
