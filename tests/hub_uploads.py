"""The upload side of a Hugging Face Hub on this machine: new repositories, large file storage, Xet, and commits.

with UploadHub() as hub:
    subprocess.run(program, env=hub.environment(tmp_path) | {"HF_TOKEN": WRITER})
    hub.published["org/name"].commits
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import struct
import time
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import unquote, urlsplit

import imagecodecs
import yaml
from hub_server import HubServer

WRITER, READER = "hf_may_write", "hf_may_read"

_MODEL = re.compile(r"/api/models/([^/]+/[^/]+)(?:/(preupload|commit|xet-write-token)/main)?")
_BATCH = re.compile(r"/([^/]+/[^/]+)\.git/info/lfs/objects/batch")
_OBJECT = re.compile(r"/lfs/([0-9a-f]{64})(/verify)?")
_XORB = re.compile(r"/v1/xorbs/default/[0-9a-f]{64}")


@dataclass
class Commit:
    """One commit: its 40 hex digits, its summary, and all files of the repository after it."""

    oid: str
    summary: str
    files: dict[str, bytes]


@dataclass
class Published:
    """A repository that was made by uploading."""

    private: bool
    commits: list[Commit] = field(default_factory=list)


class UploadHub(HubServer):
    """Takes uploads as well.

    Attributes:
        published: name -> repository.
        objects: SHA-256 -> content, of large file storage.
        xet: contents of the chunks that were uploaded by Xet, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.published: dict[str, Published] = {}
        self.objects: dict[str, bytes] = {}
        self.xet: list[bytes] = []
        self.server.RequestHandlerClass = type("Handler", (_Uploads, self.server.RequestHandlerClass), {"hub": self})


