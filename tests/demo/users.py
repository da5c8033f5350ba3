"""An internal HTTP service that trusts whoever has its key: users, with what nobody should see of them."""

import json
import sys
from http.server import BaseHTTPRequestHandler, HTTPServer

USERS = {"7": {"id": 7, "name": "Ada", "api_key": "key-8d1f0c", "note": "her token is ghp_16C7e42F292c6912E7710c838347Ae178B4a"}}


class Users(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(USERS.get(self.path.rsplit("/", 1)[-1]))

    def do_DELETE(self):
        self.answer(USERS.pop(self.path.rsplit("/", 1)[-1], None))

    def answer(self, user):
        allowed = self.headers.get("authorization") == f"Bearer {KEY}"
        status = 401 if not allowed else 200 if user else 404
        body = json.dumps(user if status == 200 else {"error": status}).encode()
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


KEY = sys.argv[1]
server = HTTPServer(("127.0.0.1", 0), Users)
print(server.server_port, flush=True)
server.serve_forever()
