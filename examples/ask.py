"""An application that asks a gateway, whose base URL is GATEWAY, without libcurl:
each argument is a question. Nothing here knows that it is observed."""
import json
import os
import sys
import urllib.request

for question in sys.argv[1:]:
    urllib.request.urlopen(urllib.request.Request(
        os.environ["GATEWAY"] + "/chat/completions", json.dumps({
            "model": "gpt-4o-mini",
            "messages": [{"role": "user", "content": question}]}).encode(),
        {"Content-Type": "application/json"})).read()
