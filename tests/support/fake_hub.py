#!/usr/bin/env python3
"""A Hub for tests, on two loopback ports: the Hub itself, and the storage it redirects large files to.

usage: fake_hub.py FOLDER [--tls CERT KEY]
  FOLDER/repos/ORG/NAME/...  what the repositories hold at the start; data sets: repos/datasets/ORG/NAME/...
  FOLDER/hub.json            {"users": {TOKEN: {"name", "orgs"}}, "repos": {"org/name": {"gated", "private",
                             "access": [names], "renamed": "other/name", "tags": {...}}}, "rate": bytes/s,
                             "large": bytes from which a file is in large storage, "part": bytes of a part}
  FOLDER/faults.json         a list of faults, read at every request (see Fault)
  FOLDER/log.jsonl           a line per request: origin, method, path, range, token, status, sent
It prints one line, {"hub": URL, "cdn": URL}, when it is ready, and ends when its stdin ends. To a line on
stdin it answers "idle" once no request is under way, so that the log is whole.
It is written from the protocol as huggingface_hub speaks it; tests/hub/with_python_test.cc drives that
through it, so that it does not mirror only what hft does.
"""
import base64
import fnmatch
import gzip
import hashlib
import json
import os
import re
import socket
import ssl
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

from fake_hub_store import LOCK, Blob, File, Hub, Repo

