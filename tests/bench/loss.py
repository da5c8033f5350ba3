"""Whether an event is lost when the gateway is killed: every statement that was answered must be in the record."""

import json
import subprocess
import threading

from sides import servers
from wire import Connection, Refused

CLIENTS = 8
# Statements of each client before the kill, which then comes in the middle of the others'.
ENOUGH = 2000


def measure(gateway):
    """How many statements were answered, and how many of these the record does not hold."""
    answered, enough = [0] * CLIENTS, threading.Event()
    clients = [threading.Thread(target=ask, args=(gateway, at, answered, enough)) for at in range(CLIENTS)]
    for client in clients:
        client.start()
    enough.wait()
    gateway.process.kill()
    gateway.process.wait()
    for client in clients:
        client.join()
    if max(answered) < ENOUGH:
        raise SystemExit(f"bench: a client was refused, or lost its connection, before the gateway was killed: {answered} answers")
    gateway.start()
    recorded = texts(gateway)
    expected = [text(client, at) for client, count in enumerate(answered) for at in range(count)]
    return len(expected), sum(each not in recorded for each in expected)


def text(client, at):
    return f"SELECT 'client {client} statement {at}'"


def ask(gateway, client, answered, enough):
    try:
        connection = Connection(gateway.side(), servers.NAME)
        while True:
            connection.query(text(client, answered[client]))
            answered[client] += 1
            if answered[client] >= ENOUGH:
                enough.set()
    except (OSError, Refused):
        enough.set()


def texts(gateway):
    """The texts of all recorded commands of the newest sessions whose results are there too."""
    found = set()
    for session in shown(gateway, "list", "--limit", str(CLIENTS * 2)):
        for document in shown(gateway, "show", session["id"]):
            events = document["events"]
            finished = {event["number"] for event in events if event["kind"] == "result"}
            commands = (event for event in events if event["kind"] == "command")
            found |= {event["text"] for event in commands if event["number"] in finished}
    return found


def shown(gateway, *arguments):
    command = gateway._command("sessions", *arguments, "--json")
    done = subprocess.run(command, env=gateway._environment(), capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: the record cannot be read: {done.stderr}")
    decoder, text, values, at = json.JSONDecoder(), done.stdout.strip(), [], 0
    while at < len(text):
        value, at = decoder.raw_decode(text, at)
        values += value if isinstance(value, list) else [value]
        while at < len(text) and text[at].isspace():
            at += 1
    return values
