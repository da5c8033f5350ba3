"""An MCP server of a few lines: notes that can be read and deleted."""

import json
import sys

NOTES = {"plan": "ship on friday; password: correct-horse-battery"}


def tool(name, what):
    schema = {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}
    return {"name": name, "description": what, "inputSchema": schema}


def answer(method, params):
    if method == "initialize":
        about = {"name": "notes", "version": "1"}
        return {"protocolVersion": params["protocolVersion"], "capabilities": {"tools": {}}, "serverInfo": about}
    if method == "tools/list":
        return {"tools": [tool("read_note", "Reads a note"), tool("delete_note", "Deletes a note")]}
    if method == "tools/call":
        take = NOTES.pop if params["name"] == "delete_note" else NOTES.get
        return {"content": [{"type": "text", "text": take(params["arguments"]["name"], None) or "there is none"}]}
    return {}


for line in sys.stdin:
    message = json.loads(line)
    if "id" in message:
        result = answer(message["method"], message.get("params", {}))
        print(json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result}), flush=True)