class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 1 << 16
    hub = origins = None
    origin = ""

    def log_message(self, *_):
        pass

    def do_GET(self):
        self.serve()

    do_HEAD = do_POST = do_PUT = do_GET

    # ---- answering, with the fault of this request
    def serve(self):
        self.began = time.time()
        with LOCK:
            self.hub.active += 1
        self.url = urlsplit(self.path)
        self.query = parse_qs(self.url.query, keep_blank_values=True)
        self.fault = self.hub.fault(self.origin, self.command, self.path)
        self.sent = 0
        self.status_sent = None
        auth = self.headers.get("Authorization", "")
        self.token = auth[7:] if auth.startswith("Bearer ") else ""
        self.user = self.hub.settings.get("users", {}).get(self.token)
        self.body = b""
        try:
            self.body = self.read_body()
            if "delay" in self.fault:
                time.sleep(self.fault["delay"])
            if "location" in self.fault:
                self.answer(self.fault.get("status", 302), b"", {"Location": self.fault["location"], **self.fault.get("headers", {})})
            elif "status" in self.fault:
                self.answer(self.fault["status"], self.fault.get("body", "{}").encode() * self.fault.get("repeat", 1), self.fault.get("headers", {}))
            elif self.token and not self.user and self.origin == "hub":
                self.answer(401, b'{"error": "Invalid credentials in Authorization header"}',
                            {"X-Error-Message": "Invalid credentials in Authorization header"})
            else:
                self.route()
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.close_connection = True
        finally:
            self.hub.log({"origin": self.origin, "method": self.command, "path": self.path, "range": self.headers.get("Range"),
                          "token": auth or self.headers.get("Cookie") or "", "status": self.status_sent, "sent": self.sent,
                          "received": len(self.body), "host": self.headers.get("Host"), "agent": self.headers.get("User-Agent"), "began": self.began, "ended": time.time()})
            with LOCK:
                self.hub.active -= 1

    def read_body(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            out = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                out += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return out
        left, out = int(self.headers.get("Content-Length") or 0), []
        cut = self.fault.get("cut_request")
        while left > 0:
            piece = self.rfile.read(min(left, 1 << 16))
            if not piece:
                raise ConnectionResetError
            left -= len(piece)
            out.append(piece)
            if cut is not None and sum(map(len, out)) >= cut:
                self.connection.shutdown(socket.SHUT_RDWR)
                raise ConnectionResetError
            if "rate" in self.fault:
                time.sleep(len(piece) / self.fault["rate"])
        return b"".join(out)

    def answer(self, status, data, headers=None):
        blob = data if isinstance(data, Blob) else None
        size = blob.size if blob else len(data)
        headers = dict(headers or {})
        start = 0
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        end = size
        if blob and wanted and status == 200 and not self.fault.get("ignore_range"):
            start = int(wanted.group(1))
            if start >= size:
                return self.answer(416, b"", {"Content-Range": f"bytes */{size}"})
            status = 206
            end = min(size, int(wanted.group(2) or size - 1) + 1)
            headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        if self.fault.get("gzip") and blob:
            data = gzip.compress(b"".join(blob.pieces(start, size)))
            blob, size, start = None, len(data), 0
            end = size
            headers["Content-Encoding"] = "gzip"
        length = end - start + self.fault.get("extra", 0)
        chunked = self.fault.get("chunked")
        self.status_sent = status
        self.send_response(status)
        if chunked:
            headers["Transfer-Encoding"] = "chunked"
        elif "Content-Length" not in headers:
            headers["Content-Length"] = str(self.fault.get("size", length))
        for name, value in self.fault.get("set", {}).items():
            headers = {n: v for n, v in headers.items() if n.lower() != name.lower()}
            if value is not None:
                headers[name] = value
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command == "HEAD":
            return self.wfile.flush()
        pieces = blob.pieces(start, end) if blob else [data]
        self.send_pieces(pieces, start, chunked)

    def send_pieces(self, pieces, at, chunked):
        rate = self.fault.get("rate") or self.hub.settings.get("rate")
        cut, stall, flip = self.fault.get("cut"), self.fault.get("stall"), self.fault.get("flip")
        begun, first = time.time(), at
        if "extra" in self.fault:
            pieces = [*pieces, b"x" * self.fault["extra"]]
        for piece in pieces:
            if flip is not None and at <= flip < at + len(piece):
                piece = bytearray(piece)
                piece[flip - at] ^= 1
            if cut is not None and self.sent + len(piece) > cut:
                piece = piece[:cut - self.sent]
                self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece)
                self.wfile.flush()
                self.sent = cut
                if chunked == "short":
                    break
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            if stall and self.sent >= stall[0]:
                self.wfile.flush()
                time.sleep(stall[1])
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece) if chunked and piece else piece)
            at += len(piece)
            self.sent += len(piece)
            if rate:
                self.wfile.flush()
                time.sleep(max(0, (at - first) / rate - (time.time() - begun)))
        if chunked:
            self.wfile.write(b"0\r\n\r\n")
        self.wfile.flush()

    def json(self, value, status=200, headers=None):
        self.answer(status, json.dumps(value).encode(), {"Content-Type": "application/json", **(headers or {})})

    def error(self, status, code, message):
        self.json({"error": message}, status, {"X-Error-Code": code, "X-Error-Message": message} if code else {"X-Error-Message": message})

    # ---- what is asked
    def route(self):
        path = unquote(self.url.path)
        if self.origin == "cdn":
            return self.storage(path)
        for pattern, method, action in ROUTES:
            found = re.fullmatch(pattern, self.url.path)
            if found and method == self.command.replace("HEAD", "GET"):
                return action(self, *[unquote(g) if g else g for g in found.groups()])
        self.error(404, None, "Sorry, we can't find the page you are looking for.")

    def repo(self, name, write=False):
        """The repository, or None after an answer that says why not."""
        renamed = self.hub.settings.get("repos", {}).get(name, {}).get("renamed")
        if renamed:
            target = self.path.replace(quote(name), renamed, 1)
            self.answer(307, b"", {"Location": target})
            return None
        repo = self.hub.repos.get(name)
        if repo is None or not repo.may_see(self.user):
            if self.user:
                self.error(404, "RepoNotFound", "Repository not found")
            else:
                self.error(401, "RepoNotFound", "Invalid username or password.")
            return None
        if write and not self.user:
            self.error(401, None, "Invalid username or password.")
            return None
        if write and not repo.is_mine(self.user):
            self.error(403, None, "Forbidden: you have no write access to this repository")
            return None
        return repo

    def commit(self, repo, revision):
        sha = repo.resolve(revision or "main")
        if sha is None:
            self.error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return sha

    def model_info(self, name, revision=None):
        repo = self.repo(name)
        sha = repo and self.commit(repo, revision)
        if not sha:
            return
        blobs = "blobs" in self.query
        siblings = []
        for path, file in sorted(repo.commits[sha].items()):
            entry = {"rfilename": path}
            if blobs:
                entry.update(blobId=file.oid, size=file.blob.size)
                if file.large:
                    entry["lfs"] = {"sha256": file.blob.sha256, "size": file.blob.size, "pointerSize": file.pointer_size}
            siblings.append(entry)
        info = {"_id": "1", "id": repo.name, "modelId": repo.name, "sha": sha, "private": bool(repo.settings.get("private")),
                "gated": repo.settings.get("gated", False), "disabled": False, "tags": repo.settings.get("card_tags", []),
                "downloads": 0, "likes": 0, "siblings": siblings, "pipeline_tag": "text-classification",
                "lastModified": "2024-01-02T03:04:05.000Z", "createdAt": "2024-01-02T03:04:05.000Z"}
        info.update(repo.settings.get("info", {}))
        self.json(info)

    def tree(self, name, revision, folder=""):
        repo = self.repo(name)
        sha = repo and self.commit(repo, revision)
        if not sha:
            return
        out = []
        for path, file in sorted(repo.commits[sha].items()):
            entry = {"type": "file", "oid": file.oid, "size": file.blob.size, "path": path}
            if file.large:
                entry["lfs"] = {"oid": file.blob.sha256, "size": file.blob.size, "pointerSize": file.pointer_size}
            out.append(entry)
        self.json(out)

    def refs(self, name):
        repo = self.repo(name)
        if repo:
            self.json({"branches": [{"name": r, "ref": f"refs/heads/{r}", "targetCommit": c} for r, c in repo.refs.items()],
                       "tags": [], "converts": []})

    def resolve(self, name, revision, path):
        repo = self.repo(name)
        sha = repo and self.commit(repo, revision)
        if not sha:
            return
        if not repo.may_read(self.user):
            return self.error(403 if self.user else 401, "GatedRepo", f"Access to model {name} is restricted.")
        file = repo.commits[sha].get(path)
        if file is None:
            return self.error(404, "EntryNotFound", "Entry not found")
        headers = {"X-Repo-Commit": sha, "Accept-Ranges": "bytes"}
        if not file.large:
            return self.answer(200, file.blob, {**headers, "ETag": f'"{file.etag}"'})
        self.answer(302, b"", {**headers, "X-Linked-Etag": f'"{file.etag}"', "X-Linked-Size": str(file.blob.size),
                               "Location": f"{self.origins['cdn']}/lfs/{file.etag}?Signature=secret"})

    def storage(self, path):
        found = re.fullmatch(r"/(lfs|upload|part)/([0-9a-f]{64})(?:/(\d+))?", path)
        kind, sha, number = found.groups() if found else (None, None, None)
        if kind == "lfs" and sha in self.hub.stored:
            return self.answer(200, self.hub.stored[sha], {"ETag": '"storage-etag-1"', "Accept-Ranges": "bytes"})
        if kind == "upload" and self.command == "PUT":
            if hashlib.sha256(self.body).hexdigest() != sha:
                return self.error(400, None, "BadDigest")
            self.hub.stored[sha] = Blob(self.body)
            return self.answer(200, b"")
        if kind == "part" and self.command == "PUT":
            self.hub.parts[sha, int(number)] = self.body
            return self.answer(200, b"", {"ETag": f'"{hashlib.md5(self.body).hexdigest()}"'})
        self.error(404, None, "no such object")

    # ---- writing
    def whoami(self):
        if not self.user:
            return self.error(401, None, "Invalid username or password.")
        self.json({"type": "user", "id": "1", "name": self.user["name"], "fullname": self.user["name"].title(), "isPro": False,
                   "orgs": [{"name": o, "type": "org"} for o in self.user.get("orgs", [])],
                   "auth": {"type": "access_token", "accessToken": {"displayName": "test-token", "role": "write"}}})

    def create(self):
        if not self.user:
            return self.error(401, None, "Invalid username or password.")
        wanted = json.loads(self.body)
        owner = wanted.get("organization") or self.user["name"]
        name = f"{owner}/{wanted['name']}"
        if owner not in [self.user["name"], *self.user.get("orgs", [])]:
            return self.error(403, None, f"You don't have the rights to create a model under the namespace \"{owner}\"")
        private = bool(wanted.get("private")) or wanted.get("visibility") == "private"
        with LOCK:
            if name in self.hub.repos:
                return self.json({"error": "You already created this model repo", "url": f"{self.origins['hub']}/{name}"}, 409)
            repo = self.hub.repos[name] = Repo(name, {"private": private})
            repo.commit("main", {".gitattributes": File(Blob(b"*.safetensors filter=lfs diff=lfs merge=lfs -text\n"), False)})
        self.json({"url": f"{self.origins['hub']}/{name}", "name": name, "id": "1", "private": private})

    def branch(self, name, branch):
        repo = self.repo(name, write=True)
        if repo:
            repo.refs[branch] = repo.refs["main"]
            self.json({})

    def preupload(self, name, revision):
        repo = self.repo(name, write=True)
        sha = repo and self.commit(repo, revision)
        if not sha:
            return
        out = []
        asked = json.loads(self.body)
        ignored = [line.strip() for line in asked.get("gitIgnore", "").splitlines() if line.strip()]
        for file in asked["files"]:
            base64.b64decode(file["sample"], validate=True)
            there = repo.commits[sha].get(file["path"])
            out.append({"path": file["path"], "uploadMode": "lfs" if file["size"] >= self.hub.large else "regular",
                        "shouldIgnore": file["path"].endswith(".ignored") or any(fnmatch.fnmatch(file["path"], i) for i in ignored), "oid": there and (there.etag if there.large else there.oid)})
        self.json({"files": out, "commitOid": sha})

    def batch(self, name):
        repo = self.repo(name, write=True)
        if not repo:
            return
        asked = json.loads(self.body)
        assert asked["operation"] == "upload" and self.headers["Accept"] == "application/vnd.git-lfs+json"
        part = self.hub.settings.get("part", 10**12)
        out = []
        for entry in asked["objects"]:
            sha, size = entry["oid"], entry["size"]
            made = {"oid": sha, "size": size}
            if sha not in self.hub.stored:
                verify = {"href": f"{self.origins['hub']}/{name}.git/info/lfs/objects/verify"}
                if size > part and "multipart" in asked["transfers"]:
                    header = {"chunk_size": str(part)}
                    for n in range(-(-size // part)):
                        header[f"{n + 1:05d}"] = f"{self.origins['cdn']}/part/{sha}/{n + 1}?Signature=secret"
                    made["actions"] = {"upload": {"href": f"{self.origins['hub']}/api/complete_multipart?sha={sha}", "header": header}, "verify": verify}
                else:
                    made["actions"] = {"upload": {"href": f"{self.origins['cdn']}/upload/{sha}?Signature=secret"}, "verify": verify}
            out.append(made)
        multipart = any("chunk_size" in o.get("actions", {}).get("upload", {}).get("header", {}) for o in out)
        self.json({"transfer": "multipart" if multipart else "basic", "objects": out})

    def complete(self):
        sha, wanted = self.query["sha"][0], json.loads(self.body)
        parts = [self.hub.parts.get((sha, p["partNumber"]), b"") for p in wanted["parts"]]
        etags = [f'"{hashlib.md5(p).hexdigest()}"' for p in parts]
        whole = b"".join(parts)
        if wanted["oid"] != sha or hashlib.sha256(whole).hexdigest() != sha or etags != [p["etag"] for p in wanted["parts"]]:
            return self.error(400, None, "the parts do not make the object")
        self.hub.stored[sha] = Blob(whole)
        self.json({})

    def verify(self, name):
        wanted = json.loads(self.body)
        blob = self.hub.stored.get(wanted["oid"])
        if blob is None or blob.size != wanted["size"]:
            return self.error(404, None, "Object does not exist")
        self.json({})

    def make_commit(self, name, revision):
        pr = "create_pr" in self.query
        repo = self.repo(name, write=not pr)
        sha = repo and self.commit(repo, revision)
        if not sha:
            return
        if not self.user:
            return self.error(401, None, "Invalid username or password.")
        lines = [json.loads(line) for line in self.body.splitlines() if line.strip()]
        header = lines[0]["value"]
        with LOCK:
            head = repo.refs.get(revision)
            if header.get("parentCommit") not in (None, head):
                return self.error(412, None, "A commit has happened since. Please refresh and try again.")
            files = dict(repo.commits[sha])
            for line in lines[1:]:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = File(Blob(base64.b64decode(value["content"], validate=True)), False)
                elif line["key"] == "lfsFile":
                    blob = self.hub.stored.get(value["oid"])
                    if blob is None or blob.size != value["size"]:
                        return self.error(400, None, f"lfs object {value['oid']} was not uploaded")
                    files[value["path"]] = File(blob, True)
                elif line["key"] == "deletedFile":
                    files.pop(value["path"], None)
                else:
                    return self.error(400, None, f"unknown operation {line['key']}")
            if not header.get("summary"):
                return self.error(400, None, "a summary is missing")
            ref = revision
            if pr:
                repo.prs += 1
                ref = f"refs/pr/{repo.prs}"
            made = repo.commit(ref, files)
        out = {"success": True, "commitOid": made, "commitUrl": f"{self.origins['hub']}/{name}/commit/{made}", "hookOutput": ""}
        if pr:
            out["pullRequestUrl"] = f"{self.origins['hub']}/{name}/discussions/{repo.prs}"
        self.json(out)


ID = r"([^/]+/[^/]+|[^/]+)"
SET = r"(datasets/[^/]+/[^/]+)"
ROUTES = [
    (rf"/api/models/{ID}/revision/([^/]+)", "GET", Handler.model_info),
    (rf"/api/models/{ID}/tree/([^/]+)/?(.*)", "GET", Handler.tree),
    (rf"/api/models/{ID}/refs", "GET", Handler.refs),
    (rf"/api/models/{ID}/preupload/([^/]+)", "POST", Handler.preupload),
    (rf"/api/models/{ID}/commit/([^/]+)", "POST", Handler.make_commit),
    (rf"/api/models/{ID}/branch/([^/]+)", "POST", Handler.branch),
    (rf"/api/models/{ID}", "GET", Handler.model_info),
    (rf"/api/{SET}/revision/([^/]+)", "GET", Handler.model_info),
    (rf"/api/{SET}/tree/([^/]+)/?(.*)", "GET", Handler.tree),
    (rf"/api/{SET}", "GET", Handler.model_info),
    (r"/api/whoami-v2", "GET", Handler.whoami),
    (r"/api/repos/create", "POST", Handler.create),
    (r"/api/validate-yaml", "POST", lambda self: self.json({"errors": [], "warnings": []})),
    (r"/api/complete_multipart", "POST", Handler.complete),
    (rf"/{ID}\.git/info/lfs/objects/batch", "POST", Handler.batch),
    (rf"/{ID}\.git/info/lfs/objects/verify", "POST", Handler.verify),
    (rf"/{SET}/resolve/([^/]+)/(.+)", "GET", Handler.resolve),
    (rf"/{ID}/resolve/([^/]+)/(.+)", "GET", Handler.resolve),
]


class Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def handle_error(self, *_):
        pass


def main():
    folder = sys.argv[1]
    tls = sys.argv[3:5] if "--tls" in sys.argv else None
    hub, origins = Hub(folder), {}
    servers = {}
    for origin in ("hub", "cdn"):
        handler = type("Of" + origin, (Handler,), {"hub": hub, "origin": origin, "origins": origins})
        servers[origin] = Server(("127.0.0.1", 0), handler)
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(*tls)
            servers[origin].socket = context.wrap_socket(servers[origin].socket, server_side=True, do_handshake_on_connect=False)
        origins[origin] = f"{'https' if tls else 'http'}://127.0.0.1:{servers[origin].server_port}"
        threading.Thread(target=servers[origin].serve_forever, daemon=True).start()
    print(json.dumps(origins), flush=True)
    while sys.stdin.readline():
        while hub.active:
            time.sleep(0.001)
        print("idle", flush=True)
    os._exit(0)


if __name__ == "__main__":
    main()
