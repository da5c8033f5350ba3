"""An MCP client made with the official SDK, which knows nothing of the gateway: client.py URL, with the variables TOKEN and MODE, which
is `auto` for the newest revision that both sides speak, and `legacy` for one that is begun by `initialize`.

A line of its input is {"do": METHOD, "with": {ARGUMENTS}}, one of its output what came of it. Progress is told as it comes.
"""
import asyncio
import json
import os
import ssl
import sys

import httpx2
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import CreateMessageResult, TextContent


def tell(**what):
    print(json.dumps(what), flush=True)


async def progress(done, total, message):
    tell(progress=done, total=total, message=message)


async def sample(context, params):
    tell(sampled=params.messages[0].content.text)
    return CreateMessageResult(
        role="assistant", content=TextContent(type="text", text="well"), model="none")


async def listen(client, arguments):
    async with client.listen(**arguments) as subscription:
        tell(listens=subscription.honored.model_dump(mode="json", exclude_none=True))
        async for event in subscription:
            tell(heard=type(event).__name__)


async def lines():
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        yield json.loads(line)


async def main():
    headers = {"Authorization": f"Bearer {os.environ['TOKEN']}"}
    sampling = {"sampling_callback": sample} if os.environ.get("SAMPLES") else {}
    trust = ssl.create_default_context(cafile=os.environ.get("CA"))
    limits = httpx2.Timeout(30, read=300)
    async with httpx2.AsyncClient(headers=headers, timeout=limits, verify=trust) as http:
        transport = streamable_http_client(sys.argv[1], http_client=http)
        async with Client(transport, mode=os.environ["MODE"], **sampling) as client:
            tell(ready=client.protocol_version, instructions=client.instructions)
            async for line in lines():
                do, arguments = line["do"], line.get("with", {})
                if do == "call_tool":
                    arguments["progress_callback"] = progress
                if do == "listen":
                    listening = asyncio.create_task(listen(client, arguments))
                    continue
                seconds = line.get("seconds")
                try:
                    work = getattr(client, do)(**arguments)
                    result = await (asyncio.wait_for(work, seconds) if seconds else work)
                    tell(result=result.model_dump(mode="json", exclude_none=True))
                except TimeoutError:
                    tell(gave_up=True)
                except Exception as error:
                    data = getattr(getattr(error, "error", None), "data", None)
                    tell(error=str(error), data=data)


asyncio.run(main())
