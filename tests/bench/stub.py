#!/usr/bin/env python3
"""A server that lets everybody in and then says nothing: thousands of idle sessions need no thousands of PostgreSQL's processes."""

import asyncio
import struct
import sys

PARAMETERS = {"server_version": "15.0", "client_encoding": "UTF8", "standard_conforming_strings": "on", "integer_datetimes": "on"}


def welcome():
    words = b"R" + struct.pack("!II", 8, 0)
    for name, value in PARAMETERS.items():
        body = f"{name}\0{value}\0".encode()
        words += b"S" + struct.pack("!I", len(body) + 4) + body
    return words + b"K" + struct.pack("!III", 12, 1, 1) + b"Z" + struct.pack("!Ic", 5, b"I")


async def serve(reader, writer):
    try:
        (length,) = struct.unpack("!I", await reader.readexactly(4))
        await reader.readexactly(length - 4)
        writer.write(welcome())
        while await reader.read(4096):
            pass
    except (ConnectionError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main(port):
    server = await asyncio.start_server(serve, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
