"""A gRPC service that knows nothing of the gateway: server.py [CERTIFICATE KEY [AUTHORITY]].

It prints its port, and a line for each call that waits and for each that was cancelled.
"""
import json
import sys
import threading
from concurrent import futures

import grpc

import messages

Order, Receipt = messages.kind("Order"), messages.kind("Receipt")


def metadata(context):
    return json.dumps([[key, value if isinstance(value, str) else value.hex()]
                       for key, value in context.invocation_metadata()])


def order(query, context):
    made = Order(id=query.id, total=1250, state=1, tags=["a", "b"], note="plain", api_token=77)
    made.customer.name = "Ada"
    made.customer.email = "ada@example.com"
    made.customer.password = "hunter2"
    made.labels["password"] = "hunter3"
    made.labels["colour"] = "red"
    made.blob = b"AKIAIOSFODNN7EXAMPLE"
    made.card = "a card"
    made.extra["password"] = "hunter4"
    made.extra["kept"] = "kept"
    made.secret.value = "hunter5"
    made.detail.Pack(made.customer)
    made.numbers.extend([1, 2, 300])
    if query.id == "echo":
        made.note = metadata(context)
    if query.id == "long":
        made.note = "x" * query.count
    return made


class Orders:
    def Get(self, query, context):
        context.send_initial_metadata((("x-before", "1"), ("x-bytes-bin", b"\x00\x01"),))
        context.set_trailing_metadata((("x-after", "2"), ("x-after-bin", b"\xff\xfe"),))
        return order(query, context)

    def Place(self, placed, context):
        return Receipt(id=placed.id, lines=len(placed.tags))

    def List(self, query, context):
        for _ in range(query.count):
            yield order(query, context)

    def Upload(self, lines, context):
        return Receipt(id="up", lines=sum(1 for _ in lines))

    def Talk(self, lines, context):
        for line in lines:
            yield line

    def Fail(self, query, context):
        context.set_trailing_metadata((("grpc-status-details-bin", b"details " + query.id.encode()),
                                       ("x-told", dict(context.invocation_metadata()).get("authorization", "none"))))
        context.abort(grpc.StatusCode.FAILED_PRECONDITION, query.id)

    def Sleep(self, query, context):
        over = threading.Event()
        context.add_callback(over.set)
        print(f"sleeps {context.time_remaining() is not None}", flush=True)
        over.wait()
        print("cancelled", flush=True)
        return Order()


def handler(name):
    read, _, client, server = messages.method(name)
    make = {(False, False): grpc.unary_unary_rpc_method_handler,
            (False, True): grpc.unary_stream_rpc_method_handler,
            (True, False): grpc.stream_unary_rpc_method_handler,
            (True, True): grpc.stream_stream_rpc_method_handler}[client, server]
    return make(getattr(Orders(), name), request_deserializer=read.FromString,
                response_serializer=lambda message: message.SerializeToString())


def read(path):
    with open(path, "rb") as file:
        return file.read()


def main():
    server = grpc.server(futures.ThreadPoolExecutor(max_workers=32),
                         options=[("grpc.max_receive_message_length", -1)])
    names = ["Get", "Place", "List", "Upload", "Talk", "Fail", "Sleep"]
    handlers = {name: handler(name) for name in names}
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(messages.SERVICE, handlers),))
    address = "127.0.0.1:0"
    if len(sys.argv) > 1:
        shown = [(read(sys.argv[2]), read(sys.argv[1]))]
        clients = read(sys.argv[3]) if len(sys.argv) > 3 else None
        secured = grpc.ssl_server_credentials(shown, clients, clients is not None)
        port = server.add_secure_port(address, secured)
    else:
        port = server.add_insecure_port(address)
    assert port
    server.start()
    print(port, flush=True)
    server.wait_for_termination()


main()