class _Uploads(BaseHTTPRequestHandler):
    """Mixed into the handler of `HubServer`."""

    hub: UploadHub

    def do_POST(self) -> None:
        self.accept_upload()

    def do_PUT(self) -> None:
        self.accept_upload()

    def do_GET(self) -> None:
        match = _MODEL.fullmatch(unquote(urlsplit(self.path).path))
        if match and match[1] in self.hub.published:
            self.accept_upload()
        else:
            super().do_GET()

    def accept_upload(self) -> None:
        path = unquote(urlsplit(self.path).path)
        self.hub.requests.append((self.command, path))
        body = self.read_body()
        if (fault := self.fault(path)) and fault.cut is not None:  # type: ignore[attr-defined]
            self.close_connection = True  # without an answer
        elif fault:
            self.refuse(fault.status, fault.code)  # type: ignore[attr-defined]
        elif match := _OBJECT.fullmatch(path):
            self.lfs_object(match[1], body, bool(match[2]))
        elif _XORB.fullmatch(path):
            self.hub.xet += chunks(body)
            self.send_json({"was_inserted": True})
        elif path == "/v1/shards":
            self.send_json({"result": 1})
        elif path.startswith(("/v1/", "/v2/")):
            self.refuse(HTTPStatus.NOT_FOUND)  # type: ignore[attr-defined]  # the client does without its other questions
        elif (token := self.headers.get("Authorization")) not in (f"Bearer {WRITER}", f"Bearer {READER}"):
            self.refuse(HTTPStatus.UNAUTHORIZED)  # type: ignore[attr-defined]
        elif token != f"Bearer {WRITER}" and self.command != "GET":
            self.refuse(HTTPStatus.FORBIDDEN)  # type: ignore[attr-defined]
        elif path == "/api/repos/create":
            self.create_repo(json.loads(body))
        elif path == "/api/validate-yaml":
            self.validate_card(json.loads(body)["content"])
        elif match := _BATCH.fullmatch(path):
            self.lfs_batch(json.loads(body))
        elif (match := _MODEL.fullmatch(path)) and match[1] in self.hub.published:
            self.model_api(match[1], match[2], body)
        else:
            self.refuse(HTTPStatus.NOT_FOUND, "RepoNotFound")  # type: ignore[attr-defined]

    def read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def send_json(self, content: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        data = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def create_repo(self, wanted: dict) -> None:
        name = f"{wanted['organization']}/{wanted['name']}"
        if name in self.hub.published:
            self.send_json({"error": "exists", "url": f"{self.hub.url}/{name}"}, HTTPStatus.CONFLICT)
            return
        self.hub.published[name] = Published(wanted.get("visibility") == "private")
        self.send_json({"url": f"{self.hub.url}/{name}"})

    def validate_card(self, card: str) -> None:
        """The Hub's check of front matter, of which this is a small part."""
        front = yaml.safe_load(card.split("---\n")[1])
        errors = [] if isinstance(front.get("tags"), list) else [{"message": '"tags" must be an array'}]
        if front.get("license") == "other" and not front.get("license_name"):
            errors.append({"message": '"license_name" is required'})
        status = HTTPStatus.BAD_REQUEST if errors else HTTPStatus.OK
        self.send_json({"errors": errors, "warnings": []}, status)

    def lfs_batch(self, wanted: dict) -> None:
        objects = []
        for one in wanted["objects"]:
            address = f"{self.hub.url}/lfs/{one['oid']}"
            actions = {"upload": {"href": address}, "verify": {"href": f"{address}/verify"}}
            objects.append(one if one["oid"] in self.hub.objects else one | {"actions": actions})
        self.send_json({"transfer": "basic", "objects": objects})

    def lfs_object(self, oid: str, content: bytes, verify: bool) -> None:
        if not verify:
            self.hub.objects[hashlib.sha256(content).hexdigest()] = content
        self.send_json({}, HTTPStatus.OK if oid in self.hub.objects else HTTPStatus.NOT_FOUND)

    def model_api(self, name: str, action: str | None, body: bytes) -> None:
        repo = self.hub.published[name]
        files = repo.commits[-1].files if repo.commits else {}
        if action == "preupload":
            self.send_json({"files": [mode(file["path"], files) for file in json.loads(body)["files"]]})
        elif action == "commit":
            self.make_commit(name, repo, [json.loads(line) for line in body.splitlines()])
        elif action == "xet-write-token":
            self.send_json({"accessToken": "xet", "exp": int(time.time()) + 3600, "casUrl": self.hub.url})
        else:
            commit = repo.commits[-1].oid if repo.commits else None
            self.send_json({"id": name, "sha": commit, "private": repo.private, "siblings": [], "tags": []})

    def make_commit(self, name: str, repo: Published, lines: list[dict]) -> None:
        """Files of a commit, which must have been uploaded before where they are only named."""
        files = dict(repo.commits[-1].files) if repo.commits else {}
        chunked = b"".join(self.hub.xet)
        stored = self.hub.objects | {hashlib.sha256(chunked).hexdigest(): chunked}
        for line in lines[1:]:
            value = line["value"]
            if line["key"] == "lfsFile" and value["oid"] not in stored:
                self.send_json({"error": f"{value['path']}: its content was not uploaded"}, HTTPStatus.BAD_REQUEST)
                return
            content = stored[value["oid"]] if line["key"] == "lfsFile" else base64.b64decode(value["content"])
            files[value["path"]] = content
        oid = self.hub.add("models", name, files)
        repo.commits.append(Commit(oid, lines[0]["value"]["summary"], files))
        self.send_json({"commitUrl": f"{self.hub.url}/{name}/commit/{oid}", "commitOid": oid})


def mode(path: str, files: dict[str, bytes]) -> dict:
    """How a file is to be uploaded, and what of that name there is: its SHA-256, or its Git hash if it is small."""
    large = path.endswith(".safetensors")
    oid = None
    if (content := files.get(path)) is not None:
        head = b"" if large else b"blob %d\0" % len(content)
        oid = (hashlib.sha256 if large else hashlib.sha1)(head + content).hexdigest()
    return {"path": path, "uploadMode": "lfs" if large else "regular", "shouldIgnore": False, "oid": oid}


def chunks(xorb: bytes) -> list[bytes]:
    """Contents of the chunks of a serialised xorb (https://huggingface.co/docs/xet/xorb): each has 8 bytes of version,
    size, scheme and size before compression; after the last one comes a footer, or nothing."""
    found, at = [], 0
    while at < len(xorb) and xorb[at] == 0:
        _, low, high, scheme, plain_low, plain_high = struct.unpack("<BHBBHB", xorb[at : at + 8])
        size, plain = low | high << 16, plain_low | plain_high << 16
        data = xorb[at + 8 : at + 8 + size]
        if scheme:
            data = imagecodecs.lz4f_decode(data)  # type: ignore[assignment]
        if scheme == 2:  # bytes at equal places within groups of four lie together
            whole = bytearray(plain)
            start = 0
            for place in range(4):
                count = len(range(place, plain, 4))
                whole[place::4] = data[start : start + count]
                start += count
            data = bytes(whole)
        found.append(data)
        at += 8 + size
    return found
