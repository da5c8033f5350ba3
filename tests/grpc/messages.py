"""Messages by their descriptors, which nothing was generated from: the file that SHOP names."""
import os

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SERVICE = "shop.v1.Orders"


def pool():
    files = descriptor_pb2.FileDescriptorSet()
    with open(os.environ["SHOP"], "rb") as file:
        files.ParseFromString(file.read())
    made = descriptor_pool.DescriptorPool()
    for file in files.file:
        made.Add(file)
    return made


POOL = pool()


def kind(name):
    return message_factory.GetMessageClass(POOL.FindMessageTypeByName(f"shop.v1.{name}"))


def method(name):
    found = POOL.FindServiceByName(SERVICE).methods_by_name[name]
    made = message_factory.GetMessageClass
    return made(found.input_type), made(found.output_type), found.client_streaming, found.server_streaming


def of_json(cls, value):
    return json_format.ParseDict(value, cls(), descriptor_pool=POOL)


def to_json(message):
    return json_format.MessageToDict(
        message, preserving_proto_field_name=True, descriptor_pool=POOL)
