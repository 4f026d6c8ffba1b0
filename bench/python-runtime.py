"""Plays Lambda's Python runtime for python-handler.py, as test/engines/lambda-bootstrap.mjs does for Node.

On bare sockets, since AWS's own client is native code: what the handler imports must not be loaded
already, or its start would look shorter than it is.
"""

import importlib
import json
import os
import socket

host, port = os.environ["AWS_LAMBDA_RUNTIME_API"].split(":")


def call(method: str, path: str, body: str = "") -> tuple[dict[str, str], bytes]:
    """One connection for each call; its end is the end of the answer."""
    payload = body.encode()
    head = (
        f"{method} /2018-06-01/runtime/{path} HTTP/1.1\r\nHost: {host}:{port}\r\n"
        f"Connection: close\r\nContent-Length: {len(payload)}\r\n\r\n"
    )
    received = b""
    with socket.create_connection((host, int(port))) as connection:
        connection.sendall(head.encode() + payload)
        while chunk := connection.recv(65_536):
            received += chunk
    top, _, rest = received.partition(b"\r\n\r\n")
    lines = [line.partition(":") for line in top.decode().split("\r\n")[1:]]
    return {name.lower(): value.strip() for name, _, value in lines}, rest


handler = importlib.import_module("python-handler").handler
while True:
    headers, event = call("GET", "invocation/next")
    request_id = headers["lambda-runtime-aws-request-id"]
    answer = handler(json.loads(event))
    call("POST", f"invocation/{request_id}/response", json.dumps(answer))
