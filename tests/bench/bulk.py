"""A large result of ten columns of text, and the same as COPY, through each side in turn."""

from load import timed
from sides import servers
from wire import BUFFER, Connection

# Texts of twelve characters; no name of these but the last three means anything to a policy.
MAKE = """
CREATE UNLOGGED TABLE wide AS
    SELECT {plain}, substr(md5((n * 31)::text), 1, 12) AS note,
        substr(md5((n * 37)::text), 1, 12)::varchar AS password, substr(md5((n * 41)::text), 1, 12)::varchar AS token
    FROM generate_series(1, {rows}) n
"""
PLAIN = [f"c{at}" for at in range(10)]
# What is selected of it: ten columns of the same size each time.
COLUMNS = {
    "plain": PLAIN,
    "two-masked": [*PLAIN[:8], "password", "token"],
    "one-inspected": [*PLAIN[:9], "note"],
}


def make(server, rows):
    plain = ", ".join(f"substr(md5((n * {at + 7})::text), 1, 12)::varchar AS {name}" for at, name in enumerate(PLAIN))
    server.run(MAKE.format(plain=plain, rows=rows))
    server.run("VACUUM ANALYZE wide")


def select(columns):
    return f"SELECT {', '.join(COLUMNS[columns])} FROM wide"


def copy(columns):
    return f"COPY wide ({', '.join(COLUMNS[columns])}) TO STDOUT"


def run(proxy, text):
    """Reads the whole result of a text; a new session each time, whose login is not measured."""
    connection = Connection(proxy.side(), servers.NAME, 600)
    try:
        # What is looked up at a session's first statement is looked up before.
        connection.query("SELECT 1")
        buffer = bytearray(BUFFER)
        return timed(proxy, lambda: connection.query(text, buffer))
    finally:
        connection.close()
