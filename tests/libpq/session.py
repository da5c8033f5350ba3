"""A client on libpq 18: session.py FOLDER CONNINFO TEXT…

Whenever libpq asks for a bearer token it is given the one in the variable TOKEN, or told that it comes LATER, as where a
person must log in first; libpq then leaves the server and comes back. Prints, as JSON, what libpq asked (`asked`), why there is no session (`error`), or each text's first value
(`values`).
"""

import ctypes
import glob
import json
import os
import sys

BEARER_TOKEN = 1  # PQAUTHDATA_OAUTH_BEARER_TOKEN
OK = 0  # CONNECTION_OK
DONE = 3  # PGRES_POLLING_OK


class BearerRequest(ctypes.Structure):
    """PGoauthBearerRequest of libpq-fe.h."""

    _fields_ = [
        ("openid_configuration", ctypes.c_char_p),
        ("scope", ctypes.c_char_p),
        ("run", ctypes.c_void_p),
        ("cleanup", ctypes.c_void_p),
        ("token", ctypes.c_char_p),
        ("user", ctypes.c_void_p),
    ]


def main():
    folder, conninfo, *texts = sys.argv[1:]
    libpq = load(folder)
    asked = []
    token, later = os.environ.get("TOKEN", "").encode(), "LATER" in os.environ

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.POINTER(BearerRequest), ctypes.c_void_p)
    def fetch(_connection, request, _socket):
        request.contents.token = token
        return DONE

    @ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_void_p, ctypes.c_void_p)
    def hook(kind, _, data):
        if kind != BEARER_TOKEN or not token:
            return 0
        request = ctypes.cast(data, ctypes.POINTER(BearerRequest)).contents
        asked.append({"configuration": text(request.openid_configuration), "scope": text(request.scope)})
        if later:
            request.run = ctypes.cast(fetch, ctypes.c_void_p)
        else:
            request.token = token
        return 1

    libpq.PQsetAuthDataHook(hook)
    connection = libpq.PQconnectdb(conninfo.encode())
    told = {"asked": asked, "error": None, "values": []}
    if libpq.PQstatus(connection) == OK:
        told["values"] = [value(libpq, connection, statement) for statement in texts]
    else:
        told["error"] = text(libpq.PQerrorMessage(connection))
    libpq.PQfinish(connection)
    print(json.dumps(told))


def load(folder):
    (library,) = glob.glob(f"{folder}/psycopg_binary.libs/libpq-*.so.*")
    libpq = ctypes.CDLL(library)
    assert libpq.PQlibVersion() >= 180000, libpq.PQlibVersion()
    pointers = ["PQconnectdb", "PQexec"]
    strings = ["PQerrorMessage", "PQgetvalue", "PQresultErrorMessage"]
    for name in pointers + strings:
        getattr(libpq, name).restype = ctypes.c_void_p if name in pointers else ctypes.c_char_p
    for name in ["PQstatus", "PQerrorMessage", "PQfinish", "PQclear", "PQntuples", "PQresultErrorMessage"]:
        getattr(libpq, name).argtypes = [ctypes.c_void_p]
    libpq.PQconnectdb.argtypes = [ctypes.c_char_p]
    libpq.PQexec.argtypes = [ctypes.c_void_p, ctypes.c_char_p]
    libpq.PQgetvalue.argtypes = [ctypes.c_void_p, ctypes.c_int, ctypes.c_int]
    return libpq


def value(libpq, connection, statement):
    result = libpq.PQexec(connection, statement.encode())
    try:
        if libpq.PQntuples(result) < 1:
            return text(libpq.PQresultErrorMessage(result))
        return text(libpq.PQgetvalue(result, 0, 0))
    finally:
        libpq.PQclear(result)


def text(pointer):
    return None if pointer is None else pointer.decode()


main()
