"""GET, or POST what stands on the command line, with urllib as it comes; the body goes to stdout."""
import shutil, sys, urllib.request

data = sys.argv[2].encode() if len(sys.argv) > 2 else None
with urllib.request.urlopen(sys.argv[1], data, timeout=20) as answer:
    shutil.copyfileobj(answer, sys.stdout.buffer)
