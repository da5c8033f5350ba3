"""Asks for an address as a library does that was told of its proxy by the environment, and prints the status and the body.

`ask.py httpx|requests|urllib URL` goes by `HTTPS_PROXY`, `HTTP_PROXY` and `SSL_CERT_FILE`; `ask.py tls PROXY LOGIN HOST:PORT NAME
REQUEST` opens a tunnel by itself and asks TLS for the name, whoever answers (an empty name asks for none).
"""

import base64
import os
import socket
import ssl
import sys
import urllib.request


def by_httpx(url):
    import httpx

    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with httpx.Client(http2=True, verify=context) as client:
        answers = [client.get(url), client.get(url)]
    return answers[1].status_code, answers[1].http_version, answers[1].text


def by_requests(url):
    import requests

    with requests.Session() as client:
        answers = [client.get(url, verify=os.environ["SSL_CERT_FILE"]) for _ in range(2)]
    return answers[1].status_code, "HTTP/1.1", answers[1].text


def by_urllib(url):
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    with urllib.request.urlopen(url, context=context) as answer:
        return answer.status, "HTTP/1.1", answer.read().decode()


def by_tls(proxy, login, target, name, request):
    host, port = proxy.rsplit(":", 1)
    plain = socket.create_connection((host, int(port)))
    basic = base64.b64encode(login.encode()).decode()
    plain.sendall(
        f"CONNECT {target} HTTP/1.1\r\nHost: {target}\r\nProxy-Authorization: Basic {basic}\r\n\r\n".encode()
    )
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += plain.recv(1) or sys.exit("the proxy left")
    if b" 200 " not in head:
        return head.decode()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    secured = context.wrap_socket(plain, server_hostname=name or None)
    secured.sendall(request.replace("\\r\\n", "\r\n").encode())
    answer = b""
    while piece := secured.recv(65536):
        answer += piece
    return answer.decode()


if __name__ == "__main__":
    how, *arguments = sys.argv[1:]
    if how == "tls":
        print(by_tls(*arguments))
    else:
        print(*{"httpx": by_httpx, "requests": by_requests, "urllib": by_urllib}[how](*arguments))
