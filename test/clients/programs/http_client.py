"""The same with http.client, which reads no variables: the proxy is named as its documentation says."""
import http.client, os, shutil, sys, urllib.parse

url = urllib.parse.urlsplit(sys.argv[1])
data = sys.argv[2].encode() if len(sys.argv) > 2 else None
proxy = urllib.parse.urlsplit(os.environ.get("HTTPS_PROXY", ""))
target = sys.argv[1][len(f"{url.scheme}://{url.netloc}"):]
if url.hostname == "127.0.0.1" or not proxy.hostname:
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
elif url.scheme == "https":
    connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, timeout=20)
    connection.set_tunnel(url.hostname, url.port)
else:
    connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=20)
    target = sys.argv[1]
connection.request("POST" if data else "GET", target, data)
answer = connection.getresponse()
shutil.copyfileobj(answer, sys.stdout.buffer)
sys.exit(0 if answer.status == 200 else 22)
