"""A gRPC client that knows nothing of the gateway: client.py ADDRESS, with the variables TOKEN and, for TLS, CA.

A line of its input is {"call": METHOD, "send": MESSAGE or MESSAGES, …}, one of its output what came of it.
AUTHORITY is the host that it asks for, CONNECTION the connection that its metadata picks, HEADER what carries the token.
"""
import json
import os
import queue
import sys
import threading

import grpc

import messages

LOCK = threading.Lock()


def tell(**what):
    with LOCK:
        print(json.dumps(what), flush=True)


def channel():
    options = [("grpc.max_receive_message_length", -1)]
    if "AUTHORITY" in os.environ:
        options.append(("grpc.default_authority", os.environ["AUTHORITY"]))
    if "CA" not in os.environ:
        return grpc.insecure_channel(sys.argv[1], options)
    with open(os.environ["CA"], "rb") as file:
        secured = grpc.ssl_channel_credentials(file.read())
    options.append(("grpc.ssl_target_name_override", "localhost"))
    if "HEADER" not in os.environ:
        token = grpc.access_token_call_credentials(os.environ["TOKEN"])
        secured = grpc.composite_channel_credentials(secured, token)
    return grpc.secure_channel(sys.argv[1], secured, options)


def shown(pairs):
    return {key: value if isinstance(value, str) else value.hex() for key, value in pairs or ()}


def metadata(line):
    pairs = list(line.get("metadata", {}).items())
    if "CONNECTION" in os.environ:
        pairs.append(("palisade-connection", os.environ["CONNECTION"]))
    if "CA" not in os.environ or "HEADER" in os.environ:
        name = os.environ.get("HEADER", "authorization")
        token = os.environ["TOKEN"]
        pairs.append((name, token if name == "palisade-token" else f"Bearer {token}"))
    return pairs


def one(opened, line):
    service = line.get("service", messages.SERVICE)
    read, write, client, server = messages.method(line["call"])
    raw = "raw" in line
    make = {(False, False): opened.unary_unary, (False, True): opened.unary_stream,
            (True, False): opened.stream_unary, (True, True): opened.stream_stream}[client, server]
    call = make(f"/{service}/{line.get('as', line['call'])}",
                request_serializer=None if raw else lambda message: message.SerializeToString(),
                response_deserializer=write.FromString)
    sent = line.get("send", {})
    given = sent if isinstance(sent, list) else [sent]
    given = [bytes.fromhex(it) for it in line["raw"]] if raw else [messages.of_json(read, it) for it in given]
    compression = grpc.Compression.Gzip if line.get("gzip") else None
    how = {"metadata": metadata(line), "timeout": line.get("seconds", 60), "compression": compression}
    answers, turns = [], queue.Queue()

    def turn_by_turn():
        for message in given:
            yield message
            turns.get()

    request = (turn_by_turn() if line.get("turns") else iter(given)) if client else given[0]
    if server:
        running = call(request, **how)
    elif client:
        running = call.future(request, **how)
    else:
        running = call.future(request, **how)
    if line.get("cancel"):
        tell(began=True)
        sys.stdin.readline()
        running.cancel()
    problem = None
    try:
        if server:
            for message in running:
                answers.append(message)
                turns.put(None)
        else:
            answers.append(running.result())
    except grpc.FutureCancelledError:
        problem = "cancelled"
    except grpc.RpcError:
        pass
    turns.put(None)
    kept = [it if not line.get("count") else None for it in answers]
    tell(code=running.code().name, details=running.details(), problem=problem, count=len(kept),
         answers=[messages.to_json(it) for it in kept if it is not None],
         before=shown(running.initial_metadata()), after=shown(running.trailing_metadata()))


def main():
    opened = channel()
    for text in sys.stdin:
        line = json.loads(text)
        at_once = line.get("at_once", 1)
        if at_once == 1:
            one(opened, line)
            continue
        threads = [threading.Thread(target=one, args=(opened, line)) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


main()
