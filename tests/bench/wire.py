"""A PostgreSQL client that reads results and throws them away: nothing that formats rows, so that the proxy is what is measured."""

import base64
import hashlib
import hmac
import secrets
import socket
import struct

READY = b"Z\x00\x00\x00\x05I"
BUFFER = 1 << 20


class Refused(Exception):
    """The server said so."""


class Connection:
    """One session, logged in by what the server asks for."""

    def __init__(self, side, user, seconds=60):
        self.socket = socket.create_connection((side.host, side.port), timeout=seconds)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pairs = f"user\0{user}\0database\0{user}\0\0".encode()
        self.socket.sendall(struct.pack("!II", len(pairs) + 8, 196608) + pairs)
        self._log_in(side.password)

    def _log_in(self, password):
        scram = None
        while True:
            tag, body = self._message()
            kind = struct.unpack("!I", body[:4])[0] if tag == b"R" else None
            if tag == b"E":
                raise Refused(body.decode(errors="replace").replace("\0", " "))
            if tag == b"Z":
                return
            if kind == 3:
                self._send(b"p", password.encode() + b"\0")
            elif kind == 10:
                scram = Scram(password)
                first = scram.first()
                self._send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(first)) + first)
            elif kind == 11:
                self._send(b"p", scram.final(body[4:]))

    def _message(self):
        head = self._exactly(5)
        return head[:1], self._exactly(struct.unpack("!I", head[1:])[0] - 4)

    def _exactly(self, count):
        read = b""
        while len(read) < count:
            more = self.socket.recv(count - len(read))
            if not more:
                raise Refused("the server closed the connection")
            read += more
        return read

    def _send(self, tag, body):
        self.socket.sendall(tag + struct.pack("!I", len(body) + 4) + body)

    def query(self, text, buffer=None):
        """Runs a text and gives how many bytes came back. The texts used here give no value that looks like an answer's end."""
        buffer = buffer or bytearray(64 << 10)
        self._send(b"Q", text.encode() + b"\0")
        received, end, first = 0, b"", b""
        while True:
            count = self.socket.recv_into(buffer)
            if count == 0:
                raise Refused("the server closed the connection")
            first = first or bytes(buffer[:1])
            received += count
            end = (end + bytes(buffer[max(0, count - len(READY)) : count]))[-len(READY) :]
            if end == READY:
                if first == b"E":
                    raise Refused(bytes(buffer[:count]).decode(errors="replace").replace("\0", " "))
                return received

    def close(self):
        self.socket.close()


class Scram:
    """The client's part of SCRAM-SHA-256 (RFC 7677), without channel binding."""

    def __init__(self, password):
        self.password = password.encode()
        self.nonce = secrets.token_urlsafe(18)

    def first(self):
        self.bare = f"n=,r={self.nonce}"
        return f"n,,{self.bare}".encode()

    def final(self, server_first):
        text = server_first.decode()
        fields = dict(part.split("=", 1) for part in text.split(","))
        salt, rounds = base64.b64decode(fields["s"]), int(fields["i"])
        salted = hashlib.pbkdf2_hmac("sha256", self.password, salt, rounds)
        key = hmac.digest(salted, b"Client Key", "sha256")
        without = f"c=biws,r={fields['r']}"
        signed = f"{self.bare},{text},{without}".encode()
        signature = hmac.digest(hashlib.sha256(key).digest(), signed, "sha256")
        proof = bytes(a ^ b for a, b in zip(key, signature, strict=True))
        return f"{without},p={base64.b64encode(proof).decode()}".encode()
