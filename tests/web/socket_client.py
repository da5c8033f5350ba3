"""Says messages over a WebSocket, one for each argument, and prints what is answered; then how it was closed.

socket_client.py URL MESSAGE…  with the token in TOKEN, and whom it trusts in SSL_CERT_FILE; `ping` pings and waits for the pong
"""
import asyncio
import os
import ssl
import sys

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed


async def main(url, *messages):
    trusts = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    token = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    async with connect(url, ssl=trusts, additional_headers=token, proxy=None) as socket:
        try:
            for message in messages:
                if message == "ping":
                    await (await socket.ping())
                    print("pong")
                    continue
                await socket.send(message)
                print(await socket.recv())
        except ConnectionClosed as closed:
            print(closed.rcvd.code, closed.rcvd.reason)
            return
    print(socket.close_code)


asyncio.run(main(*sys.argv[1:]))
