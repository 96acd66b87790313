# Hands in one application to a province's node and follows it, from Python.
#
#   protoc -Iprotos --python_out=gen --grpc_python_out=gen \
#     --plugin=protoc-gen-grpc_python=$(command -v grpc_python_plugin) protos/yizhan/v1/{gateway,case,payload,common,error}.proto
#   PYTHONPATH=gen python3 deploy/examples/apply.py HOST:PORT CA.pem CERT.pem KEY.pem APPLICATION.json
import json, pathlib, sys, uuid
from datetime import datetime

import grpc
from google.protobuf import json_format
from yizhan.v1 import gateway_pb2 as gw, gateway_pb2_grpc

address, ca, cert, key, document = sys.argv[1:]
read = lambda path: pathlib.Path(path).read_bytes()
tls = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
with grpc.secure_channel(address, tls) as channel:
    node = gateway_pb2_grpc.GatewayStub(channel)
    data = json.loads(read(document))
    application = json_format.ParseDict(data["application"], gw.Application())
    application.portrait = read(data["portrait"])
    application.fingerprints.extend(read(path) for path in data["fingerprints"])
    request = gw.ApplyRequest(application=application)
    request.context.request_id = str(uuid.uuid4())  # the same id again: the same answer
    request.context.officer.number, request.context.officer.unit = "032001", "320106001"
    request.context.case_time_unix_us = int(datetime.fromisoformat(data["applied_at"]).timestamp() * 1e6)
    case = node.Apply(request).case
    for change in node.WatchCases(gw.WatchCasesRequest()):
        if change.case.case_handle == case.case_handle:
            print(gw.yizhan_dot_v1_dot_case__pb2.CaseState.Name(change.case.state), change.case.acceptance_number)
            if change.case.acceptance_number: break
