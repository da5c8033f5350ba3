"""What a program does with boto3: it prints one line for each step, as JSON.

boto.py BASE  where BASE/s3, BASE/dynamodb and BASE/sts are the services
"""
import io
import json
import sys

import boto3
from botocore.exceptions import ClientError


def service(name):
    return boto3.client(name, endpoint_url=f"{sys.argv[1]}/{name}")


def step(name, value):
    print(json.dumps({"step": name, "value": value}), flush=True)


s3 = service("s3")
s3.create_bucket(Bucket="files")
for key in ["plain", "a+b (1)!.json", "deep/ä"]:
    s3.put_object(Bucket="files", Key=key, Body=b"hello " + key.encode())
    step(f"got {key}", s3.get_object(Bucket="files", Key=key)["Body"].read().decode())
listed = s3.list_objects_v2(Bucket="files", Prefix="deep/", Delimiter="/")
step("listed", [item["Key"] for item in listed["Contents"]])
big = bytes(range(256)) * 40_000
s3.upload_fileobj(io.BytesIO(big), "files", "big")
into = io.BytesIO()
s3.download_fileobj("files", "big", into)
step("multipart", into.getvalue() == big)
try:
    s3.delete_object(Bucket="files", Key="plain")
except ClientError as error:
    step("denied", error.response["Error"])
tables = service("dynamodb")
tables.create_table(
    TableName="people",
    KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
    AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
    BillingMode="PAY_PER_REQUEST",
)
tables.put_item(TableName="people", Item={"id": {"S": "1"}, "name": {"S": "Ada"}})
step("item", tables.get_item(TableName="people", Key={"id": {"S": "1"}})["Item"]["name"]["S"])
step("caller", service("sts").get_caller_identity()["Arn"])
