"""An MCP server made with the official SDK, which knows nothing of the gateway.

server.py            speaks on its standard input and output
server.py http PORT [CERTIFICATE KEY]
    speaks Streamable HTTP, to those who bring the header `Authorization: Bearer upstream-token`; by TLS with a certificate;
    with the variable NEWEST only in the revision that has no sessions
The files of the variables WORDS and ABOUT, where there are any, hold what the tool `add` and the server say of themselves.
"""
import base64
import os
import pathlib
import sys

import anyio
from mcp.server.mcpserver import Context, Image, MCPServer
from mcp_types import SamplingMessage, TextContent



def said(variable, otherwise):
    file = os.environ.get(variable)
    return pathlib.Path(file).read_text() if file else otherwise


server = MCPServer("tests", instructions=said("ABOUT", "Add numbers."))
description = said("WORDS", "Adds two numbers.")


@server.tool(description=description)
def add(a: int, b: int) -> int:
    return a + b


@server.tool()
def customer(id: int) -> dict[str, str]:
    """Everything about a customer."""
    return {"name": f"Ada {id}", "password": "hunter2hunter2", "note": "key AKIAIOSFODNN7EXAMPLE"}


@server.tool()
def environment() -> dict[str, str]:
    """All that this server was started with."""
    return dict(os.environ)


@server.tool()
def process() -> int:
    """The number of this process."""
    print("asked by number 4711", file=sys.stderr, flush=True)
    return os.getpid()


@server.tool()
def delete_customer(id: int) -> str:
    """Deletes a customer."""
    return f"customer {id} is deleted"


@server.tool()
def picture() -> Image:
    """A picture."""
    return Image(data=base64.b64decode("iVBORw0KGgo="), format="png")


@server.tool()
async def slow(context: Context) -> str:
    """Takes its time."""
    for step in range(1, 4):
        await context.report_progress(step, 3, f"step {step}")
    return "done"


@server.tool()
async def forever(context: Context) -> str:
    """Never ends."""
    await context.report_progress(1, 2, "begun")
    await anyio.sleep_forever()
    return "never"


@server.tool()
async def ask_model(context: Context) -> str:
    """Has the client's model say something."""
    question = SamplingMessage(role="user", content=TextContent(type="text", text="Well?"))
    answer = await context.session.create_message([question], max_tokens=10)
    return f"the model says {answer.content.text}"


@server.resource("notes://today")
def today() -> str:
    return '{"mood": "good", "api_password": "hunter2hunter2"}'


@server.resource("notes://private")
def private() -> str:
    return "nobody reads this"


@server.prompt()
def greet(name: str) -> str:
    """Greets somebody."""
    return f"Greet {name}, whose key is AKIAIOSFODNN7EXAMPLE."


if sys.argv[1:2] == ["http"]:
    import uvicorn

    app = server.streamable_http_app()

    async def guarded(scope, receive, send):
        headers = dict(scope.get("headers", []))
        if scope["type"] == "http" and headers.get(b"authorization") != b"Bearer upstream-token":
            await send({"type": "http.response.start", "status": 401, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        newest = headers.get(b"mcp-protocol-version") == b"2026-07-28"
        if scope["type"] == "http" and os.environ.get("NEWEST") and not newest:
            await send({"type": "http.response.start", "status": 400, "headers": []})
            await send({"type": "http.response.body", "body": b""})
            return
        await app(scope, receive, send)

    files = dict(zip(["ssl_certfile", "ssl_keyfile"], sys.argv[3:5]))
    uvicorn.run(guarded, host="127.0.0.1", port=int(sys.argv[2]), log_level="error", **files)
else:
    server.run("stdio")
