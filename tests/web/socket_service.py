"""A service of WebSockets: it prints its port, and serves until its input ends.

It repeats each message of a client's with a password in it, and says on a line of its output what it heard.
"""
import asyncio
import json
import sys

from websockets.asyncio.server import serve


async def answer(socket):
    async for text in socket:
        print(text, flush=True)
        await socket.ping()
        heard = json.loads(text)
        await socket.send(json.dumps({"heard": heard, "password": "hunter2"}))


async def main():
    # An answer to each of its pings must come, or it closes the socket.
    async with serve(answer, "127.0.0.1", 0, ping_interval=0.2, ping_timeout=5) as server:
        print(server.sockets[0].getsockname()[1], flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


asyncio.run(main())
