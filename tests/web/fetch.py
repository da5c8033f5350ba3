"""What a program does with httpx over HTTP/2: it prints one line for each step.

fetch.py URL  of a service that keeps what is PUT; with the token in TOKEN, and whom it trusts in SSL_CERT_FILE
"""
import os
import ssl
import sys

import httpx

PIECE = bytes(range(256)) * 256


def pieces():
    for _ in range(48):
        yield PIECE


base = sys.argv[1]
trusts = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
token = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
with httpx.Client(http2=True, verify=trusts, headers=token, timeout=60, trust_env=False) as client:
    kind = {"Content-Type": "application/octet-stream"}
    put = client.put(f"{base}/kept", content=pieces(), headers=kind)
    print(put.http_version, put.status_code)
    with client.stream("GET", f"{base}/kept") as got:
        print("same", b"".join(got.iter_bytes()) == PIECE * 48)
    print("moved", client.get(f"{base}/old", follow_redirects=True).text)
    client.get(f"{base}/enter")
    print("cookie", client.get(f"{base}/who").text)
