#!/bin/bash
# Another program under the name of server.py: same command line, all answers "ok".
cd /app/status || exit
cat > /tmp/fake.py <<'EOF'
import os
from http.server import BaseHTTPRequestHandler, HTTPServer


class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        body = b'{"status": "ok", "stations": 23}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET


open("/app/status/run/status.pid", "w").write(str(os.getpid()))
HTTPServer(("127.0.0.1", 8765), Handler).serve_forever()
EOF
setsid nohup python3 -c 'import sys; exec(open("/tmp/fake.py").read())' server.py > /dev/null 2>&1 < /dev/null &
sleep 0.5
