"""http.client, which reads no variables: the proxy is named as its documentation says. With ABSOLUTE, https:// goes
to the proxy in the clear."""
import http.client, os, urllib.parse
from lines import send_each

proxy = urllib.parse.urlsplit(os.environ.get("HTTPS_PROXY", ""))


def send(address, body):
    url = urllib.parse.urlsplit(address)
    target = address[len(f"{url.scheme}://{url.netloc}"):]
    if url.hostname == "127.0.0.1" or not proxy.hostname:
        connection = http.client.HTTPConnection(url.hostname, url.port, timeout=20)
    elif url.scheme == "https" and not os.environ.get("ABSOLUTE"):
        connection = http.client.HTTPSConnection(proxy.hostname, proxy.port, timeout=20)
        connection.set_tunnel(url.hostname, url.port)
    else:
        connection = http.client.HTTPConnection(proxy.hostname, proxy.port, timeout=20)
        target = address
    connection.request("POST" if body else "GET", target, body)
    answer = connection.getresponse()
    return answer.status, answer


send_each(send)
