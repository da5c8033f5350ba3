"""AWS's services as moto plays them, with signatures and rights checked.

aws.py PORT  prints the id and the secret of a key that may do everything, and serves until its input ends
"""
import json
import os
import sys

# What comes before the key is there is not checked; everything after is.
os.environ["INITIAL_NO_AUTH_ACTION_COUNT"] = "3"

import boto3
from moto.server import ThreadedMotoServer

port = int(sys.argv[1])
server = ThreadedMotoServer(ip_address="127.0.0.1", port=port, verbose=False)
server.start()
iam = boto3.client(
    "iam",
    region_name="us-east-1",
    endpoint_url=f"http://127.0.0.1:{port}",
    aws_access_key_id="first",
    aws_secret_access_key="first",
)
everything = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
iam.create_user(UserName="gateway")
iam.put_user_policy(UserName="gateway", PolicyName="all", PolicyDocument=json.dumps(everything))
key = iam.create_access_key(UserName="gateway")["AccessKey"]
print(json.dumps({"id": key["AccessKeyId"], "secret": key["SecretAccessKey"]}), flush=True)
sys.stdin.read()
